"""The replica as a process: how it is started, what it announces, and that it leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fixtures.profile import load
from fixtures.replica.faults import FAULTS

ROOT = Path(__file__).parent.parent
GONE_S = 20.0
"""Bound on waiting for processes and files to go; they take tenths of a second."""


@contextmanager
def replica(*options: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a replica process; it is killed at the end, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fixtures.replica", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def announced(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for the announcement, and return the overlay."""
    assert process.stdout is not None
    overlay: dict[str, Any] = json.loads(process.stdout.readline())
    return overlay


def close_lifeline(process: "subprocess.Popen[str]") -> None:
    """Do what the death of the parent does."""
    assert process.stdin is not None
    process.stdin.close()


def processes_naming(text: str) -> list[str]:
    """Return parent and command line of every process in whose command line the text occurs."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "ppid=,args="], capture_output=True, check=True, text=True)
    return [line for line in listed.stdout.splitlines() if text in line]


def is_gone(directory: Path) -> bool:
    """Whether directory and processes go within the bound."""
    deadline = time.monotonic() + GONE_S
    while directory.exists() or processes_naming(directory.name):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_announcement_is_one_line_of_json() -> None:
    """A parent reads one JSON line that fits over the profile, and the replica ends with its standard input."""
    with replica("--announce", "json", "--faces", "redis,source") as process:
        overlay = announced(process)
        checkout = load("replica", overlay).backend_source.checkout
        assert checkout is not None
        assert checkout.is_dir()
        assert set(overlay) == {"redis", "backend_source"}
        close_lifeline(process)
        assert process.stdout is not None
        assert process.stdout.read() == ""
        assert process.wait() == 0
    assert is_gone(checkout.parent)


def test_no_face_is_asked_for() -> None:
    """Where no probe needs anything of the target, nothing is started, and that is announced."""
    with replica("--announce", "json", "--faces", "") as process:
        assert announced(process) == {}
        close_lifeline(process)
        assert process.wait() == 0


@pytest.mark.slow
def test_nothing_outlives_a_killed_replica() -> None:
    """After kill -9 of the replica no server process and no file of it is left."""
    with replica("--announce", "json", "--faces", "postgres,redis,source") as process:
        directory = Path(announced(process)["backend_source"]["checkout"]).parent
        assert len(processes_naming(directory.name)) >= 3, "PostgreSQL, Redis and the reaper name the directory"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert is_gone(directory)


@pytest.mark.slow
def test_nothing_outlives_a_replica_killed_while_it_starts() -> None:
    """After kill -9 in the middle of initdb no process and no file is left, either."""
    with replica("--announce", "json", "--faces", "postgres") as process:
        deadline = time.monotonic() + GONE_S
        while not (running := [line for line in processes_naming("initdb -D") if int(line.split()[0]) == process.pid]):
            assert time.monotonic() < deadline, "initdb was never started"
        process.send_signal(signal.SIGKILL)
        process.wait()
    found = re.search(r"(/\S*/allclear-[0-9a-f]+)/", running[0])
    assert found is not None
    assert is_gone(Path(found[1]))


@pytest.mark.slow
def test_lifeline_closed_while_it_starts() -> None:
    """A replica whose parent is gone before it is up announces nothing, and cleans up."""
    with replica("--announce", "json", "--faces", "postgres") as process:
        close_lifeline(process)
        assert process.stdout is not None
        assert process.stdout.read() == ""
        assert process.wait() == 0


def test_by_hand() -> None:
    """Started by hand it writes a complete profile, says how to use it, and ends with Ctrl-C."""
    with replica("--faces", "redis,source") as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        target = next(line.split("--target=")[1].strip() for line in lines if "--target=" in line)
        profile = load(target)
        assert profile.target.kind == "replica"
        assert profile.replica is None
        assert profile.lock == load("staging").lock
        assert profile.redis is not None
        assert profile.redis.host == "127.0.0.1"
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert is_gone(Path(target).parent)


def test_unknown_fault_is_one_line() -> None:
    """An unknown fault is refused on one line that names the nearest ones; exit 2."""
    with replica("--fault", "redis-stoped") as process:
        _, said = process.communicate()
    assert process.returncode == 2
    assert re.fullmatch(r"fault 'redis-stoped' is not known; nearest: redis-stopped\b.*\n", said)


def test_unknown_face_is_refused() -> None:
    """A face that does not exist is a usage error."""
    with replica("--faces", "google,mail") as process:
        _, said = process.communicate()
    assert process.returncode == 2
    assert "no such face: 'mail'" in said


def test_list_of_faults() -> None:
    """`--list-faults` has a line for every fault."""
    with replica("--list-faults") as process:
        listed, _ = process.communicate()
    assert [line.split()[0] for line in listed.splitlines()] == sorted(FAULTS)


def test_database_that_is_not_installed() -> None:
    """A PostgreSQL that is not where it was said to be ends the start with one line; exit 1."""
    with replica("--announce", "json", "--faces", "postgres", ALLCLEAR_POSTGRES_BIN="/nowhere") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        announcement, said = process.stdout.read(), process.stderr.read()
    assert (process.returncode, announcement) == (1, "")
    assert said == "ALLCLEAR_POSTGRES_BIN=/nowhere: no initdb in this directory\n"


@pytest.mark.slow
def test_server_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    """A server that does not heed SIGINT is killed, and the directory goes all the same."""
    # Its name is looked for in every command line of the machine.
    directory = tmp_path / f"deaf-{uuid4().hex}"
    deaf = "import signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    script = f"""
import os, signal, subprocess, sys
from pathlib import Path
from fixtures.reaper import Reaper
directory = Path(sys.argv[1])
reaper = Reaper(directory)
directory.mkdir()
deaf = subprocess.Popen([sys.executable, "-c", {deaf!r}, str(directory)], stdout=subprocess.PIPE, **reaper.bond)
deaf.stdout.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script, str(directory)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert is_gone(directory)
