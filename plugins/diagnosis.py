"""From failing criteria to causes: what is upstream of what, and which failure explains which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Criterion, Result

_WEIGHT = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.ADVISORY: 2}


@dataclass(frozen=True)
class Diagnosis:
    """What the results of a run amount to.

    Attributes:
        causes: ids of failing criteria that no other failure explains, the heaviest and most explaining first.
        explained_by: for a failing or blocked criterion, the id of the failing criterion upstream of it.
    """

    causes: tuple[str, ...]
    explained_by: dict[str, str]

    def explains(self, cause: str) -> tuple[str, ...]:
        """Return the ids that a cause explains, in the order of the run."""
        return tuple(id for id, by in self.explained_by.items() if by == cause)


def diagnose(results: Mapping[str, Result]) -> Diagnosis:
    """Fold failing and blocked criteria under the failure farthest upstream of them.

    Args:
        results: by criterion id, in the order of the run.
    """
    failing = [id for id, result in results.items() if result.outcome is Outcome.FAIL]
    explained: dict[str, str] = {}
    for id, result in results.items():
        if result.outcome in (Outcome.FAIL, Outcome.BLOCKED):
            root = _root(id, results, set(failing))
            if root is not None:
                explained[id] = root
    causes = [id for id in failing if id not in explained]
    weight = {id: sum(by == id for by in explained.values()) for id in causes}
    # Sorting is stable: where weights are equal the plan's own order decides.
    causes.sort(key=lambda cause: (_WEIGHT[results[cause].criterion.severity], -weight[cause]))
    return Diagnosis(tuple(causes), explained)


def _upstream(result: Result) -> list[str]:
    """Return what a criterion depends on: by declaration, and by what its evidence says stood in its way."""
    named = [why.criterion for why in result.blocked if why.criterion is not None]
    return [*named, *result.criterion.needs]


def _root(id: str, results: Mapping[str, Result], failing: set[str]) -> str | None:
    """Return the failing criterion farthest upstream of this one, or None."""
    seen: set[str] = {id}
    frontier, root = [id], None
    while frontier:
        above = [
            upstream
            for current in frontier
            if current in results
            for upstream in _upstream(results[current])
            if upstream not in seen
        ]
        seen.update(above)
        root = next((upstream for upstream in above if upstream in failing), root)
        frontier = above
    return root


def cycles(criteria: Iterable[Criterion]) -> list[str]:
    """Return the ids that depend on themselves, directly or through others."""
    needs = {criterion.id: criterion.needs for criterion in criteria}

    def reaches(start: str) -> bool:
        seen: set[str] = set()
        frontier = list(needs[start])
        while frontier:
            current = frontier.pop()
            if current == start:
                return True
            if current not in seen:
                seen.add(current)
                frontier.extend(needs.get(current, ()))
        return False

    return sorted(id for id in needs if reaches(id))
