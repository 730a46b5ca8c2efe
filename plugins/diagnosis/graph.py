"""The dependencies between criteria: whether they can be followed at all, and what a failure goes back to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from fixtures.evidence.base import Why
from plugins.diagnosis.contradictions import Contradiction, contradictions
from plugins.diagnosis.links import CLEARANCES, LINKS, SHARED, Link
from plugins.outcome import Outcome
from plugins.reporting.record import ComparisonRecord, Criterion, Result


def flaw(criteria: Mapping[str, Criterion], *, whole: bool) -> str | None:
    """Say where the declared dependencies lead nowhere, or round; None when they can be followed.

    Args:
        criteria: by id.
        whole: whether these are all that there are; a part may depend on what is not in it.
    """
    for id, criterion in criteria.items():
        for need in criterion.needs:
            if whole and need not in criteria:
                return f"{criterion.nodeid}: {id} needs {need}, which is no criterion"
    order = TopologicalSorter({id: criterion.needs for id, criterion in criteria.items()})
    try:
        order.prepare()
    except CycleError as error:
        return f"criteria need each other in a circle: {' needs '.join(reversed(error.args[1]))}"
    return None


@dataclass(frozen=True)
class Edge:
    """One criterion upstream of another; `seen`: the evidence of this run says so, not the declaration alone."""

    to: str
    seen: bool


@dataclass(frozen=True)
class Graph:
    """What is upstream of what in one run.

    Attributes:
        results: by criterion id, in the order of the run.
    """

    results: Mapping[str, Result]
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def failing(self) -> tuple[str, ...]:
        """The ids of the criteria that fail."""
        return tuple(id for id, result in self.results.items() if result.outcome is Outcome.FAIL)

    @cached_property
    def contradictions(self) -> dict[str, tuple[Contradiction, ...]]:
        """What speaks against each failing criterion's being the cause of what depends on it."""
        return {id: contradictions(id, self.results) for id in self.failing}

    def explained(self) -> dict[str, str]:
        """Return the cause that each failing or blocked criterion goes back to; a cause itself goes back to none."""
        first = {id: roots[0] for id in self.results if self._folds(id) and (roots := self.roots(id))}
        for id in tuple(first):
            path = [id]
            while (after := first.get(path[-1])) is not None and after not in path:
                path.append(after)
            if after is not None:
                # A circle of evidence is cut where the run came to it first.
                del first[min(path[path.index(after) :], key=list(self.results).index)]
        return {id: self._end(id, first) for id in first}

    @staticmethod
    def _end(id: str, first: Mapping[str, str]) -> str:
        while id in first:
            id = first[id]
        return id

    def roots(self, id: str) -> tuple[str, ...]:
        """Return the failing criteria that a result goes back to, the nearest to its own evidence first.

        Where evidence leads upstream, what is only declared is not followed; more than one root: any of them may be it.
        """
        if id not in self._known:
            # A circle of evidence ends where it began: whoever is asked first is no root of itself.
            self._known[id] = ()
            self._known[id] = self._follow(id, seen=True) or self._follow(id, seen=False)
        return self._known[id]

    def _folds(self, id: str) -> bool:
        """Whether a result is to be explained: one that was not observed, only where evidence says what kept it."""
        outcome = self.results[id].outcome
        return outcome is Outcome.FAIL or (outcome is Outcome.BLOCKED and self._is_whole(id) and self.is_seen(id))

    def _is_whole(self, id: str) -> bool:
        """Whether links, and what names the failure that stood in its way, account for all that a result shows."""
        result = self.results[id]
        named = {why for why in result.blocked if why.criterion is not None}
        linked = {one for link in LINKS if self._holds(link, id) for one in self._explained(link, result)}
        return named | linked == set(_shown(result))

    def is_seen(self, id: str) -> bool:
        """Whether evidence, and not the declaration alone, says what a result goes back to."""
        return bool(self._follow(id, seen=True))

    def _follow(self, id: str, *, seen: bool) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for edge in self._edges(id):
            if edge.seen is seen:
                own = (edge.to,) if edge.to in self.failing else ()
                found |= dict.fromkeys(self.roots(edge.to) or own)
        found.pop(id, None)
        return tuple(found)

    def _edges(self, id: str) -> Iterator[Edge]:
        """Yield what is upstream: by the evidence, by what stood in its way, and by declaration."""
        if id not in self.results:
            return
        result = self.results[id]
        if self._is_whole(id):
            yield from (Edge(link.cause, seen=not link.presumed) for link in LINKS if self._holds(link, id))
        yield from (Edge(to, seen=True) for to in self._speaker(id))
        yield from (Edge(why.criterion, seen=True) for why in result.blocked if why.criterion is not None)
        yield from (Edge(need, seen=False) for need in result.criterion.needs if self._may_explain(need, id))

    def _holds(self, link: Link, effect: str) -> bool:
        """Whether both ends of a link were seen, with its symptoms."""
        if effect not in link.effects or link.cause not in self.failing or link.cause == effect:
            return False
        if effect not in self.results:
            return False  # it was not selected
        if link.presumed and self.contradictions[link.cause]:
            return False
        of_cause = self.results[link.cause].symptoms
        fits = not link.symptoms or any(symptom in of_cause for symptom in link.symptoms)
        shown = _shown(self.results[effect])
        return fits and (bool(self._explained(link, self.results[effect])) or not (shown or link.is_particular))

    def _explained(self, link: Link, effect: Result) -> list[ComparisonRecord | Why]:
        """Return what of an effect's violations, or of what stood in its way, a link accounts for."""
        cause = self.results[link.cause]
        if link.same_value:
            values = {c.observed for c in cause.comparisons if not c.holds}
            return [one for one in _shown(effect) if isinstance(one, ComparisonRecord) and one.observed in values]
        wanted = cause.symptoms if link.same else link.effect_symptoms
        return [one for one in _shown(effect) if not link.is_particular or _symptom(one) in wanted]

    def _may_explain(self, need: str, id: str) -> bool:
        """Whether a declared dependency stands up to the evidence."""
        if any(self._holds(link, need) for link in LINKS if link.cause == id):
            return False  # the evidence has it the other way round
        result = self.results[id]
        shown = {_symptom(one) for one in _shown(result)}
        if shown and any(id in one.effects and need in one.clears and shown <= {*one.symptoms} for one in CLEARANCES):
            return False
        return result.outcome is Outcome.BLOCKED or not self.contradictions.get(need)

    def _speaker(self, id: str) -> tuple[str, ...]:
        """Return the first failing criterion that saw the same of a shared thing, if that is another one."""
        seen = self.results[id].telling
        if id not in self.failing or seen is None or seen.symptom not in SHARED:
            return ()
        alike = (
            other
            for other in self.failing
            if (told := self.results[other].telling) is not None
            and (told.symptom, told.observed) == (seen.symptom, seen.observed)
        )
        first = next(alike, id)
        return (first,) if first != id else ()


def _shown(result: Result) -> tuple[ComparisonRecord | Why, ...]:
    """Return what a failure violates, warnings left out, and what stood in the way of what was not observed."""
    return (*(one for one in result.comparisons if not (one.holds or one.warning)), *result.blocked)


def _symptom(one: ComparisonRecord | Why) -> str:
    return one.symptom if isinstance(one, ComparisonRecord) else str(one.reason)
