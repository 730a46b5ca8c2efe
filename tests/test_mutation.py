"""Mutation of the suite itself: what mistakes are made, and what is published of them."""

import ast
from pathlib import Path

import pytest

from tests.mutation.__main__ import files
from tests.mutation.mutants import mutants
from tests.mutation.page import PAGE, read, render

ROOT = Path(__file__).parent.parent
SOURCE = '''
"""A text."""
LIMIT: int = 3


@mark(1 == 2)
def judge(seen, other, expect):
    """Another text."""
    if seen < LIMIT and not other:
        return f"{seen > 1}"
    expect(seen, "x").at_least(LIMIT, symptom="low")
    expect.note("said")
    return True if other else seen in (1, 2)
'''


def test_each_mistake_is_one() -> None:
    """Comparisons, conditions, constants and calls are changed, one at a time; texts and declarations are not."""
    made = [(mutant.line, mutant.before, mutant.after) for mutant in mutants("x.py", SOURCE)]
    assert made == [
        (3, "3", "4"),
        (9, "seen < LIMIT and not other", "seen < LIMIT or not other"),
        (9, "seen < LIMIT", "seen <= LIMIT"),
        (9, "seen < LIMIT", "seen >= LIMIT"),
        (9, "not other", "other"),
        (11, 'expect(seen, "x").at_least(LIMIT, symptom="low")', "pass"),
        (11, 'expect(seen, "x").at_least(LIMIT, symptom="low")', "expect(seen, 'x').at_most(LIMIT, symptom='low')"),
        (13, "other", "not other"),
        (13, "True", "False"),
        (13, "seen in (1, 2)", "seen not in (1, 2)"),
        (13, "1", "2"),
        (13, "2", "3"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("file", files())
def test_every_mistake_is_a_program(file: str) -> None:
    """With a mistake in it, a file can still be read, and is another one."""
    source = (ROOT / file).read_text(encoding="utf-8")
    made = list(mutants(file, source))
    assert made
    for mutant in made:
        ast.parse(mutant.source)
        assert mutant.source != source


def test_the_page_of_mutation_is_up_to_date() -> None:
    """docs/mutation.md is what `python -m tests.mutation.page` makes of the figures and the reasons."""
    assert PAGE.read_text(encoding="utf-8") == render()


def test_what_is_not_noticed_has_a_reason() -> None:
    """At least 95 of 100 mistakes are noticed, and for each other one somebody has written down why."""
    figures, reasons = read()
    made, survive = (sum(one[name] for one in figures["files"].values()) for name in ("made", "survive"))
    assert reasons.keys() == set(figures["survivors"])
    assert survive <= 0.05 * made
