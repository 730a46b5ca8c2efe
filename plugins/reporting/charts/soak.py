"""The trace of a soak: how long everything took all along, and when it failed or could not be looked at."""

from collections.abc import Iterator

from fixtures.evidence.soak import Interval, Soak, Track
from plugins.reporting.charts.canvas import WHOLE, Canvas, Scale, seconds
from plugins.reporting.charts.picture import Picture

TITLE = "Continuous operation"
_LABEL, _SAID = 110.0, 190.0
_ROW, _GAP = 44.0, 10.0


def picture(seen: Soak) -> Picture:
    """Return the picture and its sentence."""
    return Picture(TITLE, said(seen), draw(seen), wide=True)


def said(seen: Soak) -> str:
    """Return what the picture shows."""
    return f"It {seen.held}."


def draw(seen: Soak) -> str:
    """Draw a row for each thing looked at: the band from fastest to slowest, the median, failures in red."""
    bottom = len(seen.tracks) * (_ROW + _GAP)
    canvas = Canvas(said(seen), bottom + 44, across=WHOLE)
    unit, one = ("min", 60.0) if seen.held_s > 180 else ("s", 1.0)
    clock = Scale(max(seen.held_s, 1.0) / one, _LABEL, canvas.across - _SAID)
    canvas.axis(clock, 0, bottom, unit)
    for number, (name, track) in enumerate(seen.tracks.items()):
        top = number * (_ROW + _GAP) + _GAP
        canvas.words(name, 0, top + _ROW / 2, kind="quiet", room=_LABEL - 8)
        for blind in (blind for blind in seen.blind if blind.track == name):
            _span(canvas, "blocked", clock, one, (blind.from_s, blind.until_s), top, blind.why.detail)
        _trace(canvas, track, clock, one, top)
        for lapse in track.lapses:
            told = f"{lapse.times} times {lapse.kind} from {seen.clock(lapse.from_s)}: {lapse.detail}"
            _span(canvas, "fail", clock, one, (lapse.from_s, lapse.until_s), top, told)
        kind = "fail" if track.failed else "quiet"
        canvas.words(track.tally, clock.right + 8, top + _ROW / 2 - 8, kind=kind, room=_SAID - 8)
        slowest = seconds(track.slowest_s) if track.slowest_s is not None else "never timed"
        canvas.words(f"slowest: {slowest}", clock.right + 8, top + _ROW / 2 + 8, kind="quiet", room=_SAID - 8)
    entries = (("band-2", "fastest to slowest"), ("phase-2", "median"), ("fail", "failed"), ("blocked", "not observed"))
    canvas.legend(entries, _LABEL, bottom + 32)
    return canvas.svg()


def _span(
    canvas: Canvas, kind: str, clock: Scale, one: float, span: tuple[float, float], top: float, told: str
) -> None:
    start, end = (clock.at(at / one) for at in span)
    canvas.box(kind, start, top, max(end - start, 2), _ROW, told)


def _trace(canvas: Canvas, track: Track, clock: Scale, one: float, top: float) -> None:
    longest = max((interval.max_s or 0.0 for interval in track.intervals), default=0.0)
    up = Scale(max(longest, 0.001), top + _ROW, top)
    for stretch in _stretches(track.intervals):
        x = [clock.at(interval.at_s / one) for interval in stretch]
        highest = [(at, up.at(one.max_s or 0.0)) for at, one in zip(x, stretch, strict=True)]
        lowest = [(at, up.at(one.min_s or 0.0)) for at, one in zip(x, stretch, strict=True)]
        canvas.area("band-2", [*highest, *reversed(lowest)])
        canvas.line("median", *[(at, up.at(one.median_s or 0.0)) for at, one in zip(x, stretch, strict=True)])


def _stretches(intervals: tuple[Interval, ...]) -> Iterator[list[Interval]]:
    """Yield the intervals that follow each other and were timed; one by itself cannot be a line, and is left out."""
    stretch: list[Interval] = []
    for interval in intervals:
        if interval.median_s is not None:
            stretch.append(interval)
            continue
        if stretch[1:]:
            yield stretch
        stretch = []
    if stretch[1:]:
        yield stretch
