"""What depends on what: the criteria by their outcomes, dependencies from left to right, causes marked."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from plugins.diagnosis import Diagnosis
from plugins.outcome import Outcome
from plugins.reporting.charts.canvas import WHOLE, Canvas, width
from plugins.reporting.charts.picture import Picture
from plugins.reporting.record import Result

TITLE = "What depends on what"
_HIGH, _GAP = 20.0, 8.0
_PAD = 8.0
_STOP = " > "
"""Within the name of a place that a line goes through, and of no criterion."""
_EDGE = 2.0
"""Room for half of a thick line at the rim of the picture."""


def picture(results: Mapping[str, Result], diagnosis: Diagnosis) -> Picture:
    """Return the picture and its sentence."""
    return Picture(TITLE, said(results, diagnosis), draw(results, diagnosis), wide=True)


def said(results: Mapping[str, Result], diagnosis: Diagnosis) -> str:
    """Return what the picture shows."""
    count = len(diagnosis.explained_by)
    causes = ", ".join(diagnosis.causes) or "none"
    return f"{len(results)} criteria and what they depend on; causes: {causes}; {count} more follow from them."


def draw(results: Mapping[str, Result], diagnosis: Diagnosis) -> str:
    """Draw the criteria in columns by depth, and below those that depend on nothing and that nothing depends on."""
    needs = {id: [need for need in result.criterion.needs if need in results] for id, result in results.items()}
    for id, cause in diagnosis.explained_by.items():
        if id in needs and cause in results and cause not in needs[id]:
            needs[id].append(cause)
    joined = {id for id in needs if needs[id]} | {need for them in needs.values() for need in them}
    routed, causes = _routed({id: needs[id] for id in needs if id in joined}, diagnosis.explained_by)
    columns = _ordered(_layers(routed), routed)
    across = max((width(id) for id in results), default=0.0) + 2 * _PAD
    high = max((len(column) for column in columns), default=0) * (_HIGH + _GAP)
    alone = [id for id in results if id not in joined]
    each = max(1, int((WHOLE - 2 * _EDGE + _GAP) // (across + _GAP)))
    canvas = Canvas(said(results, diagnosis), high + 44 + -(-len(alone) // each) * (_HIGH + _GAP) + 24, across=WHOLE)
    places = _places(columns, high, across)
    _lines(canvas, routed, causes, places, across)
    if alone:
        canvas.words("by themselves: nothing selected depends on these", 0, high + 16, kind="quiet")
    for number, id in enumerate(alone):
        places[id] = (_EDGE + number % each * (across + _GAP), high + 30 + number // each * (_HIGH + _GAP))
    for id in results:
        _node(canvas, results[id], *places[id], across)
    canvas.legend([(_kind(outcome), outcome) for outcome in Outcome], 0, canvas.height - 10)
    return canvas.svg()


def _routed(
    needs: Mapping[str, list[str]], explained_by: Mapping[str, str]
) -> tuple[dict[str, list[str]], set[tuple[str, str]]]:
    """Return the dependencies with a stop in each column that one goes past, and which pairs lead from a cause.

    Without stops a line would pass behind a box, and look like that box's own.
    """
    depth = {id: number for number, column in enumerate(_layers(needs)) for id in column}
    routed: dict[str, list[str]] = {id: [] for id in needs}
    causes = set()
    for id, them in needs.items():
        for need in them:
            stops = [f"{need}{_STOP}{id}{_STOP}{number}" for number in range(depth[need] + 1, depth[id])]
            for before, after in pairwise([need, *stops, id]):
                routed.setdefault(after, []).append(before)
                if explained_by.get(id) == need:
                    causes.add((before, after))
    return routed, causes


def _lines(
    canvas: Canvas,
    needs: Mapping[str, list[str]],
    causes: set[tuple[str, str]],
    places: Mapping[str, tuple[float, float]],
    across: float,
) -> None:
    for id, them in needs.items():
        to_x, to_y = places[id]
        for need in them:
            x, y = places[need]
            kind = "cause" if (need, id) in causes else "edge"
            canvas.curve(kind, (x + across, y + _HIGH / 2), (to_x, to_y + _HIGH / 2))
            if _STOP in id:
                canvas.line(kind, (to_x, to_y + _HIGH / 2), (to_x + across, to_y + _HIGH / 2))


def _kind(outcome: Outcome) -> str:
    return f"node {outcome.replace('/', '')}"


def _node(canvas: Canvas, result: Result, x: float, y: float, across: float) -> None:
    told = f"{result.criterion.id}, {result.outcome}: {result.criterion.title}"
    canvas.box(_kind(result.outcome), x, y, across, _HIGH, told)
    kind = f"on-{result.outcome.replace('/', '')}"
    canvas.words(result.criterion.id, x + across / 2, y + _HIGH / 2, kind=kind, anchor="middle")


def _layers(needs: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the ids in columns: each to the right of all that it needs."""
    depth: dict[str, int] = {}

    def of(id: str) -> int:
        if id not in depth:
            depth[id] = 0  # what explains each other in a ring stands in one column
            depth[id] = max((of(need) + 1 for need in needs[id]), default=0)
        return depth[id]

    columns: list[list[str]] = [[] for _ in range(max(map(of, needs), default=-1) + 1)]
    for id in needs:
        columns[of(id)].append(id)
    return columns


def _ordered(columns: list[list[str]], needs: Mapping[str, list[str]]) -> list[list[str]]:
    """Return the columns, each sorted by the mean height of its neighbours, so that fewer lines cross."""
    for _ in range(2):
        height = {id: place / len(column) for column in columns for place, id in enumerate(column)}
        for column in columns:
            column.sort(key=lambda one: _mean([height[need] for need in needs[one]], height[one]))
            height.update({id: place / len(column) for place, id in enumerate(column)})
        users = {id: [user for user in height if id in needs[user]] for id in height}
        for left, _ in reversed(list(pairwise(columns))):
            left.sort(key=lambda one: _mean([height[user] for user in users[one]], height[one]))
            height.update({id: place / len(left) for place, id in enumerate(left)})
    return columns


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(columns: list[list[str]], high: float, across: float) -> dict[str, tuple[float, float]]:
    """Return the upper left corner of each box; a column is spread over the whole height."""
    pitch = min(220.0, (WHOLE - across - 2 * _EDGE) / max(1, len(columns) - 1))
    return {
        id: (_EDGE + pitch * number, (row + 0.5) * high / len(column) - _HIGH / 2)
        for number, column in enumerate(columns)
        for row, id in enumerate(column)
    }
