"""An unmodified gcloud as third-party judge of the emulated control plane."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.profile import load
from fixtures.replica.behaviour import LogEntry
from fixtures.replica.build import build_world
from fixtures.replica.google import ControlPlane
from fixtures.replica.google.environment import gcloud_environment
from fixtures.replica.world import World
from plugins.remediation import fill
from plugins.runbook import read

pytestmark = [
    pytest.mark.gcloud,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]


class Gcloud:
    """Runs gcloud against one control plane, with a home of its own."""

    def __init__(self, plane: ControlPlane, home: Path) -> None:
        self._environment = {**os.environ, **gcloud_environment(plane, home)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(["gcloud", *words], env=self._environment, capture_output=True, text=True, check=False)

    def read(self, *words: str) -> Any:
        """Return what a command that must succeed prints as JSON."""
        done = self.run(*words, "--format=json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def world() -> World:
    """The healthy world."""
    world = build_world(load("replica"))
    world.ports.postgres = 15432
    return world


@pytest.fixture
def gcloud(world: World, tmp_path: Path) -> Iterator[Gcloud]:
    """A gcloud that talks to a started control plane."""
    plane = ControlPlane(world, tmp_path)
    plane.start()
    yield Gcloud(plane, tmp_path / "gcloud")
    plane.stop()


def test_connectors(gcloud: Gcloud, world: World) -> None:
    """`vpc-access connectors describe` and `list` show the connector, and say when it is gone."""
    connectors = ("compute", "networks", "vpc-access", "connectors")
    assert gcloud.read(*connectors, "describe", "staging-connector", "--region=us-central1")["state"] == "READY"
    assert len(gcloud.read(*connectors, "list", "--region=us-central1")) == 1
    world.connectors.clear()
    gone = gcloud.run(*connectors, "describe", "staging-connector", "--region=us-central1")
    assert gone.returncode != 0
    assert "NOT_FOUND" in gone.stderr


def test_service(gcloud: Gcloud) -> None:
    """`run services describe` shows the annotations that the plan looks at."""
    service = gcloud.read("run", "services", "describe", "netra-backend-staging", "--region=us-central1")
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert annotations["run.googleapis.com/vpc-access-connector"] == "staging-connector"
    assert annotations["run.googleapis.com/vpc-access-egress"] == "all-traffic"


def test_instance(gcloud: Gcloud) -> None:
    """`sql instances describe` and `sql backups list` show the instance and its backups."""
    assert gcloud.read("sql", "instances", "describe", "netra-staging-db")["state"] == "RUNNABLE"
    assert len(gcloud.read("sql", "backups", "list", "--instance=netra-staging-db")) == 3


def test_stopped_instance_is_stopped_to_gcloud(gcloud: Gcloud, world: World) -> None:
    """An instance that its owner stopped is RUNNABLE to the API; gcloud's list calls it what it is."""
    world.instance.activation_policy = "NEVER"
    assert gcloud.read("sql", "instances", "list")[0]["state"] == "STOPPED"


def test_secret(gcloud: Gcloud, world: World) -> None:
    """`secrets versions list` shows the states, and `access` accepts the payload's checksum."""
    versions = gcloud.read("secrets", "versions", "list", "database-url")
    assert [version["state"] for version in versions] == ["ENABLED", "ENABLED"]
    payload = gcloud.run("secrets", "versions", "access", "latest", "--secret=database-url")
    assert payload.returncode == 0, payload.stderr
    assert payload.stdout == world.resolve(world.secrets["database-url"].versions[-1].payload)


def test_log(gcloud: Gcloud, world: World) -> None:
    """`logging read` shows what a service wrote, by severity, newest first or oldest first, as many as asked for."""
    service = world.services["backend"]
    for severity, message in (("INFO", "fine"), ("ERROR", "Connection refused"), ("CRITICAL", "it is over")):
        world.log.append(LogEntry(severity, service.name, service.serving.name, message))
    wanted = f"resource.type=cloud_run_revision AND resource.labels.service_name={service.name} AND severity>=ERROR"
    found = gcloud.read("logging", "read", wanted, "--freshness=1h", "--limit=20")
    assert [entry["jsonPayload"]["message"] for entry in found] == ["it is over", "Connection refused"]
    (first,) = gcloud.read("logging", "read", wanted, "--order=asc", "--limit=1")
    assert first["severity"] == "ERROR"
    assert gcloud.read("logging", "read", "severity>=ERROR AND NOT jsonPayload:*") == []


def test_alert_policies(gcloud: Gcloud, world: World) -> None:
    """`alpha monitoring policies list` and `beta monitoring channels list` show the policies and their channel."""
    policies = gcloud.read("alpha", "monitoring", "policies", "list")
    levels = [one["conditions"][0]["conditionThreshold"]["thresholdValue"] for one in policies]
    assert {20.0, 25.0} <= set(levels)
    (channel,) = gcloud.read("beta", "monitoring", "channels", "list")
    assert policies[0]["notificationChannels"] == [channel["name"]]


@pytest.mark.parametrize("level", ["warning", "critical"])
def test_hint_creates_an_alert_policy(gcloud: Gcloud, level: str) -> None:
    """The command that the runbook gives for a missing policy creates one that tells the channel, and is enabled."""
    (channel,) = gcloud.read("beta", "monitoring", "channels", "list")
    known = {one["name"] for one in gcloud.read("alpha", "monitoring", "policies", "list")}
    command = read().commands[f"create-{level}-policy"]
    line = fill(command.run, load("replica"), {}).replace("CHANNEL", channel["name"])
    done = gcloud.run(*shlex.split(line)[1:])
    assert done.returncode == 0, done.stderr
    (made,) = [one for one in gcloud.read("alpha", "monitoring", "policies", "list") if one["name"] not in known]
    assert made["notificationChannels"] == [channel["name"]]
    assert made.get("enabled", True)
