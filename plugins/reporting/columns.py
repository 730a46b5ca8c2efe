"""Text in 80 columns: sentences, comments, and commands that can still be pasted."""

import re
import textwrap
from collections.abc import Iterator

WIDTH = 80
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\S)+""")
_GLUE = "\N{NO-BREAK SPACE}"


def comment(text: str) -> list[str]:
    """Break a text into lines of a shell comment."""
    return textwrap.wrap(text, WIDTH - 1, initial_indent="    # ", subsequent_indent="    # ", break_long_words=False)


def continued(run: str) -> Iterator[str]:
    """Break a command with a backslash at spaces outside its quotes, so that it can be pasted as it stands."""
    line = "    $"
    for word in _WORD.findall(run):
        if len(line) + len(word) + 3 > WIDTH and line.strip():
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
        WIDTH - 1,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]
