"""What several renderers say of a verdict: what the exit code means, what is behind a gap, where the plan says it."""

import re
from dataclasses import dataclass

from fixtures.evidence.base import Why
from plugins.outcome import Gate, Outcome
from plugins.remediation import Hint
from plugins.reporting.record import Result
from plugins.reporting.terminal import MEANING
from plugins.verdict import Verdict

OBSERVED = (Outcome.PASS, Outcome.FAIL, Outcome.WARN)
"""The outcomes of a criterion that was looked at."""


@dataclass(frozen=True)
class Gap:
    """One reason, and every criterion that it alone keeps from being observed.

    Attributes:
        hints: what closes it, each once, however many criteria ask for it.
    """

    why: Why
    results: tuple[Result, ...]
    hints: tuple[Hint, ...]


def meaning(verdict: Verdict) -> str:
    """Return what the exit code means, in words."""
    if verdict.exit_code in list(Gate):
        return MEANING[Gate(verdict.exit_code)]
    return verdict.record.ended_by or "pytest stopped"


def observed(verdict: Verdict) -> int:
    """Return how many criteria were looked at."""
    return sum(verdict.counts[outcome] for outcome in OBSERVED)


def explained(verdict: Verdict, cause: str) -> list[Result]:
    """Return the failing and blocked criteria that a cause explains, in the order of the run."""
    return [verdict.results[id] for id in verdict.diagnosis.explains(cause)]


def gaps(verdict: Verdict) -> list[Gap]:
    """Group the blocked criteria that no failure explains, so that one missing permission is said once."""
    groups: dict[tuple[str, str], list[tuple[Why, Result]]] = {}
    for result in verdict.of(Outcome.BLOCKED):
        if result.criterion.id not in verdict.diagnosis.explained_by:
            why = result.blocked[0]
            groups.setdefault((why.reason, why.permission or why.detail), []).append((why, result))
    return [_gap(verdict, members) for members in groups.values()]


def _gap(verdict: Verdict, members: list[tuple[Why, Result]]) -> Gap:
    results = tuple(result for _, result in members)
    # The same hint may be filled in differently for each criterion; its first filling stands for all.
    hints = {hint.id: hint for result in reversed(results) for hint in verdict.hints.get(result.criterion.id, ())}
    return Gap(members[0][0], results, tuple(reversed(hints.values())))


def anchors(section: str) -> list[tuple[str, str]]:
    """Return each part of `1.2, A` with its anchor in docs/plan-sections.md: `("1.2", "1-2"), ("A", "a")`."""
    parts = [part.strip() for part in section.split(",")]
    return [(part, re.sub(r"[^a-z0-9]+", "-", part.lower())) for part in parts if part.strip("-—")]


def place(section: str) -> str:
    """Return where the plan says it, in words."""
    named = ", ".join(part for part, _ in anchors(section))
    return f"plan {named}" if named else "beyond the plan"
