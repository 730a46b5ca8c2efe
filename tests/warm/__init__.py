"""Runs of the suite without the price of their imports: programs are forked, and databases copied."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fixtures.profile import load
from fixtures.reaper import Reaper
from fixtures.replica.box import Box
from fixtures.replica.build import build_world
from fixtures.replica.postgres import TEMPLATE, Postgres
from tests.warm.popen import Popen

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def forking() -> Iterator[None]:
    """Have a process from which `Popen` forks, and a cluster of which every replica's database is a copy."""
    with _cluster(), tempfile.TemporaryDirectory() as directory:  # pytest's own are too long a path for a socket
        Popen.forks_at = str(Path(directory) / "forks")
        command = [sys.executable, "-m", "tests.warm", Popen.forks_at]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def _cluster() -> Iterator[None]:
    directory = Box([]).directory
    reaper = Reaper(directory)
    directory.mkdir()
    directory.chmod(0o711)  # as a replica's own
    try:
        asyncio.run(_create(Postgres(build_world(load("replica")).database, directory, reaper)))
        os.environ[TEMPLATE] = str(directory / "postgres" / "data")
        yield
    finally:
        os.environ.pop(TEMPLATE, None)
        reaper.reap()


async def _create(postgres: Postgres) -> None:
    await postgres.create()
    await postgres.stop()
