"""docs/fault-matrix.md says what the data say, and every criterion is seen both green and not."""

import json

import pytest

from fixtures.replica.faults import FAULTS
from tests.matrix.figures import FILE
from tests.matrix.page import PAGE, render
from tests.matrix.runs import ALWAYS
from tests.matrix.test_faults import FAMILIES


@pytest.mark.slow
def test_the_page_of_the_matrix_is_up_to_date() -> None:
    """docs/fault-matrix.md is what `python -m tests.matrix.page` makes of the faults, the pairs and the figures."""
    assert PAGE.read_text(encoding="utf-8") == render()


def test_the_figures_are_those_of_a_clean_run() -> None:
    """The published run compared every fault, missed nothing, and named a right cause first where it must."""
    measured = json.loads(FILE.read_text(encoding="utf-8"))
    faults, pairs = measured["fault"], measured["pair"]
    assert faults["runs"] >= len(FAULTS)
    assert faults["first_cause_right"] == faults["exact"] == faults["runs"]
    assert pairs["first_cause_right"] >= 0.95 * pairs["runs"]
    assert faults["missed"] == faults["false_alarms"] == pairs["missed"] == pairs["false_alarms"] == 0


def test_advisories_that_always_warn_are_seen_to_hold() -> None:
    """Those that the plan's own numbers violate hold under some fault, so that they too are seen both ways."""
    assert {id for fault in FAULTS.values() for id in fault.clears} == ALWAYS.keys()


def test_the_quick_cut_has_a_fault_of_each_family() -> None:
    """The first fault of each family is in the quick cut, whatever is added behind it."""
    families = {fault.apply.__module__ for fault in FAULTS.values()}
    assert families == FAMILIES.keys()
    assert [FAULTS[id].apply.__module__ for id in FAMILIES.values()] == list(FAMILIES)
