"""A run of the suite on the replica, cold as a user starts it or warm, and what is read off its verdict.json."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.replica.faults import FAULTS
from fixtures.replica.postgres import TEMPLATE
from plugins.runbook import read
from tests.warm import ROOT, popen

ALWAYS = {"TMO-NEST": "warn", "CAP-PLAN": "warn"}
"""Advisories that the plan's own numbers violate, so that they warn on the healthy replica as well."""
TERRAFORM = shutil.which("terraform")
BARE = {"PRE-TOOLS": "warn"} | ({} if TERRAFORM else {"TF-DRIFT": "blocked"})
"""What a machine without gcloud and without a browser adds; starting them for each fault would prove nothing more."""
EVERYTHING = ("-m", "not soak")
SOAK = ("-m", "soak", "--soak-minutes", "0.6")
"""A soak takes its time, so it is run for the faults that say what it sees of them, and for no other."""
GRAVITY = ("pass", "warn", "blocked", "fail")
Outcomes = dict[str, str]
"""Of the criteria that are not `pass`, by id."""


@dataclass(frozen=True)
class Verdict:
    """What a run said, as verdict.json has it."""

    told: dict[str, Any]

    @property
    def turned(self) -> Outcomes:
        """The outcome of every criterion that is not `pass`."""
        return {one["id"]: one["outcome"] for one in self.told["criteria"] if one["outcome"] != "pass"}

    @property
    def causes(self) -> list[str]:
        """The causes that are named, the first one first."""
        return [one["criterion"] for one in self.told["causes"]]

    @property
    def exit_code(self) -> int:
        """The run's exit code."""
        return int(self.told["exit_code"])

    def of(self, id: str) -> dict[str, Any]:
        """Return all that is said of one criterion."""
        (judged,) = [one for one in self.told["criteria"] if one["id"] == id]
        return dict(judged)

    def reasons(self) -> dict[str, list[str]]:
        """Return why criteria are blocked that no failing one explains: what to look at when nobody expected it."""
        blocked = [one for one in self.told["criteria"] if one["blocked"] and one["explained_by"] is None]
        return {one["id"]: [why["detail"] for why in one["blocked"]] for one in blocked}

    def gate(self) -> int:
        """Return the exit code that follows from the outcomes."""
        deciding = {one["outcome"] for one in self.told["criteria"] if one["severity"] != "advisory"}
        return 1 if "fail" in deciding else 6 if "blocked" in deciding else 0

    def hint_fits(self, id: str) -> bool:
        """Whether the first hint of a criterion names its symptom, where the runbook has any hint that does."""
        symptoms = {one["symptom"] for one in self.of(id)["comparisons"] if not one["holds"]}
        ours = [hint for hint in read().hints if id in hint.criteria]
        naming = [hint for hint in ours if symptoms & set(hint.when)]
        return self.of(id)["hints"][0]["id"] in {hint.id for hint in naming or ours}


def expected(*ids: str) -> Outcomes:
    """Return what a run that looks once must say under these faults, where none of them hides another."""
    faults = [FAULTS[id] for id in ids]
    cleared = {criterion for fault in faults for criterion in fault.clears}
    outcomes = {id: outcome for id, outcome in ALWAYS.items() if id not in cleared} | BARE
    for turns in (fault.turns for fault in faults):
        for id, outcome in turns.items():
            outcomes[id] = max(outcomes.get(id, "pass"), outcome, key=GRAVITY.index)
    return {id: outcome for id, outcome in outcomes.items() if id != "SOAK"}


def cold(directory: Path, *options: str, path: str | None = None) -> Verdict:
    """Run the suite as a user does; without `path`, on a bare machine."""
    env = os.environ | {"PATH": path or bare(directory)}
    env.pop(TEMPLATE, None)
    done = subprocess.run(_command(directory, options), cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return _verdict(directory, done.returncode, done.stdout + done.stderr)


def warm(directory: Path, *options: str) -> Verdict:
    """Run the suite on a bare machine; its programs are forked and need not import anything first."""
    env = os.environ | {"PATH": bare(directory)}
    run = popen.Popen(_command(directory, options), cwd=ROOT, env=env, stdout=popen.PIPE, stderr=popen.PIPE)
    run.stdin.close()
    out, err = run.communicate()
    return _verdict(directory, run.wait(), (out + err).decode())


def bare(directory: Path) -> str:
    """Return a folder of programs that holds terraform, where there is one, and nothing else."""
    programs = directory / "bin"
    programs.mkdir()
    if TERRAFORM:
        (programs / "terraform").symlink_to(TERRAFORM)
    return str(programs)


def _command(directory: Path, options: tuple[str, ...]) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--target", "replica", f"--reports={directory}", "-q"]
    return [*command, "-p", "no:cacheprovider", *options]


def _verdict(directory: Path, exit_code: int, said: str) -> Verdict:
    written = directory / "latest" / "verdict.json"
    assert written.exists(), said
    verdict = Verdict(json.loads(written.read_text(encoding="utf-8")))
    assert verdict.exit_code == exit_code
    return verdict
