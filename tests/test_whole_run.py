"""The main job as a user types it: live without credentials, on the replica, blind, under xdist, and killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

pytestmark = pytest.mark.slow

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
SAID = "REPLICA RUN: this says nothing about staging."


def command(directory: Path, *options: str) -> list[str]:
    """Return the command of a run that reports into a directory."""
    return [sys.executable, "-m", "pytest", f"--reports={directory}", "-p", "no:cacheprovider", *options]


def environment(home: Path) -> dict[str, str]:
    """Return an environment without credentials, and without what an outer pytest sets."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GOOGLE_", "CLOUDSDK"))
    }
    return kept | {"HOME": str(home), "ALLCLEAR_VANTAGE": "laptop"}


def run(directory: Path, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Run to the end; return exit code, output with its white space folded, and verdict.json."""
    done = subprocess.run(
        command(directory, *options), cwd=ROOT, env=environment(directory), capture_output=True, text=True, check=False
    )
    verdict = directory / "latest" / "verdict.json"
    assert verdict.exists(), done.stdout + done.stderr
    return done.returncode, done.stdout, json.loads(verdict.read_text(encoding="utf-8"))


def outcomes(verdict: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of each criterion."""
    return {one["id"]: one["outcome"] for one in verdict["criteria"]}


def test_live_without_credentials_nothing_is_green(tmp_path: Path) -> None:
    """Without credentials every criterion is blocked, the exit code is 6, and both ways on are named."""
    code, said, verdict = run(tmp_path, "-m", "phase1")
    assert code == 6
    assert set(outcomes(verdict).values()) == {"blocked"}
    first = next(line for line in said.splitlines() if line.startswith("UNPROVEN"))
    assert "staging" in first
    folded = " ".join(said.split())
    assert "gcloud auth application-default login" in folded
    assert "--target replica" in folded
    assert SAID not in said
    assert verdict["target"]["kind"] == "live"


def test_a_replica_run_says_so_first_and_last(tmp_path: Path) -> None:
    """Phase 1 of the healthy replica is all clear, and the first and the last line say what that is worth."""
    code, said, verdict = run(tmp_path, "-m", "phase1", "--target", "replica")
    lines = said.strip().splitlines()
    assert (code, lines[0], lines[-1]) == (0, SAID, SAID)
    assert verdict["disclaimer"] == SAID
    assert set(outcomes(verdict).values()) == {"pass", "warn"}


def test_under_xdist_a_replica_run_is_the_same(tmp_path: Path) -> None:
    """Two workers share one replica and give the same outcomes and exit code."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    options = ("-m", "phase1", "--target", "replica", "--fault", "connector-in-error")
    code, _, verdict = run(alone, *options)
    other_code, _, other = run(shared, *options, "-n", "2")
    assert (code, outcomes(verdict)) == (other_code, outcomes(other))
    assert code == 1


def test_every_call_refused_is_unproven(tmp_path: Path) -> None:
    """With every Google call answering 403, nothing blames staging; permissions and their roles are named."""
    code, said, verdict = run(tmp_path, "-m", "phase1", "--target", "replica", "--fault", "gcp-all-403")
    assert code == 6
    assert "fail" not in outcomes(verdict).values()
    reasons = {(why["permission"], why["role"]) for one in verdict["criteria"] for why in one["blocked"]}
    assert {
        ("vpcaccess.connectors.get", "roles/vpcaccess.viewer"),
        ("run.services.get", "roles/run.viewer"),
        ("cloudsql.instances.get", "roles/cloudsql.viewer"),
        ("secretmanager.versions.get", "roles/secretmanager.viewer"),
    } <= reasons
    folded = " ".join(said.split())
    assert "vpcaccess.connectors.get" in folded
    assert "roles/vpcaccess.viewer" in folded


def test_nothing_outlives_a_killed_run(tmp_path: Path) -> None:
    """After kill -9 of pytest, its engine, the replica and the servers of the replica end, and their files go."""
    options = ("-m", "phase1", "--target", "replica", "--fault", "gcp-all-silent")
    process = subprocess.Popen(
        command(tmp_path, *options), cwd=ROOT, env=environment(tmp_path), stdout=subprocess.DEVNULL
    )
    family = _wait_for_servers(psutil.Process(process.pid))
    directories = {Path(part) for one in family for part in _told(one.cmdline) if "/allclear-" in part}
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [line for one in alive if (line := _told(one.cmdline))] == []
    gone_by = time.monotonic() + 10
    while any(path.exists() for path in directories) and time.monotonic() < gone_by:
        time.sleep(0.05)
    assert [path for path in directories if path.exists()] == []


def _wait_for_servers(parent: psutil.Process) -> list[psutil.Process]:
    """Return all descendants once PostgreSQL and Redis are among them."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        family = parent.children(recursive=True)
        names = ["".join(_told(one.name)) for one in family]
        if any("postgres" in name for name in names) and any("valkey" in name or "redis" in name for name in names):
            return family
        time.sleep(0.05)
    raise AssertionError("the replica's servers did not start")


def _told(ask: Callable[[], T]) -> T | tuple[()]:
    """Return what a process says of itself; nothing of one that has ended, or that nobody has buried yet."""
    try:
        return ask()
    except psutil.NoSuchProcess:
        return ()
