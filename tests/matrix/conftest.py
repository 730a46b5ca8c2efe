"""What every test of the matrix is given: a process that forks warm runs."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.reaper import Reaper
from fixtures.replica.box import Box
from fixtures.replica.postgres import TEMPLATE, Postgres
from tests.matrix.figures import note
from tests.matrix.pairs import HEALTHY
from tests.matrix.popen import Popen
from tests.matrix.runs import ROOT

__all__ = ["note"]


@pytest.fixture(autouse=True)
def _warm(request: pytest.FixtureRequest) -> None:
    """Have runs forked, where a test of the matrix asks for them."""
    if request.node.get_closest_marker("matrix"):
        request.getfixturevalue("_forks")


@pytest.fixture(scope="session")
def _forks(_cluster: None) -> Iterator[None]:
    """Have a process from which runs are forked; one for each worker."""
    with tempfile.TemporaryDirectory() as directory:  # pytest's own are too long a path for a socket
        Popen.forks_at = str(Path(directory) / "forks")
        command = [sys.executable, "-m", "tests.matrix.warm", Popen.forks_at]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture(scope="session")
def _cluster() -> Iterator[None]:
    """Have every replica's database copied from a cluster that is made once."""
    directory = Box([]).directory
    reaper = Reaper(directory)
    directory.mkdir()
    directory.chmod(0o711)  # as a replica's own
    try:
        asyncio.run(_create(Postgres(HEALTHY.database, directory, reaper)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(TEMPLATE, str(directory / "postgres" / "data"))
            yield
    finally:
        reaper.reap()


async def _create(postgres: Postgres) -> None:
    await postgres.create()
    await postgres.stop()
