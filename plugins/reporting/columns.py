"""Text in 80 columns, or fewer: sentences, comments, and commands that can still be pasted."""

import contextlib
import re
import textwrap
from collections.abc import Iterator
from contextvars import ContextVar

WIDTH = 80
"""Of everything that is written to a file, and of a terminal that is wide enough."""
NARROWEST = 40
_width = ContextVar("width", default=WIDTH)
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\S)+""")
_GLUE = "\N{NO-BREAK SPACE}"


@contextlib.contextmanager
def within(columns: int) -> Iterator[None]:
    """Break text for a terminal of so many columns; a wider one gets no longer lines."""
    token = _width.set(max(NARROWEST, min(columns, WIDTH)))
    try:
        yield
    finally:
        _width.reset(token)


def comment(text: str) -> list[str]:
    """Break a text into lines of a shell comment."""
    return textwrap.wrap(
        text, _width.get() - 1, initial_indent="    # ", subsequent_indent="    # ", break_long_words=False
    )


def continued(run: str) -> Iterator[str]:
    """Break a command with a backslash at spaces outside its quotes, so that it can be pasted as it stands."""
    line = "    $"
    for word in _WORD.findall(run):
        if len(line) + len(word) + 3 > _width.get() and line.strip():
            yield f"{line} \\"
            line = "     "
        line += f" {word}"
    yield line


def wrap(text: str, indent: str = "") -> list[str]:
    """Break a sentence into lines, those after the first two columns further in.

    What has no spaces stays whole, and so does a command between backticks.
    """
    kept = re.sub("`[^`]*`", lambda command: command[0].replace(" ", _GLUE), text)
    lines = textwrap.wrap(
        kept,
        _width.get() - 1,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]
