"""Picks the hints of the runbook that fit what was observed, and fills in the target's own names."""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from fixtures.evidence.base import Why
from fixtures.profile import Profile
from fixtures.profile.model import Service
from plugins.outcome import Outcome
from plugins.placeholders import exists, fill, lookup, placeholders, told
from plugins.reporting.record import ComparisonRecord, Result
from plugins.runbook import CatalogueError, Command, Escalation, Hint, Procedure, read

__all__ = ["Command", "Escalation", "Hint", "Procedure", "catalogue", "check", "escalations", "pick", "procedures"]

OF_A_SERVICE = {"service", "url"}
DEFAULT_TARGET = "staging"
PROJECT = "target.project"
"""The placeholder that a refusal by another project fills in: whoever mends it does so there."""


@dataclass(frozen=True)
class _Match:
    """A hint, and what of a result it explains. Matches sort by `rank`: the most specific first."""

    hint: Hint
    rank: tuple[bool, int, bool]
    comparisons: tuple[ComparisonRecord, ...] = ()
    why: Why | None = None

    @property
    def catches_all(self) -> bool:
        """Whether the hint is for any symptom, or for any criterion that is blocked for this reason."""
        return self.rank[0]


def catalogue() -> tuple[Hint, ...]:
    """Return every hint, in the order of the files' names.

    Raises:
        CatalogueError: the runbook is not valid.
    """
    return read().hints


def check(profile: Profile) -> None:
    """Refuse a runbook that this target cannot use, before anything is looked at.

    Raises:
        CatalogueError: it is not valid, a placeholder is neither a fact nor a key path of this profile, or a criterion
            has no entry at all.
    """
    book = read()
    unknown = unknown_placeholders((*book.hints, *book.procedures), profile)
    if unknown:
        raise CatalogueError(
            "\n".join(
                f"{book.files[id]}: {id}: {{{name}}} is neither a fact nor a key of the profile" for id, name in unknown
            )
        )
    if book.unhinted:
        raise CatalogueError("\n".join(f"no entry is for criterion {id}" for id in book.unhinted))


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
        facts: what the run as a whole knows: the `principal`, as `target` what `--target` was, and as `own` the
            folders that `--own` named, joined like a search path.
    """
    found = []
    for hint in catalogue():
        match = _match(hint, result)
        if match is not None:
            known = {**facts, **_facts(match, result, profile, facts.get("principal", ""))}
            # A cause that names what nobody knows is a guess, so it comes behind those that name nothing unknown.
            found.append(((not told(hint.cause, profile, known), match.rank), match, known))
    found.sort(key=lambda one: one[0])
    specific = [match for _, match, _ in found if not match.catches_all]
    return tuple(
        _filled(match, result, profile, known)
        for _, match, known in found
        if not (match.catches_all and _is_told(match, specific))
    )


def _is_told(match: _Match, specific: Iterable[_Match]) -> bool:
    """Whether others say something particular of all that this match explains."""
    told = {one for other in specific for one in other.comparisons}
    return set(match.comparisons) <= told and match.why in {other.why for other in specific}


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
    services, roles = _services(match, profile), _roles(match)
    commands = []
    for command in match.hint.commands:
        named = placeholders(command.run)
        each = product(
            services if OF_A_SERVICE & named else services[:1],
            roles if "role" in named else roles[:1],
        )
        for (key, service), role in each:
            here = {**facts, **_of_service(service), "revision": _revision(result, key), "role": role}
            if told(command.run, profile, here) and not (PROJECT in here and _mixes(command)):
                commands.append(_command(command, profile, here))
    texts = {"cause": fill(match.hint.cause, profile, facts)}
    texts["verify"] = _typed(fill(match.hint.verify, profile, facts, quoted=True), facts)
    because = _because(match, result)
    return match.hint.model_copy(update={**texts, "commands": tuple(commands), "because": because})


def _mixes(command: Command) -> bool:
    """Whether a command names more of the target than its project, which nobody can say of another one's."""
    return any("." in name or name in OF_A_SERVICE for name in placeholders(command.run) - {PROJECT})


def _because(match: _Match, result: Result) -> tuple[str, ...]:
    """Return what of a result a hint was chosen by: a line for each comparison, or the reason; with who said it."""
    if match.why is not None:
        asked = match.why.looked_at
        return (f"{match.why.detail} ({asked})" if asked else match.why.detail,)
    seen = "; ".join((*result.sources, f"{result.seconds:.1f} s"))
    return tuple(f"{one.subject}: {one.observed}, expected {one.expected} ({seen})" for one in match.comparisons)


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
        facts |= {"permission": why.permission or "", "role": _roles(match)[0], "api": _api(why)}
        facts["secret"] = secret_of(why)
        if why.project is not None:
            facts[PROJECT] = why.project
    return facts


def secret_of(why: Why) -> str:
    """Return the secret that a refusal names; empty where it names none."""
    named = re.search(r"/secrets/([\w-]+)", why.detail)
    return named[1] if named else ""


def _roles(match: _Match) -> list[str]:
    """Return the roles that the finding says are missing; an empty one when it names none."""
    if match.why is not None:
        return [match.why.role or ""]
    named = (role for one in match.comparisons for role in re.findall(r"roles/[\w.]+", one.subject))
    return list(dict.fromkeys(named)) or [""]


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


def _command(command: Command, profile: Profile, facts: Mapping[str, str]) -> Command:
    none = command.undo.startswith("none:")
    texts = {
        "run": _typed(fill(command.run, profile, facts, quoted=True), facts),
        "changes": fill(command.changes, profile, facts),
        "undo": fill(command.undo, profile, facts, quoted=not none),
    }
    return command.model_copy(update=texts)


def _typed(run: str, facts: Mapping[str, str]) -> str:
    """Return a command line as it is typed for this run: pytest without `--target` looks at staging."""
    if run.split(" ")[0] != "pytest" or "--target" in run:
        return run
    target, own = facts.get("target", ""), facts.get("own", "")
    options = ["--target", target] if target not in ("", DEFAULT_TARGET) else []
    options += [word for folder in own.split(os.pathsep) if folder for word in ("--own", folder)]
    return " ".join([run, *map(shlex.quote, options)])


def typed(run: str, profile: Profile, facts: Mapping[str, str]) -> str:
    """Return a pytest command as it is typed for a target, with the checkout that its profile names."""
    source = lookup("backend_source.checkout", profile, {}) if profile.replica is None else ""
    return _typed(f"{run} --source {shlex.quote(source)}" if source else run, facts)


def unknown_placeholders(entries: Iterable[Hint | Procedure], profile: Profile) -> list[tuple[str, str]]:
    """Return entry and name of every placeholder that is neither a fact nor a key path of this profile."""
    used = {entry.id: placeholders(*_texts(entry)) for entry in entries}
    unknown = {name for name in set().union(*used.values()) if not exists(name, profile)}
    return [(id, name) for id in used for name in sorted(used[id] & unknown)]


def _texts(entry: Hint | Procedure) -> list[str]:
    texts = [text for command in entry.commands for text in (command.run, command.changes, command.undo)]
    return [*texts, entry.cause if isinstance(entry, Hint) else entry.title, entry.verify]
