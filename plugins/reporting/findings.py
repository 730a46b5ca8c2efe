"""What several renderers say of a verdict: what the exit code means, what explains what, where the plan says it."""

import re

from plugins.diagnosis import Confidence
from plugins.outcome import Gate, Outcome
from plugins.plan import PlanStep, planned
from plugins.remediation import Hint
from plugins.reporting.record import Result
from plugins.verdict import Verdict

OBSERVED = (Outcome.PASS, Outcome.FAIL, Outcome.WARN)
"""The outcomes of a criterion that was looked at."""

_MEANING = {
    Gate.CLEAR: "every selected critical and major criterion was observed and holds",
    Gate.NOT_CLEAR: "at least one critical or major criterion fails",
    Gate.UNPROVEN: "none fails, but not everything could be observed",
}

CALLED = {
    Confidence.CONFIRMED: "ROOT CAUSE",
    Confidence.SUSPECTED: "LIKELY CAUSE",
    Confidence.ALONE: "FAIL",
}
"""What a cause is called, by how sure it is that it is one."""

SURENESS = {
    Confidence.CONFIRMED: "confirmed: what it explains was seen to follow from it, or can follow from nothing else",
    Confidence.SUSPECTED: "suspected: what it explains may follow from it, from another failure, or in spite of it",
    Confidence.ALONE: "stands on its own: nothing else that fails goes back to it",
}


def meaning(verdict: Verdict) -> str:
    """Return what the exit code means, in words."""
    if verdict.exit_code in list(Gate):
        return _MEANING[Gate(verdict.exit_code)]
    return verdict.record.ended_by or "pytest stopped"


def heading(verdict: Verdict) -> str:
    """Return what stands over the causes: what the first one is sure to be, and whether there are more."""
    found = verdict.diagnosis
    sure = "Likely" if found.confidence[found.causes[0]] is Confidence.SUSPECTED else "Root"
    return f"{sure} cause{'s' if found.causes[1:] else ''}"


def observed(verdict: Verdict) -> int:
    """Return how many criteria were looked at."""
    return sum(verdict.counts[outcome] for outcome in OBSERVED)


def explained(verdict: Verdict, cause: str) -> list[Result]:
    """Return the failing and blocked criteria that a cause explains, in the order of the run."""
    return [verdict.results[id] for id in verdict.diagnosis.explains(cause)]


def anchors(section: str) -> list[tuple[str, str]]:
    """Return each part of `1.2, A` with its anchor in docs/plan-sections.md: `("1.2", "1-2"), ("A", "a")`."""
    parts = [part.strip() for part in section.split(",")]
    return [(part, re.sub(r"[^a-z0-9]+", "-", part.lower())) for part in parts if part.strip("-—")]


def effort(one: Hint | PlanStep) -> str:
    """Return where the plan says it, what time it gives, how long it takes, and who does it."""
    minutes = planned(one.section)
    given = f" ({minutes} minutes)" if minutes else ""
    return f"{place(one.section)}{given}; takes {one.takes}; owner: {one.owner}"


def place(section: str) -> str:
    """Return where the plan says it, in words."""
    named = ", ".join(part for part, _ in anchors(section))
    return f"plan {named}" if named else "beyond the plan"
