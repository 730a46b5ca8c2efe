"""Picks the hints of the runbook that fit what was observed, and fills in the target's own names."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fixtures.evidence.base import Why
from fixtures.expect import Expected, Locked
from fixtures.profile import Profile
from fixtures.profile.model import Service
from fixtures.profile.units import spell
from plugins.outcome import Outcome
from plugins.reporting.record import ComparisonRecord, Result
from plugins.runbook import CatalogueError, Command, Escalation, Hint, Procedure, read

__all__ = ["Command", "Escalation", "Hint", "Procedure", "catalogue", "check", "escalations", "pick", "procedures"]

OF_THE_FINDING = ("criterion", "marker", "observed", "expected", "subject", "locked", "service", "url", "revision")
OF_THE_REASON = ("detail", "looked_at", "permission", "role", "api", "secret", "upstream")
FACTS = (*OF_THE_FINDING, *OF_THE_REASON, "principal", "member", "checkout")
"""Placeholders that come from the finding; every other one is a key path of the profile.

`locked` is the expected value as code writes it (`75.0`), `marker` the criterion's phase, `service` the Cloud Run
service that the finding names, `url` its health endpoint, `revision` the one that receives its traffic, `api` such as
`run.googleapis.com`, `secret` the one that a refusal names, `upstream` the criterion that stands in the way, `member`
the principal as IAM writes it.
"""
OF_A_SERVICE = {"service", "url"}
BY_HAND = {"checkout": "PATH", "member": "MEMBER", "revision": "REVISION", "secret": "SECRET"}
"""Facts that a command may leave to its reader; a command that lacks any other is left out."""
DEFAULT_TARGET = "staging"
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


def check(profile: Profile) -> None:
    """Refuse a runbook that this target cannot use, before anything is looked at.

    Raises:
        CatalogueError: it is not valid, or a placeholder is neither a fact nor a key path of this profile.
    """
    book = read()
    unknown = unknown_placeholders((*book.hints, *book.procedures), profile)
    if unknown:
        raise CatalogueError(
            "\n".join(
                f"{book.files[id]}: {id}: {{{name}}} is neither a fact nor a key of the profile" for id, name in unknown
            )
        )


def procedures(profile: Profile, target: str = "") -> tuple[Procedure, ...]:
    """Return the plan's emergency sequence and rollbacks, with the target's own names.

    Args:
        profile: the target.
        target: what `--target` was.
    """
    facts = {"target": target, "checkout": lookup("backend_source.checkout", profile, {})}
    return tuple(
        one.model_copy(
            update={
                "commands": tuple(_command(command, profile, facts) for command in one.commands),
                "verify": _typed(fill(one.verify, profile, facts, quoted=True), facts),
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
        facts: what the run as a whole knows: the `principal`, and as `target` what `--target` was.
    """
    found = []
    for hint in catalogue():
        match = _match(hint, result)
        if match is not None:
            known = {**facts, **_facts(match, result, profile, facts.get("principal", ""))}
            # A cause that names what nobody knows is a guess, so it comes behind those that name nothing unknown.
            found.append(((not _told(hint.cause, profile, known), match.rank), match, known))
    found.sort(key=lambda one: one[0])
    return tuple(_filled(match, result, profile, known) for _, match, known in found)


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


def _filled(match: _Match, result: Result, profile: Profile, facts: Mapping[str, str]) -> Hint:
    services = _services(match, profile)
    commands = []
    for command in match.hint.commands:
        for key, service in services if OF_A_SERVICE & placeholders(command.run) else services[:1]:
            here = {**facts, **_of_service(service), "revision": _revision(result, key)}
            if _told(command.run, profile, here):
                commands.append(_command(command, profile, here))
    texts = {"cause": fill(match.hint.cause, profile, facts)}
    texts["verify"] = _typed(fill(match.hint.verify, profile, facts, quoted=True), facts)
    return match.hint.model_copy(update={**texts, "commands": tuple(commands)})


def _facts(match: _Match, result: Result, profile: Profile, principal: str) -> dict[str, str]:
    facts = {"criterion": result.criterion.id, "marker": next(iter(result.criterion.markers), "")}
    facts |= {
        "checkout": lookup("backend_source.checkout", profile, {}),
        **_of_service(_services(match, profile)[0][1]),
    }
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
        named = re.search(r"/secrets/([\w-]+)", why.detail)
        facts["secret"] = named[1] if named else ""
    return facts


def _api(why: Why) -> str:
    """Return the API that was asked: the one that the sentence names, else the first word of what was looked at."""
    named = re.search(r"[a-z]+\.googleapis\.com", why.detail)
    asked = re.match(r"([a-z]+) [\w.]+$", why.looked_at)
    return named[0] if named else f"{asked[1]}.googleapis.com" if asked else ""


def _services(match: _Match, profile: Profile) -> list[tuple[str, Service]]:
    """Return the declared services that the finding names, with their keys; the backend when it names none."""
    subjects = [one.subject for one in match.comparisons]
    named = [
        (key, service)
        for key, service in profile.services
        if any(_names(subject, key, service) for subject in subjects)
    ]
    return named or [("backend", profile.services.backend)]


def _names(subject: str, key: str, service: Service) -> bool:
    host = urlsplit(service.url).netloc
    return service.name in subject or subject.endswith(f" {key}") or host in subject


def _of_service(service: Service) -> dict[str, str]:
    return {"service": service.name, "url": service.url + service.health_path}


def _revision(result: Result, key: str) -> str:
    """Return the revision that was seen to receive the service's traffic; empty when the criterion saw none."""
    value: Any = result.evidence
    for part in ("cloud_run", "services", key, "evidence", "serving", "name"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return str(value or "")


def placeholders(*texts: str) -> set[str]:
    """Return the names of all placeholders in some texts."""
    return {name for text in texts for name in _PLACEHOLDER.findall(text)}


def _told(text: str, profile: Profile, facts: Mapping[str, str]) -> bool:
    """Whether everything that a text names is known, or may be left to its reader."""
    return all(lookup(name, profile, facts) or name in BY_HAND for name in placeholders(text))


def _command(command: Command, profile: Profile, facts: Mapping[str, str]) -> Command:
    none = command.undo.startswith("none:")
    texts = {
        "run": _typed(fill(command.run, profile, facts, quoted=True), facts),
        "changes": fill(command.changes, profile, facts),
        "undo": fill(command.undo, profile, facts, quoted=not none),
    }
    return command.model_copy(update=texts)


def _typed(run: str, facts: Mapping[str, str]) -> str:
    """Return a command line as it is typed for this target: pytest without `--target` looks at staging."""
    target = facts.get("target", "")
    if run.split(" ")[0] != "pytest" or "--target" in run or target in ("", DEFAULT_TARGET):
        return run
    return f"{run} --target {shlex.quote(target)}"


def fill(text: str, profile: Profile, facts: Mapping[str, str], *, quoted: bool = False) -> str:
    """Return a text with its placeholders filled in; what is not known stands in capitals.

    Args:
        text: the text.
        profile: the target.
        facts: values of `FACTS`.
        quoted: whether the text is a command line, in which a value must stay one word.

    Raises:
        KeyError: a placeholder is neither a fact nor a key path of the profile.
    """

    def known(match: re.Match[str]) -> str:
        value = lookup(match[1], profile, facts)
        if not value:
            return BY_HAND.get(match[1], match[1].upper())
        if not quoted:
            return value
        within_quotes = text[: match.start()].count("'") % 2 == 1
        return value.replace("'", "'\\''") if within_quotes else shlex.quote(value)

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


def unknown_placeholders(entries: Iterable[Hint | Procedure], profile: Profile) -> list[tuple[str, str]]:
    """Return entry and name of every placeholder that is neither a fact nor a key path of this profile."""
    used = {entry.id: placeholders(*_texts(entry)) for entry in entries}
    unknown = {name for name in set().union(*used.values()) if not _exists(name, profile)}
    return [(id, name) for id in used for name in sorted(used[id] & unknown)]


def _texts(entry: Hint | Procedure) -> list[str]:
    texts = [text for command in entry.commands for text in (command.run, command.changes, command.undo)]
    return [*texts, entry.cause if isinstance(entry, Hint) else entry.title, entry.verify]


def _exists(name: str, profile: Profile) -> bool:
    try:
        lookup(name, profile, {})
    except KeyError:
        return False
    return True
