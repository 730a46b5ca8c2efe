"""What a text for a tracker is made of. Values of a run are `code`: no tracker reads anything into those."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fixtures.secret import redact

_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters, and those that hide text or turn its direction."""
_VALUE_MAX = 400


@dataclass(frozen=True)
class Span:
    """Words of one kind."""

    text: str
    kind: Literal["plain", "strong", "code", "link"] = "plain"


@dataclass(frozen=True)
class Heading:
    """A heading."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Items:
    """A list with bullets."""

    rows: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True)
class Code:
    """Commands, to be copied."""

    text: str


@dataclass(frozen=True)
class Marker:
    """Which run the text is of; hidden where the tracker can hide something."""

    run: str


Block = Heading | Paragraph | Items | Code | Marker


def clean(text: str) -> str:
    """Return a text without secrets, and without characters that are not seen."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", redact(text))


def value(text: str) -> Span:
    """Return something that was observed, or that is called so by others."""
    flat = " ".join(clean(text).split())
    return Span(flat if len(flat) <= _VALUE_MAX else f"{flat[:_VALUE_MAX]}...", "code")


def row(*parts: str | Span) -> tuple[Span, ...]:
    """Return a line of our own words and of spans."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts if part)


def listed(names: Sequence[str]) -> tuple[Span, ...]:
    """Return values with commas between them."""
    return tuple(span for name in names for span in (Span(", "), value(name)))[1:]


def fitted(
    blocks: Sequence[Block], ending: Sequence[Block], render: Callable[[Sequence[Block]], str], most: int
) -> str:
    """Return what is rendered of as many blocks as fit, the first ones, and of the whole ending.

    Args:
        blocks: the most important first.
        ending: never left out.
        render: makes text of blocks.
        most: characters.
    """
    for kept in range(len(blocks), -1, -1):
        left = len(blocks) - kept
        more = [Paragraph(row(f"{left} further parts do not fit here; the report has them."))] if left else []
        text = render([*blocks[:kept], *more, *ending])
        if len(text) <= most:
            break
    return text
