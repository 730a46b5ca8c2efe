"""Every gcloud command of the runbook, put before the real gcloud: parsed, and where the replica speaks, executed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.google import ControlPlane
from fixtures.replica.google.answers import ANSWERS, CHANGES
from fixtures.replica.google.discovery import APIS, api
from fixtures.replica.google.environment import gcloud_environment
from fixtures.replica.world import Denial, World

sys.path.insert(0, str(Path(__file__).parent))
from runbook_commands import by_hand, lines, programs

pytestmark = [
    pytest.mark.gcloud,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]

COMMANDS = {
    id: words[1:]
    for id, line in lines(load("staging")).items()
    for words in programs(by_hand(line))
    if words[0] == "gcloud"
}
SPOKEN = {
    ("run",),
    ("sql",),
    ("secrets",),
    ("logging",),
    ("compute", "networks", "vpc-access"),
}
"""The parts of gcloud whose APIs the replica has."""
EXECUTED = [id for id, words in COMMANDS.items() if any(tuple(words[: len(part)]) == part for part in SPOKEN)]
UNANSWERED = [
    method.id
    for name in APIS
    for method in api(name).methods
    if method.id not in {**ANSWERS.get(name, {}), **CHANGES.get(name, {})}
]
"""The methods that the replica has no answer to. They are refused, so that gcloud does not try again."""


OF_THE_STATE = re.compile(
    r"exists|conflict|not (be )?found|NOT_FOUND|do(es)? not exist|actively serving|No rollback", re.I
)
"""What Google answers a healthy replica's owner who makes what is there, or takes away what is not."""


class Shell:
    """The installed gcloud's own code, in one process for many commands, talking to a control plane."""

    def __init__(self, directory: Path) -> None:
        self.world: World = build_world(load("replica"))
        self.world.ports.postgres = 15432
        self._plane = ControlPlane(self.world, directory)
        self._plane.start()
        environment = {**os.environ, **gcloud_environment(self._plane, directory / "gcloud")}
        told = ["gcloud", "info", "--format=value(basic.python_location,installation.sdk_root)"]
        python, sdk = subprocess.run(told, env=environment, capture_output=True, text=True, check=True).stdout.split()
        (directory / "policy.yaml").write_text("{}", encoding="utf-8")  # what the reader of a hint has written
        self._process = subprocess.Popen(
            [python, "-S", str(Path(__file__).parent / "gcloud_shell.py"), sdk],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, words: list[str], *, execute: bool, fault: str = "") -> dict[str, Any]:
        """Parse or execute a command; return its exit code, what it said, and which unanswered methods it reached.

        What is executed finds a healthy world, or one with a fault.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = dict(self._plane.seen)
        vars(self.world).update(vars(build_world(load("replica"))) | {"ports": self.world.ports})
        if fault:
            FAULTS[fault].apply(self.world)
        self.world.denials += [Denial(kind="not-found", methods=id) for id in UNANSWERED]
        self._process.stdin.write(json.dumps({"words": words, "execute": execute}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        reached = [id for id in UNANSWERED if self._plane.seen[id] > before.get(id, 0)]
        return {**answer, "reached": reached}

    def stop(self) -> None:
        """End the process and the control plane."""
        self._process.communicate()
        self._plane.stop()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A gcloud that talks to a replica."""
    shell = Shell(tmp_path_factory.mktemp("gcloud"))
    yield shell
    shell.stop()


@pytest.mark.parametrize("id", COMMANDS)
def test_gcloud_knows_the_command(shell: Shell, id: str) -> None:
    """Command, flags, their values, format and filter are ones that gcloud accepts."""
    answer = shell.ask(COMMANDS[id], execute=False)
    assert answer["code"] == 0, answer["said"]


@pytest.mark.parametrize("id", EXECUTED)
def test_gcloud_carries_the_command_to_google(shell: Shell, id: str) -> None:
    """Executed, the command succeeds, or Google is asked for what the replica does not have, or refuses as it must."""
    answer = shell.ask(COMMANDS[id], execute=True)
    assert answer["code"] == 0 or answer["reached"] or OF_THE_STATE.search(answer["said"]), answer["said"]


@pytest.mark.parametrize(
    ("fault", "id"),
    [
        ("database-url-in-clear", "feed-database-url-instead"),
        ("jwt-key-in-clear", "feed-jwt-key-instead"),
        ("database-url-in-clear", "feed-variable-instead"),
        ("database-url-unset", "feed-database-url"),
        ("jwt-key-unset", "feed-jwt-key"),
    ],
)
def test_a_variable_in_clear_can_be_fed_from_a_secret(shell: Shell, fault: str, id: str) -> None:
    """The command that a hint gives for a fault gets through in the state that the fault leaves."""
    answer = shell.ask(COMMANDS[id], execute=True, fault=fault)
    assert answer["code"] == 0, answer["said"]
    newest = shell.world.services["backend"].revisions[-1]
    assert shell.world.services["backend"].traffic == {newest.name: 100}
    variable = COMMANDS[id][-3].removeprefix("--update-secrets=").partition("=")[0]
    assert newest.variable(variable).secret is not None
    assert newest.variable(variable).value is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sql instances get-connection-info netra-staging-db", "Invalid choice: 'get-connection-info'"),
        ("run services update x --no-such-flag", "unrecognized arguments: --no-such-flag"),
        ("sql instances list --format=value(", "More tokens expected"),
    ],
)
def test_gcloud_refuses_what_does_not_exist(shell: Shell, line: str, said: str) -> None:
    """The judge is one: it refuses the plan's own command that does not exist, an unknown flag, a broken format."""
    answer = shell.ask(line.split(), execute=False)
    assert answer["code"] != 0
    assert said in answer["said"]
