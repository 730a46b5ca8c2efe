"""A picture as a report shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture, and what it shows in a sentence, for whoever does not see it.

    Attributes:
        svg: the element; empty where nothing was seen, and `said` tells why.
        wide: whether it needs the page's whole width.
    """

    title: str
    said: str
    svg: str = ""
    wide: bool = False
