"""From failing criteria to causes: what is upstream of what, and which failure explains which."""

from collections.abc import Mapping
from dataclasses import dataclass

from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Result

_WEIGHT = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.ADVISORY: 2}

SHARED = frozenset({"not-found", "merge-markers", "syntax", "encoding", "raises", "no-function", "no-environment"})
"""Symptoms of a thing that several criteria read: the first of them speaks for all that saw the same of it."""


@dataclass(frozen=True)
class Link:
    """What the evidence of a run adds to the declared dependencies: with these symptoms, one failure explains others.

    Attributes:
        symptom: of the cause; empty for any.
        effect_symptom: of the effect, or the reason why it is blocked; empty for any, `same` for that of the cause.
    """

    cause: str
    symptom: str
    effects: tuple[str, ...]
    effect_symptom: str = ""


LINKS = (
    # The session is opened where the URL leads.
    Link("ENV-DB", "elsewhere", ("SQL-DIRECT", "DB-CONNECT")),
    # Without a private address there is nothing behind the connector.
    Link("SQL-PRIVATE", "missing", ("SQL-DIRECT", "DB-CONNECT")),
    # A refusal for want of a slot is a matter of capacity, not of the way there.
    Link("SQL-CONNS", "above", ("SQL-DIRECT", "DB-CONNECT"), "too-many-clients"),
    # Both look at the same sessions.
    Link("DB-CONNECT", "", ("SQL-DIRECT",), "same"),
    # A server that is slow over every query is slow for the services, too.
    Link("DB-QUERY", "query-slow", ("SQL-DIRECT",), "query-slow"),
    Link("DB-QUERY", "query-slow", ("HLT-AUTH", "DB-BACKEND")),
    # A service that does not answer for itself does not answer for its database either.
    Link("HLT-BACKEND", "", ("DB-BACKEND",), "same"),
    # Connections are counted over a session.
    Link("SQL-DIRECT", "", ("SQL-CONNS",), "dependency"),
    # A service that is not attached has no egress setting either.
    Link("VPC-ANNOT", "missing", ("VPC-EGRESS",), "missing"),
)


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
            root = _root(id, results, failing)
            if root is not None:
                explained[id] = root
    causes = [id for id in failing if id not in explained]
    weight = {id: sum(by == id for by in explained.values()) for id in causes}
    # Sorting is stable: where weights are equal the plan's own order decides.
    causes.sort(key=lambda cause: (_WEIGHT[results[cause].criterion.severity], -weight[cause]))
    return Diagnosis(tuple(causes), explained)


def _upstream(id: str, results: Mapping[str, Result], failing: list[str]) -> list[str]:
    """Return what a criterion depends on: by its evidence, by what stood in its way, and by declaration."""
    result = results[id]
    linked = [link.cause for link in LINKS if _holds(link, id, results, failing)]
    blocking = [why.criterion for why in result.blocked if why.criterion is not None]
    # Where the evidence says that it explains what it is declared to depend on, the evidence is right.
    declared = [need for need in result.criterion.needs if not _explains(id, need, results, failing)]
    return [*linked, *_speaker(id, results, failing), *blocking, *declared]


def _explains(cause: str, effect: str, results: Mapping[str, Result], failing: list[str]) -> bool:
    return any(link.cause == cause and _holds(link, effect, results, failing) for link in LINKS)


def _holds(link: Link, effect: str, results: Mapping[str, Result], failing: list[str]) -> bool:
    """Whether both ends of a link were seen, with its symptoms."""
    if effect not in link.effects or link.cause not in failing:
        return False
    of_cause, of_effect, wanted = results[link.cause].symptoms, results[effect].symptoms, link.effect_symptom
    fits_effect = not wanted or (bool({*of_cause} & {*of_effect}) if wanted == "same" else wanted in of_effect)
    return fits_effect and (not link.symptom or link.symptom in of_cause)


def _speaker(id: str, results: Mapping[str, Result], failing: list[str]) -> list[str]:
    """Return the first failing criterion that saw the same of a shared thing, if that is another one."""
    seen = results[id].telling
    if id not in failing or seen is None or seen.symptom not in SHARED:
        return []
    alike = (
        other
        for other in failing
        if (told := results[other].telling) is not None
        and (told.symptom, told.observed) == (seen.symptom, seen.observed)
    )
    first = next(alike, id)
    return [first] if first != id else []


def _root(id: str, results: Mapping[str, Result], failing: list[str]) -> str | None:
    """Return the failing criterion farthest upstream of this one, or None."""
    seen: set[str] = {id}
    frontier, root = [id], None
    while frontier:
        above = [
            upstream
            for current in frontier
            if current in results
            for upstream in _upstream(current, results, failing)
            if upstream not in seen
        ]
        seen.update(above)
        root = next((upstream for upstream in above if upstream in failing), root)
        frontier = above
    return root
