"""What the kept runs say over time: when each criterion last held, and which ones come and go."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from plugins.outcome import Outcome
from plugins.runs.stored import Run

_HELD = (Outcome.PASS, Outcome.WARN)
_OURS = re.compile(
    r"(report\.html|verdict\.json|junit\.xml|results\.jsonl|evidence\.jsonl|summary\.md|plan\.sh|selection\.json\S*|\.rebuilt-\S*)"
)
_GOES_ON = timedelta(days=1)
"""For so long a run without a verdict may still be under way."""


@dataclass
class Course:
    """One criterion on one target, over the runs that observed it.

    Attributes:
        held_at: when it was last seen to hold; None for never.
        outcome: what was last seen of it, or that it was not seen in any run.
        turns: how often it went from holding to failing, or back.
    """

    id: str
    held_at: datetime | None = None
    outcome: Outcome = Outcome.BLOCKED
    seen: int = 0
    turns: int = 0

    @property
    def flaps(self) -> bool:
        """Whether it has come and gone: one turn is an incident, or its end."""
        return self.turns > 1

    def saw(self, outcome: Outcome, at: datetime) -> None:
        """Take what a later run says; what it could not observe says nothing."""
        if outcome not in (*_HELD, Outcome.FAIL):
            return
        holds = outcome in _HELD
        self.turns += int(self.seen > 0 and holds != (self.outcome in _HELD))
        self.held_at = at if holds else self.held_at
        self.outcome = outcome
        self.seen += 1


@dataclass
class History:
    """The courses of all criteria of one target, by id, and its runs, oldest first."""

    runs: list[Run] = field(default_factory=list)
    courses: dict[str, Course] = field(default_factory=dict)


def history(runs: list[Run]) -> dict[str, History]:
    """Return what runs, oldest first, say of each target. A replay says nothing new, and a killed run nothing yet."""
    found: dict[str, History] = {}
    for run in runs:
        if not run.looked:
            continue
        of = found.setdefault(run.target, History())
        of.runs.append(run)
        for entry in run.said.criteria if run.said else ():
            of.courses.setdefault(entry.id, Course(entry.id)).saw(entry.outcome, run.started_at)
    return found


def surplus(runs: list[Run], keep: int | None, days: float | None, now: datetime | None = None) -> list[Run]:
    """Return the runs that are more than the newest `keep`, or older than `days`; none that may still go on.

    The one that `latest` leads to is kept.
    """
    now = now or datetime.now(UTC)
    kept = runs[-keep:] if keep else []
    old = [run for run in runs if keep is None or run not in kept]
    if days is not None:
        old = [run for run in old if now - run.started_at > timedelta(days=days)]
    return [run for run in old if not _is_latest(run) and (run.said or now - run.started_at > _GOES_ON)]


def _is_latest(run: Run) -> bool:
    latest = run.directory.with_name("latest")
    name = latest.readlink().name if latest.is_symlink() else latest.read_text().strip() if latest.is_file() else ""
    return name == run.directory.name


def strangers(run: Run) -> list[str]:
    """Return what lies in a run's directory that no run has written."""
    return sorted(path.name for path in run.directory.iterdir() if not _OURS.fullmatch(path.name))


def remove(directory: Path) -> None:
    """Delete a run's directory."""
    shutil.rmtree(directory)


def size(directory: Path) -> int:
    """Return the bytes of a run's files."""
    return sum(path.stat().st_size for path in _files(directory))


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
