"""The runs in a folder of reports, as far as they can be read."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from plugins.outcome import Outcome, Severity

REPORTS = Path(__file__).parent.parent.parent / "reports"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[a-z0-9-]+")


class RunsError(Exception):
    """Something about kept runs that cannot be done; says in one line what, and why."""


class _Read(BaseModel):
    """What is read of a report; keys that a later allclear adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Compared(_Read):
    """A comparison; see `fixtures.expect.Comparison`."""

    subject: str
    observed: str
    expected: str
    key: str | None
    holds: bool
    warning: bool


class Unseen(_Read):
    """Why something could not be observed; see `fixtures.evidence.base.Why`."""

    reason: str
    permission: str | None = None


class Entry(_Read):
    """One criterion of a verdict.json."""

    id: str
    outcome: Outcome
    severity: Severity
    comparisons: tuple[Compared, ...]
    blocked: tuple[Unseen, ...]
    explained_by: str | None


class Target(_Read):
    """What was looked at."""

    name: str
    title: str


class Replayed(_Read):
    """That nothing was looked at, and with which other locks it was judged."""

    seen_at: str
    changes: tuple[str, ...]


class Said(_Read):
    """What is read of a verdict.json."""

    schema_version: Literal[1]
    disclaimer: str
    replay: Replayed | None = None
    verdict: str
    exit_code: int
    ended_by: str | None
    target: Target
    started_at: datetime
    criteria: tuple[Entry, ...]


@dataclass(frozen=True)
class Run:
    """A run that is kept.

    Attributes:
        first: the first line of its results.jsonl.
        said: its verdict; None for a run that was killed, or goes on.
    """

    directory: Path
    first: dict[str, Any]
    said: Said | None

    @property
    def started_at(self) -> datetime:
        """When it was started, by its directory's name, UTC."""
        match = _NAME.match(self.directory.name)
        assert match is not None, "what is no run's name is no run"
        return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    @property
    def target(self) -> str:
        """The name of its target."""
        return str(self.first["target"])

    @property
    def looked(self) -> bool:
        """Whether it looked at its target, and is no replay of another."""
        return self.first.get("replay") is None


def verdict(path: Path) -> Said:
    """Read a verdict, given by its file or by its run's directory.

    Raises:
        RunsError: there is none, or it is none that this allclear reads.
    """
    file = path / "verdict.json" if path.is_dir() else path
    try:
        return Said.model_validate_json(file.read_bytes())
    except OSError as error:
        rebuild = "; rebuild the run first" if (path / "evidence.jsonl").is_file() else ""
        raise RunsError(f"{file}: {error.strerror}{rebuild}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunsError(f"{file}: no verdict.json that this allclear reads ({where}: {first['msg'].lower()})") from None


def runs(reports: Path) -> list[Run]:
    """Return the runs in a folder, the oldest first; what is no run of ours is passed over.

    Raises:
        RunsError: there is no such folder.
    """
    if not reports.is_dir():
        raise RunsError(f"{reports}: no such folder of reports")
    places = (path for path in sorted(reports.iterdir()) if _NAME.fullmatch(path.name) and not path.is_symlink())
    return [run for path in places if (run := _run(path)) is not None]


def _run(directory: Path) -> Run | None:
    first = next(iter(lines(directory / "results.jsonl")), {})
    if first.get("event") != "run" or "target" not in first:
        return None
    try:
        return Run(directory, first, verdict(directory))
    except RunsError:
        return Run(directory, first, None)


def lines(file: Path) -> Iterable[dict[str, Any]]:
    """Return the lines of a results.jsonl that are whole; none where there is no such file."""
    try:
        written = file.read_bytes().split(b"\n")[:-1]
    except OSError:
        return []
    read = []
    for line in written:
        try:
            read.append(json.loads(line))
        except ValueError:
            continue
    return [values for values in read if isinstance(values, dict)]
