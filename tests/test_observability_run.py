"""The criteria of logs and alerts, in whole runs against the replica: healthy, broken, and not to be seen."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
OURS = ("LOG-CRIT", "LOG-SIGN", "MON-POLICY", "MON-FIRE")


def run(tmp_path: Path, *faults: str) -> dict[str, dict[str, Any]]:
    """Run the criteria under some faults and return each one's entry in the verdict."""
    for name in ("conftest.py", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    settings = (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    shutil.copytree(ROOT / "suites", tmp_path / "suites", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text(settings.replace('["."]', f'["{ROOT}"]'), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-m", "logs or monitoring", "--target", "replica"]
    command += [word for fault in faults for word in ("--fault", fault)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    verdict = tmp_path / "reports" / "latest" / "verdict.json"
    assert verdict.is_file(), done.stdout + done.stderr
    found = json.loads(verdict.read_text(encoding="utf-8"))["criteria"]
    return {criterion["id"]: criterion for criterion in found}


def outcomes(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the outcomes of our criteria, in their order."""
    return [found[id]["outcome"] for id in OURS]


def test_healthy(tmp_path: Path) -> None:
    """On the healthy replica all four hold, and its known noise was seen and allowed."""
    found = run(tmp_path)
    assert outcomes(found) == ["pass"] * 4


def test_each_is_broken(tmp_path: Path) -> None:
    """A start that timed out, no policy and the incident's levels are each a failure that names what was observed."""
    found = run(tmp_path, "startup-timed-out-once", "alert-policies-missing", "alert-levels-from-timeout")
    assert outcomes(found) == ["fail"] * 4
    said = {one["symptom"]: one for one in found["LOG-SIGN"]["comparisons"] if not one["holds"]}
    assert list(said) == ["initialisation-timeout-regressed"]
    assert "after 25.0s" in said["initialisation-timeout-regressed"]["observed"]
    levels = [(one["observed"], one["symptom"]) for one in found["MON-FIRE"]["comparisons"] if not one["holds"]]
    assert levels == [("28 s", "above"), ("33.25 s", "above")]
    assert [found[id]["hints"][0]["id"] for id in OURS] == [
        "critical-entries-logged",
        "log-names-regressed-timeout",
        "alert-policy-missing",
        "alert-handler-off-level",
    ]


def test_what_cannot_be_seen_is_blocked(tmp_path: Path) -> None:
    """A log that is excluded, a policy that is not plain, a source that is gone: all blocked, nothing green."""
    assert outcomes(run(tmp_path, "log-excluded", "alert-policy-obscure", "source-deleted")) == ["blocked"] * 4


def test_what_nobody_can_tell_is_a_warning(tmp_path: Path) -> None:
    """Entries without a payload, and a handler that hangs only when it reads the summary, are warnings."""
    found = run(tmp_path, "log-payloads-lost", "alert-handlers-told-under-lock")
    assert outcomes(found) == ["warn", "warn", "pass", "warn"]
