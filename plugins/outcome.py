"""Outcomes of criteria, and the gate: what was not observed is never green."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """What became of a criterion."""

    PASS = "pass"  # noqa: S105 - the outcome, not a password
    FAIL = "fail"
    """Observed, and violates the plan."""
    WARN = "warn"
    """Observed and inside the limit, but past an alert level, or against an advisory."""
    BLOCKED = "blocked"
    """Could not be observed."""
    NOT_APPLICABLE = "n/a"
    """The profile declares, with a reason, that the target does not have the thing."""


class Severity(StrEnum):
    """How much a criterion weighs."""

    CRITICAL = "critical"
    MAJOR = "major"
    ADVISORY = "advisory"
    """Warns; never decides the gate."""


class Gate(IntEnum):
    """Exit codes of a run. 2 to 5 keep pytest's own meaning."""

    CLEAR = 0
    """Every selected critical and major criterion was observed and holds."""
    NOT_CLEAR = 1
    """At least one of them fails."""
    UNPROVEN = 6
    """None fails, but at least one of them could not be observed."""


def gate(judged: Iterable[tuple[Severity, Outcome]]) -> Gate:
    """Decide the exit code from the selected criteria.

    A criterion that is not applicable decides nothing; a run in which nothing at all was observed is unproven.
    """
    outcomes = list(judged)
    deciding = [outcome for severity, outcome in outcomes if severity is not Severity.ADVISORY]
    if Outcome.FAIL in deciding:
        return Gate.NOT_CLEAR
    observed = any(outcome in (Outcome.PASS, Outcome.WARN, Outcome.FAIL) for _, outcome in outcomes)
    if Outcome.BLOCKED in deciding or not observed:
        return Gate.UNPROVEN
    return Gate.CLEAR
