"""The fault matrix: each fault turns exactly its criteria, and the right cause is named; a healthy replica none."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.replica.faults import FAULTS
from plugins.runbook import read

pytestmark = pytest.mark.matrix

ROOT = Path(__file__).parent.parent
ALWAYS = {"TMO-NEST": "warn", "CAP-PLAN": "warn"}
"""Advisories that the plan's own numbers violate, so that they warn on the healthy replica as well."""
TERRAFORM = shutil.which("terraform")
BARE = {"PRE-TOOLS": "warn"} | ({} if TERRAFORM else {"TF-DRIFT": "blocked"})
"""What a machine without gcloud and without a browser adds; starting them for each fault would prove nothing more."""
EVERYTHING = ("-m", "not soak")
SOAK = ("-m", "soak", "--soak-minutes", "0.6")
"""A soak takes its time, so it is run for the faults that say what it sees of them, and for no other."""


def run(directory: Path, *options: str, path: str | None = None) -> dict[str, Any]:
    """Run the suite on the replica, as a user does, and return its verdict.json; without `path`, on a bare machine."""
    command = [sys.executable, "-m", "pytest", "--target", "replica", f"--reports={directory}", "-q", *options]
    env = os.environ | {"PATH": path or str(bare(directory))}
    command += ["-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    written = directory / "latest" / "verdict.json"
    assert written.exists(), done.stdout + done.stderr
    verdict: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    assert verdict["exit_code"] == done.returncode
    return verdict


def bare(directory: Path) -> Path:
    """Return a folder of programs that holds terraform, where there is one, and nothing else."""
    programs = directory / "bin"
    programs.mkdir()
    if TERRAFORM:
        (programs / "terraform").symlink_to(TERRAFORM)
    return programs


def turned(verdict: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of every criterion that is not `pass`."""
    return {one["id"]: one["outcome"] for one in verdict["criteria"] if one["outcome"] != "pass"}


def fits(verdict: dict[str, Any], id: str) -> bool:
    """Whether the first hint of a criterion names its symptom, where the runbook has any hint that does."""
    (judged,) = [one for one in verdict["criteria"] if one["id"] == id]
    symptoms = {comparison["symptom"] for comparison in judged["comparisons"] if not comparison["holds"]}
    ours = [hint for hint in read().hints if id in hint.criteria]
    naming = [hint for hint in ours if symptoms & set(hint.when)]
    return judged["hints"][0]["id"] in {hint.id for hint in naming or ours}


@pytest.mark.gcloud
@pytest.mark.skipif(not (TERRAFORM and shutil.which("gcloud")), reason="needs gcloud and terraform")
def test_a_healthy_replica_is_all_clear(tmp_path: Path) -> None:
    """Without a fault, every criterion holds, save the advisories that the plan itself violates."""
    verdict = run(tmp_path, *EVERYTHING, path=os.environ["PATH"])
    assert turned(verdict) == ALWAYS
    assert (verdict["verdict"], verdict["exit_code"]) == ("ALL CLEAR", 0)


def test_a_healthy_replica_endures(tmp_path: Path) -> None:
    """Without a fault, a soak holds."""
    verdict = run(tmp_path, *SOAK)
    assert (turned(verdict), verdict["verdict"]) == ({}, "ALL CLEAR")


@pytest.mark.parametrize("id", FAULTS)
def test_a_fault_turns_exactly_its_criteria(id: str, tmp_path: Path) -> None:
    """Each fault turns the criteria that it declares, and no other; the first cause is right, and each hint fits."""
    turns = {criterion: outcome for criterion, outcome in FAULTS[id].turns.items() if criterion != "SOAK"}
    verdict = run(tmp_path, "--fault", id, *EVERYTHING)
    assert turned(verdict) == ALWAYS | turns | BARE
    agrees(verdict, id, turns | BARE)


@pytest.mark.parametrize("id", [id for id, fault in FAULTS.items() if "SOAK" in fault.turns])
def test_a_fault_turns_a_soak(id: str, tmp_path: Path) -> None:
    """Each fault that only shows in time turns the soak."""
    turns = {"SOAK": FAULTS[id].turns["SOAK"]}
    verdict = run(tmp_path, "--fault", id, *SOAK)
    assert turned(verdict) == turns
    agrees(verdict, id, turns)


def agrees(verdict: dict[str, Any], id: str, turns: Mapping[str, str]) -> None:
    """Assert that causes, hints and exit code follow from the criteria that a fault turns."""
    cause = FAULTS[id].cause
    assert next((one["criterion"] for one in verdict["causes"]), None) == (cause if cause in turns else None)
    for one in verdict["causes"]:
        assert fits(verdict, one["criterion"])
    severities = {one["id"]: one["severity"] for one in verdict["criteria"]}
    deciding = {outcome for criterion, outcome in turns.items() if severities[criterion] != "advisory"}
    assert verdict["exit_code"] == (1 if "fail" in deciding else 6 if "blocked" in deciding else 0)
