"""What a command of the runbook changes in Google, its undo takes back: both are typed to the real gcloud."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.google import ControlPlane
from fixtures.replica.google.answers_alerting import channel_shown, policy_shown
from fixtures.replica.google.environment import gcloud_environment
from fixtures.replica.resources import Connector, Revision, Service
from fixtures.replica.world import World
from plugins.placeholders import fill
from plugins.runbook import read
from tests.runbook_commands import FACTS
from tests.typist import UNSPOKEN, Gcloud, Typist

pytestmark = [
    pytest.mark.gcloud,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]

STATES = {
    "raise-connector-limits": "connector-scaled-down",
    "create-connector": "connector-deleted",
    "attach-service": "backend-detached",
    "attach-backend": "backend-detached",
    "attach-auth": "auth-detached",
    "start-instance": "instance-stopped",
    "clear-authorized-networks": "network-authorised-undeclared",
    "schedule-backups": "backups-disabled",
    "raise-max-connections": "max-connections-lowered",
    "feed-database-url-instead": "database-url-in-clear",
    "feed-jwt-key-instead": "jwt-key-in-clear",
    "feed-variable-instead": "database-url-in-clear",
    "enable-database-url": "database-secret-disabled",
    "enable-jwt-key": "jwt-secret-disabled",
    "enable-redis-secret": "redis-secret-disabled",
    "create-database-url": "database-secret-deleted",
    "enable-policy": "alert-policy-disabled",
    "add-policy-channel": "alert-policy-without-channel",
    "enable-channel": "alert-channel-disabled",
    "enable-api": "gcp-api-disabled",
    "send-traffic-to-latest": "traffic-on-older-revision",
    "send-service-traffic-to-latest": "traffic-on-older-revision",
    "keep-expired-token": "expired-token-not-kept",
    "remove-log-exclusion": "log-excluded",
    "keep-user-password": "user-password-not-kept",
}
"""The fault in which a command is given, where it would change nothing on a healthy replica."""
NOT_TRIED = {
    "set-database-password": "its undo types the former password, which nobody has written down",
    "set-authorized-networks": "the replica's profile declares no networks",
    "create-policy-from-file": "the file is the reader's own",
    "keep-user-email": "the same commands as for the password",
    "create-jwt-key": "the same commands as for the other secret",
    "rotate-server-certificate": "the replica keeps no authority that could be rolled back to",
    "grant-impersonation": "the replica has no service accounts",
    "bill-the-target": "it changes this machine, not Google",
}
GOOGLE = {
    id: command
    for id, command in read().commands.items()
    if "gcloud" in command.run
    and command.undo
    and not command.undo.startswith("none:")
    and not UNSPOKEN.match(command.run)
    and "deploy_to_gcp" not in command.run
    and id not in NOT_TRIED
}


def in_force(world: World) -> dict[str, Any]:
    """Return what of a world decides how it works: a revision's name, and one that serves nobody, does not."""
    newest = {id: secret.versions[-1:] for id, secret in world.secrets.items()}
    return {
        "connectors": [(one.network, one.ip_cidr_range, *_size(one)) for one in world.connectors],
        "services": {key: _serving(service) for key, service in world.services.items()},
        "instance": [{**vars(one), "_authority": None, "backups": len(one.backups)} for one in world.instances],
        "database": (world.database.max_connections, list(world.database.others)),
        "secrets": {id: [(world.resolve(one.payload), one.state) for one in found] for id, found in newest.items()},
        "policies": sorted((one.name, one.enabled, tuple(one.channels)) for one in world.alert_policies),
        "channels": [(one.name, one.enabled) for one in world.channels],
        "denials": list(world.denials),
        "granted": set(world.granted),
        "kept out of the log": set(world.log_excluded),
    }


def _size(one: Connector) -> tuple[str, int, int]:
    return one.machine_type, one.min_instances, one.max_instances


def _serving(service: Service) -> list[tuple[int, Revision]]:
    revisions = {one.name: one for one in service.revisions}
    fixed = {"name": "", "created_at": datetime.min, "ready_after_s": 0.0, "nonce": ""}
    return [(percent, replace(revisions[name], **fixed)) for name, percent in service.traffic.items()]


def serving(world: World) -> list[str]:
    """Return the names of the revisions that serve."""
    return [name for service in world.services.values() for name in service.traffic]


def by_hand(line: str, world: World, before: dict[str, str], *, undo: bool) -> str:
    """Return a line with its words in capitals replaced by what a person reads in the replica."""
    service = next((one for one in world.services.values() if f" {one.name} " in line), world.services["backend"])
    words = {
        "REVISION": before[service.name] if undo else service.revisions[0].name,
        "VERSION": "2",
        "POLICY": policy_shown(world, world.alert_policies[-1])["name"] if "delete" in line else before["policy"],
        "CHANNEL": channel_shown(world, world.channels[0])["name"],
        "BACKUP": next((one.id for one in reversed(world.instance.backups)), ""),
        "NETWORKS": "198.51.100.0/24",
        "DATABASE": "netra_other",
        "VARIABLE": "DATABASE_URL",
        "EXCLUSION": "quiet-backend",
        "FILTER": "resource.labels.service_name=netra-backend-staging",
        "SECRET_ID": "new-secret" if "secrets create" in line or "secrets delete" in line else "database-url",
    }
    if "SECRET_ID" in line and "redis" in before["id"]:
        words["SECRET_ID"] = "redis-url"
    line = line.replace("FLAGS,", "").replace("FLAGS", "max_connections=80")
    return re.sub("|".join(sorted(words, key=len, reverse=True)), lambda word: words[word[0]], line)


@pytest.fixture(scope="module")
def gcloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcloud]:
    """The installed gcloud."""
    gcloud = Gcloud(tmp_path_factory.mktemp("gcloud"))
    yield gcloud
    gcloud.stop()


@pytest.mark.parametrize("id", GOOGLE)
def test_the_undo_takes_the_change_back(id: str, gcloud: Gcloud, tmp_path: Path) -> None:
    """The command changes the replica, and its undo restores what was in force."""
    world, profile = build_world(load("replica")), load("staging")
    world.ports.postgres = 15432
    if id in STATES:
        FAULTS[STATES[id]].apply(world)
    if id.startswith("add-"):
        for secret in world.secrets.values():
            secret.versions[-1:] = [replace(one, payload="another value") for one in secret.versions[-1:]]
    plane = ControlPlane(world, tmp_path)
    plane.start()
    (tmp_path / "gcloud").mkdir()
    typist = Typist(world, gcloud, gcloud_environment(plane, tmp_path / "gcloud"))
    silent = next((one for one in world.alert_policies if not one.enabled or not one.channels), world.alert_policies[0])
    read_before = {one.name: one.serving.name for one in world.services.values()}
    read_before |= {"id": id, "policy": policy_shown(world, silent)["name"]}
    facts = {**FACTS, "api": "vpcaccess.googleapis.com", "revision": world.backend.name}
    try:
        before, names = in_force(world), serving(world)
        for text, undo in ((GOOGLE[id].run, False), (GOOGLE[id].undo, True)):
            typed = typist.type(by_hand(fill(text, profile, facts, quoted=True), world, read_before, undo=undo))
            assert typed.code == 0, typed.said
            assert undo or (in_force(world), serving(world)) != (before, names)
        assert in_force(world) == before
    finally:
        plane.stop()
