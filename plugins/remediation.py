"""Picks the hints of the runbook that fit what was observed, and fills in the target's own names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fixtures.evidence.base import Why
from fixtures.expect import Expected, Locked
from fixtures.profile import Profile
from fixtures.profile.units import spell
from plugins.outcome import Outcome
from plugins.reporting.record import ComparisonRecord, Result
from plugins.runbook import Command, Escalation, Hint, Procedure, read

__all__ = ["Command", "Escalation", "Hint", "Procedure", "catalogue", "escalations", "pick", "procedures"]

OF_THE_FINDING = ("criterion", "marker", "observed", "expected", "subject", "locked", "service", "revision")
OF_THE_REASON = ("detail", "looked_at", "permission", "role", "api", "upstream")
FACTS = (*OF_THE_FINDING, *OF_THE_REASON, "principal", "member", "checkout")
"""Placeholders that come from the finding; every other one is a key path of the profile.

`locked` is the expected value as code writes it (`75.0`), `marker` the criterion's phase, `service` the Cloud Run
service that the finding names, `revision` the one that receives its traffic, `api` such as `run.googleapis.com`,
`upstream` the criterion that stands in the way, `member` the principal as IAM writes it.
"""
BY_HAND = {"checkout": "PATH", "member": "MEMBER", "revision": "REVISION"}
"""Facts that a command may leave to its reader; a command that lacks any other is left out."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)*)\}")


@dataclass(frozen=True)
class _Match:
    """A hint, and what of a result it explains. Matches sort by `rank`: the most specific first."""

    hint: Hint
    rank: tuple[bool, int, bool]
    comparisons: tuple[ComparisonRecord, ...] = ()
    why: Why | None = None


def catalogue() -> tuple[Hint, ...]:
    """Return every hint, in the order of the files' names.

    Raises:
        CatalogueError: the runbook is not valid.
    """
    return read().hints


def procedures(profile: Profile) -> tuple[Procedure, ...]:
    """Return the plan's emergency sequence and rollbacks, with the target's own names."""
    facts = {"service": profile.services.backend.name, "checkout": lookup("backend_source.checkout", profile, {})}
    return tuple(
        one.model_copy(
            update={
                "commands": tuple(_command(command, profile, facts) for command in one.commands),
                "verify": fill(one.verify, profile, facts),
            }
        )
        for one in read().procedures
    )


def escalations() -> tuple[Escalation, ...]:
    """Return the plan's escalation times, the earliest first."""
    return read().escalations


def pick(result: Result, profile: Profile, facts: Mapping[str, str]) -> tuple[Hint, ...]:
    """Return the hints that fit a finding, filled in with the target's own names; the most specific first.

    Args:
        result: a criterion that failed, warned or is blocked.
        profile: the target.
        facts: values of `FACTS` that the run as a whole knows, such as the principal.
    """
    matches = [match for hint in catalogue() if (match := _match(hint, result)) is not None]
    return tuple(_filled(match, result, profile, facts) for match in sorted(matches, key=lambda match: match.rank))


def _match(hint: Hint, result: Result) -> _Match | None:
    if result.outcome is Outcome.BLOCKED:
        return _match_reason(hint, result)
    if result.criterion.id not in hint.criteria:
        return None
    violated = sorted((one for one in result.comparisons if not one.holds), key=lambda one: one.warning)
    explained = [
        one
        for one in violated
        if ("*" in hint.when or one.symptom in hint.when) and (not hint.only or one.observed in hint.only)
    ]
    if not explained:
        return None
    rank = ("*" in hint.when, violated.index(explained[0]), not hint.only)
    return _Match(hint, rank, comparisons=tuple(explained))


def _match_reason(hint: Hint, result: Result) -> _Match | None:
    if hint.criteria and result.criterion.id not in hint.criteria:
        return None
    for number, why in enumerate(result.blocked):
        if why.reason in hint.reasons and (not hint.only or why.permission in hint.only):
            return _Match(hint, (not (hint.criteria or hint.only), number, not hint.only), why=why)
    return None


def _filled(match: _Match, result: Result, profile: Profile, known: Mapping[str, str]) -> Hint:
    facts = {**known, **_facts(match, result, profile, known.get("principal", ""))}
    services = _services(match, profile)
    commands = []
    for command in match.hint.commands:
        for key, name in services if "{service}" in command.run else services[:1]:
            here = facts | {"service": name, "revision": _revision(result, key)}
            if _complete(command, profile, here):
                commands.append(_command(command, profile, here))
    texts = {name: fill(getattr(match.hint, name), profile, facts) for name in ("cause", "verify")}
    return match.hint.model_copy(update={**texts, "commands": tuple(commands)})


def _facts(match: _Match, result: Result, profile: Profile, principal: str) -> dict[str, str]:
    facts = {"criterion": result.criterion.id, "marker": next(iter(result.criterion.markers), "")}
    facts |= {"checkout": lookup("backend_source.checkout", profile, {}), "service": _services(match, profile)[0][1]}
    if principal.endswith(".gserviceaccount.com"):
        facts["member"] = f"serviceAccount:{principal}"
    elif "@" in principal:
        facts["member"] = f"user:{principal}"
    for one in match.comparisons[:1]:
        facts |= {"observed": one.observed, "expected": one.expected, "subject": one.subject}
        facts["locked"] = lookup(one.key, profile, {}) if one.key else ""
    if match.why is not None:
        why = match.why
        facts |= {"detail": why.detail, "looked_at": why.looked_at, "upstream": why.criterion or ""}
        facts |= {"permission": why.permission or "", "role": why.role or "", "api": _api(why)}
    return facts


def _api(why: Why) -> str:
    """Return the API that was asked: the one that the sentence names, else the first word of what was looked at."""
    named = re.search(r"[a-z]+\.googleapis\.com", why.detail)
    asked = re.match(r"([a-z]+) [\w.]+$", why.looked_at)
    return named[0] if named else f"{asked[1]}.googleapis.com" if asked else ""


def _services(match: _Match, profile: Profile) -> list[tuple[str, str]]:
    """Return key and name of the declared services that the finding names; the backend's when it names none."""
    subjects = [one.subject for one in match.comparisons]
    named = [
        (key, service.name)
        for key, service in profile.services
        if any(service.name in subject or subject.endswith(f" {key}") for subject in subjects)
    ]
    return named or [("backend", profile.services.backend.name)]


def _revision(result: Result, key: str) -> str:
    """Return the revision that was seen to receive the service's traffic; empty when the criterion saw none."""
    value: Any = result.evidence
    for part in ("cloud_run", "services", key, "evidence", "serving", "name"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return str(value or "")


def placeholders(*texts: str) -> set[str]:
    """Return the names of all placeholders in some texts."""
    return {name for text in texts for name in _PLACEHOLDER.findall(text)}


def _complete(command: Command, profile: Profile, facts: Mapping[str, str]) -> bool:
    return all(lookup(name, profile, facts) or name in BY_HAND for name in placeholders(command.run))


def _command(command: Command, profile: Profile, facts: Mapping[str, str]) -> Command:
    texts = {name: fill(getattr(command, name), profile, facts) for name in ("run", "changes", "undo")}
    return command.model_copy(update=texts)


def fill(text: str, profile: Profile, facts: Mapping[str, str]) -> str:
    """Return a text with its placeholders filled in; what is not known stands in capitals.

    Raises:
        KeyError: a placeholder is neither a fact nor a key path of the profile.
    """

    def known(match: re.Match[str]) -> str:
        return lookup(match[1], profile, facts) or BY_HAND.get(match[1], match[1].upper())

    return _PLACEHOLDER.sub(known, text)


def lookup(name: str, profile: Profile, facts: Mapping[str, str]) -> str:
    """Return the value of a placeholder as a command line or code writes it; empty when it is not known.

    Raises:
        KeyError: it is neither a fact nor a key path of the profile.
    """
    if name in FACTS:
        return facts.get(name, "")
    value: Any = Locked(profile, "")
    for part in name.split("."):
        if isinstance(value, Expected) and value.value is None:
            return ""  # an optional table that this profile does without
        try:
            value = getattr(value, part)
        except AttributeError:
            raise KeyError(name) from None
    if not isinstance(value, Expected):
        raise KeyError(name)
    return _written(value)


def _written(expected: Expected) -> str:
    match expected.value:
        case None:
            return ""
        case list() | tuple():
            return ",".join(str(item) for item in expected.value)
        case value if expected.unit == "millicores":
            return f"{value / 1000:g}"
        case value if expected.unit in ("memory_bytes", "share"):
            return spell(value, expected.unit)
        case value:
            return str(value)


def unknown_placeholders(hints: Iterable[Hint | Procedure], profile: Profile) -> list[str]:
    """Return `hint: placeholder` for every placeholder that is neither a fact nor a key path of this profile."""
    unknown = []
    for hint in hints:
        texts = [text for command in hint.commands for text in (command.run, command.changes, command.undo)]
        texts += [hint.cause if isinstance(hint, Hint) else hint.title, hint.verify]
        for name in sorted(placeholders(*texts)):
            try:
                lookup(name, profile, {})
            except KeyError:
                unknown.append(f"{hint.id}: {{{name}}}")
    return unknown
