"""From failing criteria to causes: which failure explains which, and how sure that is. See docs/diagnosis.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from plugins.diagnosis.contradictions import Contradiction
from plugins.diagnosis.graph import Graph, flaw
from plugins.diagnosis.links import CLEARANCES, LINKS
from plugins.diagnosis.readings import read
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Result

__all__ = ["CLEARANCES", "LINKS", "Confidence", "Contradiction", "Diagnosis", "diagnose", "flaw"]

_GRAVITY = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.ADVISORY: 2}


class Confidence(StrEnum):
    """How sure it is that a cause is one. That it fails was observed in any case."""

    CONFIRMED = "confirmed"
    """What it explains was seen to follow from it, or can follow from nothing else that fails."""
    SUSPECTED = "suspected"
    """What it explains may as well follow from another failure, or something speaks against it."""
    ALONE = "alone"
    """It explains nothing else: a finding that stands on its own."""


@dataclass(frozen=True)
class Diagnosis:
    """What the results of a run amount to.

    Attributes:
        causes: ids of failing criteria that no other failure explains, the heaviest and most explaining first.
        explained_by: for a failing or blocked criterion, the id of the cause that it goes back to.
        confidence: of each cause.
        contradictions: what speaks against each cause; empty where nothing does.
        readings: what a cause comes to in words, where the evidence of several criteria says more than its own.
    """

    causes: tuple[str, ...]
    explained_by: dict[str, str]
    confidence: dict[str, Confidence]
    contradictions: dict[str, tuple[Contradiction, ...]]
    readings: dict[str, str]

    def explains(self, cause: str) -> tuple[str, ...]:
        """Return the ids that a cause explains, in the order of the run."""
        return tuple(id for id, by in self.explained_by.items() if by == cause)


def diagnose(results: Mapping[str, Result]) -> Diagnosis:
    """Fold failing and blocked criteria under the failure farthest upstream of them.

    Args:
        results: by criterion id, in the order of the run.
    """
    graph = Graph(results)
    explained = graph.explained()
    causes = [id for id in graph.failing if id not in explained]
    # Sorting is stable: where weights are equal the plan's own order decides.
    causes.sort(key=lambda cause: _weight(cause, explained, results))
    return Diagnosis(
        tuple(causes),
        explained,
        {cause: _confidence(cause, [id for id, by in explained.items() if by == cause], graph) for cause in causes},
        {cause: graph.contradictions[cause] for cause in causes if graph.contradictions[cause]},
        {cause: said for cause in causes if (said := read(cause, results))},
    )


def _weight(cause: str, explained: Mapping[str, str], results: Mapping[str, Result]) -> tuple[int, int]:
    """Return how grave the gravest failure is that goes back to a cause, and how much does: the least sorts first."""
    effects = [id for id, by in explained.items() if by == cause]
    grave = [id for id in effects if results[id].outcome is Outcome.FAIL]
    return min(_GRAVITY[results[id].criterion.severity] for id in (cause, *grave)), -len(effects)


def _confidence(cause: str, effects: list[str], graph: Graph) -> Confidence:
    if not effects:
        return Confidence.ALONE
    sure = any(graph.roots(id) == (cause,) and (graph.is_seen(id) or not graph.contradictions[cause]) for id in effects)
    return Confidence.CONFIRMED if sure else Confidence.SUSPECTED
