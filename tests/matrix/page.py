"""docs/fault-matrix.md: what each fault turns and what is named, and what the last whole run measured.

`python -m tests.matrix.page` makes it anew of the data and of the figures that `python -m tests.matrix` left.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fixtures.replica.faults import FAULTS
from plugins.reporting.criteria_page import collected
from tests.matrix.figures import FILE
from tests.matrix.pairs import MISNAMED, TOGETHER, sample
from tests.matrix.runs import ALWAYS

PAGE = Path(__file__).parent.parent.parent / "docs" / "fault-matrix.md"

_HEAD = """# The fault matrix

Every fault of the embedded replica, alone and in pairs, against the whole suite. Made by `python -m tests.matrix.page`;
a test compares. The figures are added up over the verdicts of one whole run; `python -m tests.matrix` runs everything
and writes them anew.

Each row is a whole run: the replica's servers are really broken, the real probes look at them with their real clients
over the real protocols, and the real suites, plugins and reports judge what was seen. No limit and no wait is scaled: a
wait of 22 s takes 22 s. What is spared is the import of libraries: the three programs of a run (pytest, the engine, the
replica) are forked from a process that has imported them. {cold} faults, at least one of each area and those that wait
longest, run both that way and as a user types them, and must say the same both ways. Faults that only show in time are
run as a soak as well. The machine of these runs has no gcloud and no browser, so `PRE-TOOLS` warns in each of them and
is not listed.
"""
_KINDS = ("fail", "warn", "blocked")
_FIGURES = (
    ("runs", "runs"),
    ("outcomes", "outcomes compared"),
    ("turned", "outcomes that must not be green"),
    ("missed", "missed: green all the same"),
    ("other", "neither green nor as each fault declares by itself"),
    ("false_alarms", "false alarms: not green, and should be"),
    ("exact", "runs in which every outcome is as declared"),
    ("first_cause_right", "runs whose first cause is right"),
)


def render() -> str:
    """Return the page."""
    from tests.matrix.test_cold import SAMPLE

    lines = [_HEAD.format(cold=len(SAMPLE)), *_figures(), *_criteria(), *_faults(), *_pairs()]
    return "\n".join(lines) + "\n"


def _figures() -> Iterator[str]:
    yield "## Figures"
    yield ""
    if not FILE.exists():
        yield f"{len(FAULTS)} faults, {len(sample())} pairs. No whole run has been measured yet."
        yield ""
        return
    measured = json.loads(FILE.read_text(encoding="utf-8"))
    yield (
        f"{len(FAULTS)} faults, {len(sample())} pairs; {measured['minutes']} minutes "
        f"on {measured['cores']} cores with {measured['workers']} workers."
    )
    yield ""
    yield from _table(("", "single faults", "pairs"))
    for name, meaning in _FIGURES:
        yield _row(meaning, *(measured[kind].get(name, 0) for kind in ("fault", "pair")))
    yield ""


def _criteria() -> Iterator[str]:
    turned = Counter((id, outcome) for fault in FAULTS.values() for id, outcome in fault.turns.items())
    clears = Counter(id for fault in FAULTS.values() for id in fault.clears)
    yield "## Criteria"
    yield ""
    yield "How many single faults leave each criterion green, and how many turn it."
    yield ""
    yield from _table(("criterion", "pass", "fail", "warn", "blocked"))
    for id in (criterion.id for criterion in collected()):
        counts = [turned[id, outcome] for outcome in ("fail", "warn", "blocked")]
        rest = len(FAULTS) - sum(counts)
        if id in ALWAYS:
            counts[1], rest = rest - clears[id], clears[id]
        yield _row(f"`{id}`", rest, *counts)
    yield ""


def _faults() -> Iterator[str]:
    yield "## Faults"
    yield ""
    yield from _table(("fault", "what is broken", "fails", "warns", "blocked", "named first"))
    for id, fault in sorted(FAULTS.items()):
        turned = (_ids(name for name, outcome in fault.turns.items() if outcome == kind) for kind in _KINDS)
        yield _row(f"`{id}`", fault.breaks, *turned, f"`{fault.cause}`" if fault.cause else "")
    yield ""


def _pairs() -> Iterator[str]:
    pairs = sample()
    yield "## Pairs"
    yield ""
    yield "For each fault a partner, chosen by a hash of their names, so that a new fault moves few of them."
    yield "No criterion that either turns may be green, no other may be turned, and both causes are named, or folded"
    yield "under what explains them, or cannot be seen because of the other fault."
    yield ""
    yield from _notes("Not built, since one would undo the other:", {pair: why for pair, why in pairs.items() if why})
    yield from _notes("Only the two together turn these:", {pair: _outcomes(turns) for pair, turns in TOGETHER.items()})
    yield from _notes("The first cause is not the right one:", MISNAMED)
    yield from _table(("one", "the other"))
    yield from (_row(*(f"`{id}`" for id in pair)) for pair, why in pairs.items() if not why)


def _notes(title: str, notes: dict[tuple[str, str], str]) -> Iterator[str]:
    if notes:
        yield title
        yield ""
        yield from (f"- `{one}`, `{other}`: {note}" for (one, other), note in notes.items())
        yield ""


def _outcomes(turns: Mapping[str, str]) -> str:
    return ", ".join(f"`{id}` {outcome}" for id, outcome in turns.items())


def _ids(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _table(heads: tuple[str, ...]) -> Iterator[str]:
    yield _row(*heads)
    yield _row(*("---" for _ in heads))


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
