"""The probes as a time line of the run: when each began, how long it took, and which saw nothing."""

from collections.abc import Mapping
from typing import Any

from fixtures.evidence.base import Attempt
from plugins.reporting.charts.canvas import WHOLE, Canvas, Scale, seconds
from plugins.reporting.charts.picture import Picture

TITLE = "The probes of this run"
_LABEL, _SAID = 170.0, 170.0
_ROW = 16


def picture(attempts: Mapping[str, Attempt[Any]]) -> Picture:
    """Return the picture and its sentence."""
    return Picture(TITLE, said(attempts), draw(attempts), wide=True)


def said(attempts: Mapping[str, Attempt[Any]]) -> str:
    """Return what the picture shows."""
    slowest = max(attempts, key=lambda name: attempts[name].seconds)
    blind = sum(attempt.blocked is not None for attempt in attempts.values())
    seen = "all of them saw something" if not blind else f"{blind} of them could not look"
    took = seconds(attempts[slowest].seconds)
    return f"{len(attempts)} probes side by side; {slowest} took longest ({took}); {seen}."


def draw(attempts: Mapping[str, Attempt[Any]]) -> str:
    """Draw a bar for each probe on the run's clock, the first to begin on top."""
    began = min(attempt.started_at for attempt in attempts.values())
    starts = {name: (attempt.started_at - began).total_seconds() for name, attempt in attempts.items()}
    ends = {name: starts[name] + attempt.seconds for name, attempt in attempts.items()}
    canvas = Canvas(said(attempts), _ROW * len(attempts) + 22, across=WHOLE)
    scale = Scale(max(*ends.values(), 0.1), _LABEL, canvas.across - _SAID)
    canvas.axis(scale, 0, _ROW * len(attempts))
    for number, name in enumerate(sorted(attempts, key=lambda name: (starts[name], ends[name]))):
        attempt, middle = attempts[name], _ROW * (number + 0.5)
        kind = "blocked" if attempt.blocked is not None else "phase-2"
        start = scale.at(starts[name])
        canvas.words(name, 0, middle, kind="quiet", room=_LABEL - 8)
        canvas.box(kind, start, middle - 5, scale.at(ends[name]) - start, 10, attempt.source)
        why = f", {attempt.blocked.reason}" if attempt.blocked is not None else ""
        said_kind = "blocked" if why else "quiet"
        told = f"{seconds(attempt.seconds)}{why}"
        canvas.words(told, scale.right + 8, middle, kind=said_kind, room=_SAID - 8)
    return canvas.svg()
