"""Why criteria could not be observed: each root reason once, however many criteria it blocks."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from fixtures.evidence.base import Reason, Why
from plugins.remediation import Hint, secret_of
from plugins.reporting.record import Result

_ONE_FIX = {
    Reason.NO_CREDENTIALS: "there are no usable Google credentials",
    Reason.CREDENTIALS_EXPIRED: "the Google login has expired",
    Reason.CREDENTIALS_REFUSED: "Google does not accept the credentials",
    Reason.PERMISSION_DENIED: "permissions are missing",
    Reason.API_DISABLED: "APIs are switched off",
    Reason.QUOTA: "Google refuses more calls for now",
    Reason.API_UNAVAILABLE: "Google's APIs do not answer as they should",
    Reason.DNS: "names cannot be looked up from here",
    Reason.NOT_RUN: "the run ended before them",
    Reason.NOT_RECORDED: "the recording does not hold what they need",
}
"""Reasons that one act settles, however Google words them for each thing that was asked; and what they come to."""

_API = re.compile(r"\b[a-z]+\.googleapis\.com\b")
_PLACE = re.compile(r"\b[\w-]+(\.[\w-]+)+(:\d+)?\b")
"""A host or an address. What has no way from here differs in nothing else, and neither does what opens one."""


@dataclass(frozen=True)
class Gap:
    """One root reason, and the criteria that it keeps from being observed, in the order of the run.

    Attributes:
        whys: each distinct reason of that root, as it was worded for what was asked.
        hints: what closes it, each once, with the commands for all that is missing.
    """

    whys: tuple[Why, ...]
    results: tuple[Result, ...]
    hints: tuple[Hint, ...]

    @property
    def reason(self) -> Reason:
        """The kind of reason."""
        return self.whys[0].reason

    @property
    def roles(self) -> dict[str, tuple[str, ...]]:
        """The missing permissions, by the least predefined role that grants them; empty where none is known."""
        found: dict[str, dict[str, None]] = {}
        for why in self.whys:
            if why.permission is not None:
                found.setdefault(why.role or "", {})[why.permission] = None
        return {role: tuple(permissions) for role, permissions in sorted(found.items())}

    @property
    def sentence(self) -> str:
        """What happened, in one sentence that is true of all of them."""
        missing = [permission for permissions in self.roles.values() for permission in permissions]
        if missing:
            many = f"{len(missing)} permissions are missing"
            return many if len(missing) > 1 else f"the permission {missing[0]} is missing"
        if self.reason is Reason.API_DISABLED and (off := self._apis()):
            return f"the API{'s' if off[1:] else ''} {', '.join(off)} {'are' if off[1:] else 'is'} switched off"
        alike = len({why.detail for why in self.whys}) == 1 or self.reason not in _ONE_FIX
        return self.whys[0].detail if alike else _ONE_FIX[self.reason]

    def _apis(self) -> list[str]:
        return sorted({name for why in self.whys for name in _API.findall(why.detail)})

    @property
    def said(self) -> tuple[str, ...]:
        """What was answered, in its own words; empty where the sentence says it all."""
        details = tuple(dict.fromkeys(why.detail for why in self.whys))
        return () if details == (self.sentence,) else details

    @property
    def looked_at(self) -> tuple[str, ...]:
        """What was asked."""
        return tuple(dict.fromkeys(why.looked_at for why in self.whys if why.looked_at))

    @property
    def is_of_the_vantage(self) -> bool:
        """Whether the same run from inside the VPC would close it."""
        return self.reason is Reason.NO_ROUTE and all(result.criterion.vantage == "vpc" for result in self.results)


def find_gaps(
    blocked: Iterable[Result], explained: Collection[str], hints: Mapping[str, tuple[Hint, ...]]
) -> list[Gap]:
    """Group blocked criteria by their root reason, the one that blocks most first.

    Args:
        blocked: in the order of the run.
        explained: ids that a failing criterion explains; they are no gap, since mending the failure closes them.
        hints: by criterion id.
    """
    groups: dict[tuple[str, str], tuple[list[Why], list[Result]]] = {}
    for result in blocked:
        if result.criterion.id in explained or not result.blocked:
            continue
        root = _root(result.blocked[0])
        whys, results = groups.setdefault(root, ([], []))
        whys += [why for why in result.blocked if _root(why) == root and why not in whys]
        results.append(result)
    gaps = [Gap(tuple(whys), tuple(results), _closing(results, hints)) for whys, results in groups.values()]
    # Sorting is stable: where counts are equal, the plan's own order decides.
    return sorted(gaps, key=lambda gap: -len(gap.results))


def _closing(results: Iterable[Result], hints: Mapping[str, tuple[Hint, ...]]) -> tuple[Hint, ...]:
    """Return what closes a gap: of a hint that many criteria ask for, a filling for each thing that is missing."""
    kept: list[Hint] = []
    covered: set[str] = set()
    for result in results:
        missing = {_missing(why) for why in result.blocked}
        known = set() if missing - covered else {hint.id for hint in kept}
        kept += [hint for hint in hints.get(result.criterion.id, ()) if hint.id not in known]
        covered |= missing
    return merged(kept)


def _missing(why: Why) -> str:
    if why.reason is Reason.API_DISABLED:
        return " ".join(_API.findall(why.detail)[:1])
    return " ".join(filter(None, (why.role, secret_of(why), why.project)))


def merged(hints: Iterable[Hint]) -> tuple[Hint, ...]:
    """Return each hint once, with the commands of all its fillings; without its cause where they differ in it."""
    found: dict[str, Hint] = {}
    for hint in hints:
        first = found.setdefault(hint.id, hint)
        commands = {command.run: command for command in (*first.commands, *hint.commands)}
        cause = first.cause if first.cause == hint.cause else ""
        because = tuple(dict.fromkeys((*first.because, *hint.because)))
        found[hint.id] = first.model_copy(
            update={"commands": tuple(commands.values()), "cause": cause, "because": because}
        )
    return tuple(found.values())


def _root(why: Why) -> tuple[str, str]:
    if why.reason in _ONE_FIX and (why.permission is not None or why.reason is not Reason.PERMISSION_DENIED):
        return why.reason, ""
    return why.reason, _PLACE.sub("", why.detail) if why.reason is Reason.NO_ROUTE else why.detail
