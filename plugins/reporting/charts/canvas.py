"""Room for a drawing: a scale, an axis, and words that fit and cannot harm.

Colours are classes, so that the page's style decides them in light, in dark and on paper. The library escapes what
stands between tags and nothing that stands in an attribute: a class is always a word of ours.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import drawsvg

from fixtures.secret import redact

HALF, WHOLE = 540, 1090
"""Widths in pixels: of a picture that stands beside another one, and of one that has the page's whole width."""
ROW = 20
_CHARACTER = 6.7
"""Width in pixels of a character of the monospaced 11 pixel type that the page's style gives the pictures."""


def width(text: str) -> float:
    """Return how wide a text is, in pixels."""
    return len(text) * _CHARACTER


def fitted(text: str, room: float) -> str:
    """Return the text, cut to the room in pixels."""
    most = max(1, int(room / _CHARACTER))
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def seconds(value: float) -> str:
    """Return a duration with the digits that matter: `3 ms`, `0.25 s`, `1.4 s`, `25 s`, `30 min`."""
    if 0 < value < 0.01:
        return f"{value * 1000:.2g} ms"
    if value < 1:
        return f"{value:.2f} s"
    return f"{round(value, 1):g} s" if value < 180 else f"{round(value / 60, 1):g} min"


@dataclass(frozen=True)
class Scale:
    """Where a value from 0 to `top` stands between two places, in pixels."""

    top: float
    left: float
    right: float

    def at(self, value: float) -> float:
        """Return the place of a value; one beyond the scale stands at its end."""
        return self.left + (self.right - self.left) * min(max(value, 0.0), self.top) / self.top

    @property
    def ticks(self) -> list[float]:
        """Round values for an axis, from 0: four to eight of them."""
        raw = self.top / 6
        magnitude = 10.0 ** math.floor(math.log10(raw))
        step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor >= raw)
        return [round(step * number, 10) for number in range(math.floor(self.top / step + 1e-9) + 1)]


class Canvas:
    """One picture: what it is called, what it shows in a sentence, and what is drawn on it."""

    def __init__(self, name: str, height: float, *, across: int = HALF) -> None:
        self.across, self.height = across, height
        self._drawing = drawsvg.Drawing(across, height, role="img", class_="chart", aria_label=name)

    def box(self, kind: str, x: float, y: float, across: float, down: float, told: str = "") -> None:
        """Draw a rectangle; `told` is shown when it is pointed at."""
        self._add(drawsvg.Rectangle(_r(x), _r(y), _r(max(across, 0.5)), _r(down), class_=kind), told)

    def line(self, kind: str, *points: tuple[float, float], told: str = "") -> None:
        """Draw a line through points."""
        flat = [_r(value) for point in points for value in point]
        self._add(drawsvg.Lines(*flat, class_=f"stroke {kind}", fill="none"), told)

    def curve(self, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw a curve that leaves to the right and arrives from the left."""
        bend = max((end[0] - start[0]) / 2, 12)
        path = drawsvg.Path(class_=f"stroke {kind}", fill="none")
        path.M(*map(_r, start)).C(*map(_r, (start[0] + bend, start[1], end[0] - bend, end[1], *end)))
        self._add(path, "")

    def area(self, kind: str, points: Iterable[tuple[float, float]]) -> None:
        """Fill the shape that the points go round."""
        self._add(drawsvg.Lines(*[_r(value) for point in points for value in point], class_=kind, close=True), "")

    def dot(self, kind: str, x: float, y: float, told: str = "", *, radius: float = 4) -> None:
        """Draw a dot."""
        self._add(drawsvg.Circle(_r(x), _r(y), radius, class_=kind), told)

    def cross(self, kind: str, x: float, y: float, told: str = "") -> None:
        """Draw a cross, for what failed: it is told from a dot without its colour."""
        for sign in (1, -1):
            self.line(kind, (x - 4, y - 4 * sign), (x + 4, y + 4 * sign), told=told)

    def words(self, text: str, x: float, y: float, *, kind: str = "", anchor: str = "start", room: float = 0) -> None:
        """Write one line with its middle at a height; `room` cuts it, and what was cut is shown when pointed at.

        A text that stands at the end of the picture is moved into it.
        """
        clean = " ".join(redact(text).split())
        shown = fitted(clean, room) if room else clean
        across = {"start": 0.0, "middle": width(shown) / 2, "end": width(shown)}[anchor]
        placed = max(min(x, self.across - width(shown) + across), across)
        item = drawsvg.Text(shown, 11, _r(placed), _r(y + 4), class_=f"words {kind}".strip(), text_anchor=anchor)
        self._add(item, clean if shown != clean else "")

    def axis(self, scale: Scale, top: float, bottom: float, unit: str = "s") -> None:
        """Draw upright lines at round values, and the values below them."""
        for tick in scale.ticks:
            self.line("grid", (scale.at(tick), top), (scale.at(tick), bottom))
            self.words(f"{tick:g} {unit}" if tick else "0", scale.at(tick), bottom + 9, kind="quiet", anchor="middle")

    def legend(self, entries: Iterable[tuple[str, str]], x: float, y: float) -> None:
        """Say what the colours mean, each beside a box of it."""
        for kind, text in entries:
            self.box(kind, x, y - 5, 10, 10)
            self.words(text, x + 14, y, kind="quiet")
            x += width(text) + 28

    def svg(self) -> str:
        """Return the picture as an element to be put into a page."""
        text: str = self._drawing.as_svg(header="")
        return text.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace("<defs>\n</defs>\n", "")

    def _add(self, item: drawsvg.DrawingElement, told: str) -> None:
        if told:
            item.append_title(redact(told))
        self._drawing.append(item)


def _r(value: float) -> float:
    return round(value, 1)
