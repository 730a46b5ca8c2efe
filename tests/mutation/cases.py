"""The recordings that a mistake is tried on: what runs of the matrix saw, and what they made of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.recording import NAME


@dataclass(frozen=True)
class Case:
    """One run of the matrix.

    Attributes:
        recording: what its probes saw.
        faults: what was broken.
        outcomes: of its criteria, by id.
        first: the first cause that it named; None without one.
        exit_code: its own.
    """

    recording: Path
    faults: tuple[str, ...]
    outcomes: dict[str, str]
    first: str | None
    exit_code: int

    @property
    def is_soak(self) -> bool:
        """Whether it is a soak, which judges nothing else."""
        return "SOAK" in self.outcomes

    def turns(self, ids: set[str]) -> bool:
        """Whether any of these criteria is not as it is on a healthy target."""
        return any(self.outcomes.get(id) in ("fail", "blocked", "warn") for id in ids)


def cases(directory: Path) -> list[Case]:
    """Return the runs with one fault at most, those that turn the most first, each fault once."""
    found = {(case.faults, case.is_soak): case for case in _all(directory) if len(case.faults) < 2}
    return sorted(found.values(), key=lambda case: (case.faults != (), -_weight(case), case.faults))


def _weight(case: Case) -> int:
    return sum(outcome != "pass" for outcome in case.outcomes.values())


def _all(directory: Path) -> Iterator[Case]:
    for recording in sorted(directory.rglob(NAME)):
        verdict = recording.parent / "verdict.json"
        if verdict.is_file() and not recording.parent.name.endswith("latest"):
            said: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
            header = json.loads(recording.read_text(encoding="utf-8").partition("\n")[0])
            if said["target"]["kind"] == "replica" and not said.get("replay"):
                yield Case(
                    recording,
                    tuple(header["options"]["fault"]),
                    {one["id"]: one["outcome"] for one in said["criteria"]},
                    next((one["criterion"] for one in said["causes"]), None),
                    said["exit_code"],
                )
