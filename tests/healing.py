"""The healing loop: a replica with faults, the suite, the commands that it prints, and the suite again until green."""

import asyncio
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures.profile import load
from fixtures.replica.box import Box
from fixtures.replica.faults import FAULTS
from fixtures.replica.handout import write_target
from tests.typist import UNSPOKEN, Gcloud, Typist
from tests.warm import ROOT, popen

ROUNDS = 10
"""More runs of the suite than any remedy takes."""
SOAK_MINUTES = 0.6
_GOES_ON = re.compile(
    r"(cd \S+ && )?sed |git |gcloud (projects|secrets) add-iam-policy-binding "
    r"|gcloud compute networks vpc-access connectors delete "
)
"""Changes that are part of one: of the working copy, one grant of several, and what is deleted to be made anew."""
_KEEPS = re.compile(r"git -C \S+ commit ")
"""What keeps a change of the working copy, once for each."""

HEALTHY = {"TMO-NEST": "warn", "CAP-PLAN": "warn", "PRE-TOOLS": "warn"}
"""What is not `pass` without any fault: the plan's own numbers, and the programs that are kept from the suite."""


@dataclass
class Healing:
    """What the loop did for some faults that broke one replica.

    Attributes:
        red: the criteria that were not `pass` before, with their outcomes.
        named: the criteria that were named as causes before.
        green: those that are not `pass` after.
        typed: the lines that changed something, in order, and the criterion that each was printed for.
        failed: lines that did not end with exit code 0, and why.
        unread: those of them that only read.
        left: lines that were printed and not typed: the replica does not have what they ask.
        filled: how many of the typed lines had words in capitals.
        runs: how often the suite was run.
    """

    faults: tuple[str, ...]
    red: dict[str, str] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)
    green: dict[str, str] = field(default_factory=dict)
    typed: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    filled: int = 0
    runs: int = 0

    def heals(self, fault: str) -> bool:
        """Whether the criteria that a fault turned were red and are green, and its cause was named."""
        cause = FAULTS[fault].cause
        due = must_hold(fault)
        return due <= self.red.keys() and not due & self.green.keys() and (cause is None or cause in self.named)


def must_hold(fault: str) -> set[str]:
    """Return the criteria that a fault turned and that hold at once when it is mended.

    How alike staging and production are is the whole group's; and a log keeps what was written until a service has a
    newer revision, so that it is asked only where it alone was turned.
    """
    everything = FAULTS[fault].turns.keys()
    turns = everything - {"PARITY"} or everything
    return turns - {"LOG-CRIT", "LOG-SIGN"} or turns


@contextmanager
def broken(faults: Iterable[str]) -> Iterator[Box]:
    """A replica with faults, in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    box = Box(faults=faults)
    try:
        asyncio.run_coroutine_threadsafe(box.start(), loop).result()
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(box.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def heal(faults: Iterable[str], gcloud: Gcloud, directory: Path, looks_at: str) -> Healing:
    """Break a replica, and do what the suite says, change by change, until it says nothing more.

    Args:
        faults: what is broken.
        gcloud: the one that is typed to.
        directory: for the reports.
        looks_at: the marker expression of each run.
    """
    told = Healing(tuple(faults))
    with broken(told.faults) as box:
        target = write_target(box.overlay(), box.directory)
        hand = _Hand(told, Typist(box.world, gcloud, _environment(box, target), box.expired_token()))
        for _ in range(ROUNDS):
            verdict = look(target, directory / f"{told.runs}", looks_at)
            told.runs += 1
            before, told.green = told.green, turned(verdict)
            if told.runs == 1:
                told.red, told.named = told.green, [one["criterion"] for one in verdict["causes"]]
            hand.forget(told.green.keys() - before.keys())
            if not told.green or not hand.act(verdict):
                break
    return told


def look(target: Path, directory: Path, looks_at: str) -> dict[str, Any]:
    """Run the suite against a running replica, without the tools whose start would prove nothing more."""
    directory.mkdir(parents=True)
    programs = directory / "bin"
    programs.mkdir()
    if terraform := shutil.which("terraform"):
        (programs / "terraform").symlink_to(terraform)
    command = [sys.executable, "-m", "pytest", f"--target={target}", f"--reports={directory}", "-q", "-m", looks_at]
    command += ["-p", "no:cacheprovider", f"--soak-minutes={SOAK_MINUTES}"]
    env = os.environ | {"PATH": str(programs)}
    run = popen.Popen(command, cwd=ROOT, env=env, stdout=popen.PIPE, stderr=popen.PIPE)
    run.stdin.close()
    out, err = run.communicate()
    written = directory / "latest" / "verdict.json"
    if not written.exists():
        raise AssertionError((out + err).decode())
    verdict: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return verdict


def turned(verdict: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of every criterion that is worse than on a healthy replica."""
    found = {one["id"]: one["outcome"] for one in verdict["criteria"] if one["outcome"] != "pass"}
    return {id: outcome for id, outcome in found.items() if HEALTHY.get(id) != outcome}


@dataclass
class _Hand:
    """Does what the hints say, and keeps in mind what was done for which finding."""

    told: Healing
    typist: Typist
    done: dict[tuple[str, str], int] = field(default_factory=dict)
    waiting: list[tuple[str, str]] = field(default_factory=list)
    """Deployments, which come once when all that is to be edited was."""
    since: set[str] = field(default_factory=set)
    """What was typed since the last look: nobody types it twice because two findings ask for it."""
    restored: bool = False
    """Whether something was taken back in the checkout since the last look: it may have mended other findings, too."""

    def forget(self, findings: Iterable[str]) -> None:
        """Let what was done for some findings be done again: they were mended, and are back."""
        for key in [key for key in self.done if key[0] in findings]:
            del self.done[key]

    def act(self, verdict: dict[str, Any]) -> bool:
        """For each finding, type its commands up to the next change; whether any was made."""
        made: list[bool] = []
        for findings in self._findings(verdict):
            made = [self._follow(one["id"], one["hints"][0]) for one in findings if one["hints"]]
            if any(made):
                break
        for id, line in self.waiting[:1]:
            self._type(id, line, changes=True)
            for key in [key for key in self.done if key[1].startswith("gcloud run services update")]:
                del self.done[key]  # a deployment sets them anew
        self.waiting.clear()
        self.since.clear()
        self.restored = False
        return any(made)

    def _follow(self, id: str, hint: dict[str, Any]) -> bool:
        """Type a hint's commands that were not typed yet, up to the first that changes something in Google."""
        changed = False
        for command in hint["commands"]:
            line, changes = command["run"], command["risk"] != "read"
            key = (id if changes else "", line)
            if self.done.get(key, 0) > 0:
                continue
            if line.startswith("pytest") or UNSPOKEN.match(line):
                self.told.left.add(line)
                continue
            if changes and line.startswith("git ") and not _KEEPS.match(line):
                if self.restored:
                    return True
                self.restored = True
            filled = self.typist.filled(line, hint["cause"])
            self.told.filled += filled != line
            if changed and "deploy_to_gcp" in line:
                self.waiting.append((id, filled))
                return True
            if filled in self.since and not _KEEPS.match(line):
                self.done[key], changed = 1, changed or changes
            elif not self.typist.is_there(filled):
                self.since.add(filled)
                code = self._type(id, filled, changes=changes)
                self.done[key] = 1 if code == 0 or not changes else self.done.get(key, -2) + 1
                changed = changed or changes
            if changed and not _GOES_ON.match(line):
                return True
        return changed

    def _type(self, id: str, line: str, *, changes: bool) -> int:
        typed = self.typist.type(line)
        if typed.code != 0:
            self.told.failed.append((line, (typed.said or typed.printed).strip()[-300:]))
            # No match is an answer, so is code that is not valid, and that no session and no response comes about.
            nothing = " grep " in line and not typed.said
            answered = nothing or line.endswith(" validate") or line.startswith(("psql ", "curl "))
            self.told.unread += [] if changes or answered else [line]
        if changes:
            self.told.typed.append((id, line))
        return typed.code

    def _findings(self, verdict: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """Yield what is to be acted upon, causes first, then what else nobody explains.

        What was not red before comes when nothing can be done for the rest; traffic that was sent back stays there.
        """
        back = any("--to-revisions" in line for _, line in self.told.typed)
        before = {id for id in self.told.green if id in self.told.red}
        since = {id for id in self.told.green if id not in before and not (back and id == "RUN-READY")}
        for wanted in (before, since):
            judged = {one["id"]: one for one in verdict["criteria"] if one["id"] in wanted}
            causes = [one["criterion"] for one in verdict["causes"] if one["criterion"] in judged]
            others = [id for id, one in judged.items() if id not in causes and one["explained_by"] is None]
            yield [judged[id] for id in (*causes, *others)]


def _environment(box: Box, target: Path) -> dict[str, str]:
    profile, database = load(str(target)), box.world.database
    who = {f"GIT_{role}_{what}": "oncall@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {
        **box.gcloud_environment(),
        **who,
        "CURL_CA_BUNDLE": str(profile.tls.ca_file),
        "PGPORT": str(box.world.ports.postgres),
        "PGPASSWORD": database.password,
        "PGCONNECT_TIMEOUT": "40",
    }
