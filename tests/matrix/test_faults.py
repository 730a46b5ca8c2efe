"""The fault matrix: each fault turns exactly its criteria, and the right cause is named; a healthy replica none."""

import os
import shutil
from pathlib import Path

import pytest

from fixtures.replica.faults import FAULTS
from tests.matrix.runs import ALWAYS, BARE, EVERYTHING, SOAK, TERRAFORM, Verdict, cold, warm

pytestmark = pytest.mark.matrix


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


@pytest.mark.parametrize("id", FAULTS)
def test_a_fault_turns_exactly_its_criteria(id: str, tmp_path: Path) -> None:
    """Each fault turns the criteria that it declares, and no other; the first cause is right, and each hint fits."""
    verdict = warm(tmp_path, "--fault", id, *EVERYTHING)
    turns = {criterion: outcome for criterion, outcome in FAULTS[id].turns.items() if criterion != "SOAK"}
    assert verdict.turned == ALWAYS | turns | BARE
    agrees(verdict, id)


@pytest.mark.parametrize("id", [id for id, fault in FAULTS.items() if "SOAK" in fault.turns])
def test_a_fault_turns_a_soak(id: str, tmp_path: Path) -> None:
    """Each fault that only shows in time turns the soak."""
    verdict = warm(tmp_path, "--fault", id, *SOAK)
    assert verdict.turned == {"SOAK": FAULTS[id].turns["SOAK"]}
    agrees(verdict, id)


def agrees(verdict: Verdict, id: str) -> None:
    """Assert that causes, hints and exit code follow from the criteria that a fault turns."""
    cause = FAULTS[id].cause
    assert next(iter(verdict.causes), None) == (cause if cause in verdict.turned else None)
    for criterion in verdict.causes:
        assert verdict.hint_fits(criterion)
    assert verdict.exit_code == verdict.gate()
