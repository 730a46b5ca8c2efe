"""Has everything recorded that a run sees, as it comes, on the process that reports it."""

import contextlib
import importlib.metadata
import shlex
import subprocess
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.engine.client import EngineDied, Source
from fixtures.evidence.base import Attempt
from fixtures.probes.registry import PROBES
from fixtures.profile import Declared
from fixtures.recording import NAME, Header, Recorder
from plugins.reporting.record import DISCLAIMER, Criterion, Record

_COMPANY = ("vantage", "identity")
"""Probes that belong to every recording: from where and by whom a run looked."""


class Keeper:
    """Keeps the answers of one run, and writes them into its directory; those of a replay are written already."""

    def __init__(self, source: Source, header: Header, directory: Path | None) -> None:
        """Begin without having written anything; without a directory, nothing ever is."""
        self._source = source
        self._header = header
        self._recorder = Recorder(None if directory is None else directory / NAME)

    @property
    def answers(self) -> Mapping[str, Attempt[Any]]:
        """What the run has seen, by probe."""
        return self._recorder.attempts

    def begin(self, selected: Iterable[Criterion]) -> None:
        """Write what is known before anything was seen."""
        ids = tuple(criterion.id for criterion in selected)
        self._recorder.begin(self._header.model_copy(update={"selected": ids}))

    def take(self, answers: Mapping[str, str], needed: Collection[str]) -> None:
        """Take what a criterion was given, in JSON by probe, and what is known by now of where and who we are.

        Args:
            answers: of the criterion's probes.
            needed: the probes that were started.
        """
        # A dead engine has nothing to add; each criterion that asks says so.
        with contextlib.suppress(EngineDied):
            client = self._source.client()
            if not self._recorder.is_laid:
                self._recorder.lay(client.overlay())
            wanted = [name for name in _COMPANY if name in needed and name not in {*self.answers, *answers}]
            awaited = client.awaited() if wanted else {}
            answers = dict(answers) | {
                name: client.see(name).model_dump_json() for name in wanted if name not in awaited
            }
        for probe, answer in answers.items():
            self._recorder.add(probe, answer)

    def complete(self, needed: Collection[str]) -> bool:
        """Take what was still missing of where and who we are, without waiting; say whether it is all there."""
        with contextlib.suppress(EngineDied):
            # Before the target is up, what is awaited is no probe, and asking for anything would be waiting for it.
            if self._source.client().awaited().keys() <= PROBES.keys():
                self.take({}, needed)
        return all(name in self.answers for name in _COMPANY if name in needed)

    def end(self, record: Record) -> None:
        """Write how the run ended."""
        assert record.exit_code is not None, "a run that ended has an exit code"
        self._recorder.end(record.exit_code, record.ended_by, record.seconds)


def header(config: pytest.Config, declared: Declared, now: datetime) -> Header:
    """Return what a recording says of the run, before it is known what is selected."""
    names = ("source", "fault", "soak_minutes", "own", "incident", "incident_start", "markexpr", "keyword")
    return Header(
        disclaimer=DISCLAIMER if declared.profile().target.kind == "replica" else "",
        allclear=_version(),
        target=config.option.target,
        profile=dict(declared.tables),
        options={name: getattr(config.option, name) for name in names},
        command=shlex.join(["pytest", *config.invocation_params.args]),
        started_at=now.isoformat(timespec="seconds"),
        selected=(),
    )


def _version() -> str:
    """Return allclear's version, and its commit where git tells it."""
    try:
        number = importlib.metadata.version("allclear")
    except importlib.metadata.PackageNotFoundError:
        number = "of unknown version"
    here = Path(__file__).parent.parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return number
    commit = done.stdout.strip()
    return f"{number} ({commit})" if done.returncode == 0 and (here / ".git").exists() else number
