"""The fault matrix: each fault turns exactly its criteria, and the right cause is named; a healthy replica none."""

import os
import shutil
from pathlib import Path

import pytest

from fixtures.replica.faults import FAULTS
from tests.matrix.figures import Note
from tests.matrix.runs import ALWAYS, EVERYTHING, SOAK, TERRAFORM, Outcomes, Verdict, cold, expected, warm

pytestmark = [pytest.mark.matrix, pytest.mark.usefixtures("forks")]

FAMILIES = {fault.apply.__module__: id for id, fault in reversed(FAULTS.items())}
"""The first fault of each family: the quick cut."""
SEEN_IN_TIME = [id for id, fault in FAULTS.items() if "SOAK" in fault.turns]


@pytest.mark.gcloud
@pytest.mark.skipif(not (TERRAFORM and shutil.which("gcloud")), reason="needs gcloud and terraform")
def test_a_healthy_replica_is_all_clear(tmp_path: Path) -> None:
    """Without a fault, every criterion holds, save the advisories that the plan itself violates."""
    verdict = cold(tmp_path, *EVERYTHING, path=os.environ["PATH"])
    assert verdict.turned == ALWAYS
    assert (verdict.told["verdict"], verdict.exit_code) == ("ALL CLEAR", 0)


def test_a_healthy_replica_endures(tmp_path: Path) -> None:
    """Without a fault, a soak holds."""
    verdict = warm(tmp_path, *SOAK)
    assert (verdict.turned, verdict.told["verdict"]) == ({}, "ALL CLEAR")


@pytest.mark.parametrize(
    "id", [pytest.param(id, marks=pytest.mark.quick if id in FAMILIES.values() else ()) for id in FAULTS]
)
def test_a_fault_turns_exactly_its_criteria(id: str, tmp_path: Path, note: Note) -> None:
    """Each fault turns the criteria that it declares, and no other; the first cause is right, and each hint fits."""
    agrees(warm(tmp_path, "--fault", id, *EVERYTHING), id, expected(id), note)


@pytest.mark.parametrize("id", SEEN_IN_TIME)
def test_a_fault_turns_a_soak(id: str, tmp_path: Path, note: Note) -> None:
    """Each fault that only shows in time turns the soak."""
    agrees(warm(tmp_path, "--fault", id, *SOAK), id, {"SOAK": FAULTS[id].turns["SOAK"]}, note)


def agrees(verdict: Verdict, id: str, outcomes: Outcomes, note: Note) -> None:
    """Assert that a run says what a fault declares; that its cause, hints and exit code follow; and note all that."""
    cause = FAULTS[id].cause if FAULTS[id].cause in outcomes else None
    first = next(iter(verdict.causes), None)
    note("fault", verdict, outcomes, first_is_right=first == cause)
    assert verdict.turned == outcomes, verdict.reasons()
    assert first == cause
    assert all(verdict.hint_fits(criterion) for criterion in verdict.causes)
    assert verdict.exit_code == verdict.gate()
