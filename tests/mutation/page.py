"""docs/mutation.md: how many mistakes in what judges are noticed, and those that are not, with the reason.

`python -m tests.mutation.page` makes it anew of the figures that `python -m tests.mutation` left, and of the reasons.
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent.parent / "docs" / "mutation.md"
FIGURES = FOLDER / "measured.json"
REASONS = FOLDER / "survivors.toml"
_HEAD = """# Mutation: is a mistake in the suite noticed?

Small mistakes are made in what judges, one at a time: a comparison turned round, a boundary moved, a condition
turned, a constant changed, a comparison taken away. Then the tests that name the module and take milliseconds are
run; where they pass, what runs of [the fault matrix](fault-matrix.md) saw is judged again, until an outcome, the first
cause or the exit code is another. What is changed: every suite, and `fixtures/expect.py`,
`plugins/diagnosis`, `plugins/gaps.py`, `plugins/judging.py`, `plugins/outcome.py`, `plugins/verdict.py`. Texts for
people are not changed, nor what declarations (decorators, annotations) say.

    python -m tests.matrix --keep /tmp/matrix
    python -m tests.mutation --recordings /tmp/matrix

The figures are those of the last whole run; a test compares this page with them, and asks a reason of each survivor.
"""


def read() -> tuple[dict[str, Any], dict[str, str]]:
    """Return the figures, and the reason of each survivor by its name."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    reasons = {
        name: reason
        for reason, names in tomllib.loads(REASONS.read_text(encoding="utf-8")).items()
        for name in names["mutants"]
    }
    return figures, reasons


def render() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_table(), *_survivors()]) + "\n"


def _table() -> Iterator[str]:
    figures, _ = read()
    files = figures["files"]
    sums = {name: sum(one[name] for one in files.values()) for name in ("made", "matrix", "tests", "broken", "survive")}
    noticed = sums["made"] - sums["survive"]
    yield f"**{noticed} of {sums['made']} mistakes are noticed: {100 * noticed / sums['made']:.1f} %.**"
    yield ""
    yield "| file | mistakes | by the matrix | by the tests | break the run | not noticed |"
    yield "|---|---|---|---|---|---|"
    for name, one in (*files.items(), ("**all**", sums)):
        yield f"| {name} | {one['made']} | {one['matrix']} | {one['tests']} | {one['broken']} | {one['survive']} |"


def _survivors() -> Iterator[str]:
    _, reasons = read()
    figures, _ = read()
    yield ""
    yield "## What is not noticed"
    for reason in dict.fromkeys(reasons.values()):
        yield ""
        yield f"{reason}:"
        yield ""
        yield from (f"- `{name}`" for name in figures["survivors"] if reasons.get(name) == reason)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
