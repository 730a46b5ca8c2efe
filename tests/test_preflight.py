"""What this machine can verify at all: how it is found out, and that what is missing never fails staging."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.engine.runner import Runner
from fixtures.evidence.base import Attempt, Evidence, Reason, Why
from fixtures.evidence.cloud_sql import Instance
from fixtures.evidence.identity import Identity
from fixtures.evidence.preflight import Apis, ApiState, Grant, Permissions, Project, Tool, Tools, Ways
from fixtures.evidence.reach import Control, Controls
from fixtures.evidence.secrets import DatabaseUrl
from fixtures.expect import Expect, Locked, Unobserved, conclude
from fixtures.probes import controls, permissions, private_ways, tools
from fixtures.probes.permissions import Granter, granted, needed
from fixtures.probes.project import services_of
from fixtures.probes.registry import PROBES
from fixtures.profile import Profile, load
from fixtures.replica.build import build_world
from fixtures.replica.google.server import ControlPlane
from fixtures.replica.world import Denial, World
from suites.preflight import test_0_vantage as criteria

ROLE = "roles/run.viewer"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, ControlPlane]]:
    """A control plane; making its key takes longer than most of these tests."""
    world = build_world(load("replica"))
    plane = ControlPlane(world, tmp_path_factory.mktemp("google"))
    plane.start()
    yield world, plane
    plane.stop()


@pytest.fixture
def world(plane: tuple[World, ControlPlane]) -> World:
    """The healthy world, fresh for each test."""
    vars(plane[0]).update(vars(build_world(load("replica"))))
    plane[1].seen.clear()
    return plane[0]


@pytest.fixture
def run(world: World, plane: tuple[World, ControlPlane]) -> Runner:
    """One run against the control plane."""
    return Runner(load("replica", plane[1].overlay()))


async def grants(run: Runner) -> dict[str, Grant]:
    """Return what was found out, by permission."""
    seen: Permissions = (await run.see("permissions")).value
    return {grant.permission: grant for grant in seen.grants}


# ---- permissions


@pytest.mark.asyncio
async def test_every_permission_of_the_probes_is_asked_for(run: Runner, plane: tuple[World, ControlPlane]) -> None:
    """Each permission that a probe declares is asked for by name, in one question, and granted in a healthy world."""
    found = await grants(run)
    declared = {one.name: one.role for probe in PROBES.values() for one in probe.permissions}
    assert {name: grant.role for name, grant in found.items()} == declared
    assert all(grant.granted for grant in found.values())
    assert plane[1].seen["cloudresourcemanager.projects.testIamPermissions"] == 1


@pytest.mark.asyncio
async def test_missing_permissions_are_named(run: Runner, world: World) -> None:
    """What is denied is missing, with the role that grants it; everything else is granted."""
    world.denials.append(Denial("permission", "sql.backupRuns."))
    lacks = {name: grant.lack for name, grant in (await grants(run)).items() if not grant.granted}
    assert list(lacks) == ["cloudsql.backupRuns.list"]
    why = lacks["cloudsql.backupRuns.list"]
    assert why is not None
    assert (why.reason, why.role) == (Reason.PERMISSION_DENIED, "roles/cloudsql.viewer")


@pytest.mark.asyncio
async def test_a_grant_on_each_secret_counts(run: Runner, world: World) -> None:
    """What the project does not grant and each secret or service does, is granted; where, is said.

    Which others there are, no service grants by itself.
    """
    world.granted_singly = ("secretmanager.versions.", "run.")
    found = await grants(run)
    assert [name for name, grant in found.items() if not grant.granted] == ["run.services.list"]
    assert found["secretmanager.versions.get"].where == "each declared secret"
    assert found["secretmanager.versions.access"].where.startswith("projects/netra-staging/secrets/")
    assert found["run.services.get"].where == "each declared service"
    assert found["cloudsql.instances.get"].where == "projects/netra-staging"


@pytest.mark.asyncio
async def test_a_grant_on_a_secret_that_is_not_there_does_not(run: Runner, world: World) -> None:
    """Where one of the secrets is not there, what the project does not grant stays missing."""
    world.granted_singly = ("secretmanager.versions.",)
    del world.secrets["jwt-secret-key"]
    found = await grants(run)
    assert (found["secretmanager.versions.get"].granted, found["run.services.get"].granted) == (False, True)


def of_payloads(seen: Permissions) -> dict[str, bool | None]:
    """Return the secrets whose value is asked for, in that order, and whether it may be read."""
    asked = [one for one in seen.grants if one.permission == "secretmanager.versions.access"]
    return {one.where.removeprefix("projects/netra-staging/secrets/"): one.granted for one in asked}


@pytest.mark.asyncio
async def test_each_secret_that_is_read_is_named(run: Runner, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not read the project's secrets is told each that the run opens: no more, no less, and none twice."""
    world.denials.append(Denial("permission", "secretmanager.projects.secrets.versions.access"))
    world.granted.add(("redis-url", f"serviceAccount:{world.account}", "roles/secretmanager.secretAccessor"))
    monkeypatch.setenv("ALLCLEAR_REPLICA_EMAIL", "somebody@example.com")
    seen: Permissions = (await run.see("permissions")).value
    held = {"database-url": False, "redis-url": True, "allclear-user-password": False, "allclear-expired-token": False}
    assert (list(of_payloads(seen).items()), seen.unknown) == (list(held.items()), None)
    whys = [grant.lack for grant in seen.grants if grant.lack is not None]
    assert [why.detail.split(" on ")[1].split()[0] for why in whys] == [
        f"projects/netra-staging/secrets/{id}" for id, has in held.items() if not has
    ]
    assert {why.looked_at for why in whys} == {"secretmanager secrets.testIamPermissions"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("denial", "reason"),
    [
        (Denial("unavailable", "run."), Reason.API_UNAVAILABLE),
        (Denial("permission", "run."), None),
        (None, None),
    ],
    ids=["not seen", "not permitted, which is said anyway", "none"],
)
async def test_without_a_revision_only_what_is_declared_is_named(
    run: Runner, world: World, denial: Denial | None, reason: Reason | None
) -> None:
    """Without its revision, what feeds the backend is unknown, unless it has none, or a missing grant says so."""
    world.denials.append(Denial("permission", "secretmanager.projects.secrets.versions.access"))
    if denial is None:
        world.services["backend"].deleted = True
    else:
        world.denials.append(denial)
    seen: Permissions = (await run.see("permissions")).value
    assert "database-url" in of_payloads(seen)
    assert "redis-url" not in of_payloads(seen)
    assert (seen.unknown.reason if seen.unknown else None) is reason


@pytest.mark.asyncio
async def test_secrets_that_do_not_answer_are_not_judged(run: Runner, world: World) -> None:
    """Where Secret Manager gives no answer, what is known is that the project does not grant it."""
    world.denials.append(Denial("permission", "secretmanager.projects.secrets.versions.access"))
    world.denials.append(Denial("unavailable", "secretmanager.projects.secrets.testIamPermissions"))
    assert of_payloads((await run.see("permissions")).value) == {"projects/netra-staging": False}


def test_the_connector_of_google_needs_a_permission_of_its_own() -> None:
    """Sessions by Google's connector need a certificate, and only they do."""
    profile = load("staging", {"database": {"via": "cloud-sql-connector"}})
    asked = [{one.name for one in needed(each)} for each in (profile, load("staging"))]
    assert asked[0] - asked[1] == {"cloudsql.instances.connect"}


@pytest.mark.asyncio
async def test_one_refused_permission_spoils_no_other(run: Runner, world: World) -> None:
    """Google refuses a whole question for one permission that a project cannot grant; the others are still told."""
    world.denials.append(Denial("permission", "run."))
    project = Granter(permissions._PROJECT, "v3", "projects/netra-staging", lambda api: api.projects())
    names = ["billing.accounts.get", "run.services.get", "cloudsql.instances.get", "resourcemanager.folders.get"]
    assert await granted(run, project, names) == {
        "billing.accounts.get": None,
        "run.services.get": False,
        "cloudsql.instances.get": True,
        "resourcemanager.folders.get": None,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("probe", ["permissions", "apis", "project"])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unauthenticated", Reason.CREDENTIALS_REFUSED),
        ("unavailable", Reason.API_UNAVAILABLE),
        ("api-disabled", Reason.API_DISABLED),
        ("not-found", Reason.NOT_CONFIGURED),
    ],
)
async def test_no_answer_is_blocked(run: Runner, world: World, probe: str, kind: str, reason: Reason) -> None:
    """When Google does not answer the question, nothing is known, and the reason is the one that it gave."""
    world.denials += [Denial(kind, "cloudresourcemanager."), Denial(kind, "serviceusage.")]
    why = (await run.see(probe)).blocked
    assert why is not None
    assert why.reason is reason


def test_what_an_undeclared_thing_needs_is_not_needed() -> None:
    """A permission is vital if any probe needs it to see; and each is asked for once."""
    names = [permission.name for permission in needed(load("staging"))]
    assert names == sorted(set(names))
    assert {one.name for one in needed(load("staging")) if not one.vital} == {
        "cloudsql.instances.list",
        "run.services.list",
        "secretmanager.secrets.list",
        "vpcaccess.connectors.list",
    }


# ---- the project and its APIs


@pytest.mark.asyncio
async def test_project(run: Runner) -> None:
    """The project is seen under its id."""
    seen = (await run.see("project")).value
    assert (seen.id, seen.number, seen.state, seen.lack) == ("netra-staging", "127800000001", "ACTIVE", None)


@pytest.mark.asyncio
async def test_an_api_that_is_off_is_named(run: Runner, world: World, plane: tuple[World, ControlPlane]) -> None:
    """Each API that a probe asks is looked up, in one question; one that is off is the only one that lacks."""
    world.denials.append(Denial("api-disabled", "sql."))
    seen: Apis = (await run.see("apis")).value
    assert {api.service for api in seen.apis} >= {"run.googleapis.com", "sqladmin.googleapis.com"}
    assert [api.service for api in seen.apis if api.lack is not None] == ["sqladmin.googleapis.com"]
    assert plane[1].seen["serviceusage.services.batchGet"] == 1


def test_permissions_tell_which_api_is_asked() -> None:
    """Where a permission begins with another word than its API's host, the host is known."""
    asked = ["cloudsql.instances.get", "resourcemanager.projects.get", "run.services.get", "run.revisions.get"]
    hosts = ["cloudresourcemanager", "run", "sqladmin"]
    assert services_of(asked) == [f"{host}.googleapis.com" for host in hosts]


# ---- this machine


@dataclass
class Looking:
    """A context whose other probes' answers are given."""

    profile: Profile = field(default_factory=lambda: load("staging"))
    answers: dict[str, Evidence | None] = field(default_factory=dict)

    async def see(self, probe: str) -> Attempt[Any]:
        """Return the given answer; None is blocked."""
        evidence = self.answers[probe]
        why = None if evidence is not None else Why(reason=Reason.PERMISSION_DENIED, detail="no")
        return Attempt(evidence=evidence, blocked=why, started_at=datetime.now(UTC), seconds=0.0, source=probe)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "addresses", "dialled"),
    [
        ("10.1.0.9", ("10.1.0.3",), ("10.1.0.9", 6543)),
        ("/cloudsql/p:r:i", ("10.1.0.3",), ("10.1.0.3", 5432)),
        (None, ("10.1.0.3",), ("10.1.0.3", 5432)),
        (None, (), None),
    ],
)
async def test_private_addresses_are_dialled(
    monkeypatch: pytest.MonkeyPatch, host: str | None, addresses: tuple[str, ...], dialled: tuple[str, int] | None
) -> None:
    """Redis is dialled as declared, the database where the backend is led, else at the instance's own address."""

    async def dial(host: str, port: int) -> Control:
        return Control(host=host, port=port, resolved=None, answered=False, seconds=0.0, detail="did not answer")

    monkeypatch.setattr(private_ways, "dial", dial)
    url = DatabaseUrl(form="DATABASE_URL", from_secret=True, host=host, port=6543) if host else None
    instance = Instance(kind="Cloud SQL instance", name="i", found=True, private_addresses=addresses)
    seen = await private_ways.read_private_ways(Looking(answers={"database_url": url, "instance": instance}))
    found = {what: (way.host, way.port) for what, way in seen.ways.items()}
    assert found == {"Redis": ("10.107.0.3", 6379)} | ({"database": dialled} if dialled else {})
    assert seen.unknown == (() if dialled else ("database",))


@pytest.mark.asyncio
async def test_a_silent_host_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that never answers a connect is unanswered after the control's own limit."""
    monkeypatch.setattr(controls, "CONTROL_MAX_S", 0.2)
    with socket.socket() as full, socket.socket() as waiting, socket.socket() as other:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (waiting, other):  # whatever fills the queue, the next one waits
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        await asyncio.sleep(0.05)
        answer = await controls.dial(*full.getsockname())
    assert (answer.answered, answer.detail) == (False, "did not answer in 0.2 s")


def program(directory: Path, name: str, body: str) -> None:
    """Put a program into a directory."""
    path = directory / name
    path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "version"),
    [
        ("print('Google Cloud SDK 528.0.0\\nbq 2.1.16')", "528.0.0"),
        ("print('Terraform v1.11.4')", "1.11.4"),
        ("raise SystemExit(3)", None),
        ("print('1.2.3'); raise SystemExit(1)", None),
        ("print('no number')", None),
    ],
)
async def test_a_tool_says_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, version: str | None
) -> None:
    """The first version in what a program says; none from one that fails or says none."""
    program(tmp_path, "tool", body)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert await tools.version("tool", "version") == version


@pytest.mark.asyncio
async def test_a_tool_that_hangs_is_there_and_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not come back in time is ended, and said to be silent; one that is not installed is none."""
    program(tmp_path, "tool", "import time; time.sleep(60)")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(tools, "ASK_S", 0.1)
    assert await tools.version("tool") == "there, and silent for 0.1 s"
    assert await tools.version("no-such-tool") is None


def test_the_source_is_what_is_declared(tmp_path: Path) -> None:
    """The backend's settings are readable from a report, or from a checkout that holds the declared file."""
    staging = load("staging")
    assert tools.source(staging) is None
    overlay = {"backend_source": {"checkout": str(tmp_path)}}
    assert tools.source(load("staging", overlay)) is None
    settings = tmp_path / staging.backend_source.file
    settings.parent.mkdir(parents=True)
    settings.touch()
    assert tools.source(load("staging", overlay)) == f"the checkout {tmp_path}"
    reported = load("staging", {"backend_source": {"report_url": "https://x.example/settings"}})
    assert tools.source(reported) == "its own report at https://x.example/settings"


# ---- the criteria


def seen(evidence: Evidence) -> Attempt[Any]:
    """Return a probe's answer."""
    return Attempt(evidence=evidence, started_at=datetime.now(UTC), seconds=0.0, source="a test")


def lock() -> Locked:
    """Return staging's lock."""
    return Locked(load("staging").lock, "lock")


def token(minutes: float, *, renewable: bool) -> Attempt[Any]:
    """Return an identity whose token has some minutes left."""
    expires_at = datetime.now(UTC) + timedelta(minutes=minutes)
    return seen(Identity(principal=None, kind="user", expires_at=expires_at, renewable=renewable))


NO_ANSWER = Why(reason=Reason.API_UNAVAILABLE, detail="no answer")


def grant(*, granted: bool | None, vital: bool = True, unknown: Why | None = None) -> Attempt[Any]:
    """Return permissions of which one is as given, and another granted."""
    fine = Grant(permission="run.services.get", role=ROLE, vital=True, granted=True, where="projects/p")
    one = Grant(permission="run.revisions.get", role=ROLE, vital=vital, granted=granted, where="projects/p")
    return seen(Permissions(grants=(fine, one), unknown=unknown))


def reach(*, control: bool, private: bool) -> tuple[Attempt[Any], Attempt[Any]]:
    """Return what was dialled: whether anything public answered, and whether Redis did."""

    def door(host: str, *, answered: bool) -> Control:
        return Control(host=host, port=1, resolved=None, answered=answered, seconds=0.0, detail="did not answer")

    public = Controls(controls=(door("www.googleapis.com", answered=control),))
    return seen(public), seen(Ways(ways={"Redis": door("10.107.0.3", answered=private)}))


def judged(criterion: Any, *given: Any, advisory: bool = False) -> str:
    """Return the outcome of a criterion that is given its probes' answers."""
    expect = Expect()
    criterion(*given, expect)
    try:
        conclude(expect.judgement, advisory=advisory)
    except Unobserved:
        return "blocked"
    return "warn" if expect.judgement.warnings or expect.judgement.violations else "pass"


@pytest.mark.parametrize(
    ("outcome", "criterion", "given"),
    [
        ("pass", criteria.test_token_outlives_the_run, (token(5, renewable=True), lock())),
        ("pass", criteria.test_token_outlives_the_run, (token(50, renewable=False), lock())),
        ("warn", criteria.test_token_outlives_the_run, (token(5, renewable=False), lock())),
        ("blocked", criteria.test_token_outlives_the_run, (token(-1, renewable=True), lock())),
        ("pass", criteria.test_credentials_are_present, (token(5, renewable=True),)),
        ("pass", criteria.test_project_is_seen, (seen(Project(id="p", number="1", state="ACTIVE")),)),
        ("blocked", criteria.test_project_is_seen, (seen(Project(id="p", number="1", state="DELETE_REQUESTED")),)),
        ("pass", criteria.test_permissions_are_granted, (grant(granted=True),)),
        ("pass", criteria.test_permissions_are_granted, (grant(granted=None),)),
        ("warn", criteria.test_permissions_are_granted, (grant(granted=False, vital=False),)),
        ("blocked", criteria.test_permissions_are_granted, (grant(granted=False),)),
        ("blocked", criteria.test_permissions_are_granted, (grant(granted=True, unknown=NO_ANSWER),)),
        ("pass", criteria.test_apis_are_switched_on, (seen(Apis(apis=(ApiState(service="a", enabled=True),))),)),
        ("blocked", criteria.test_apis_are_switched_on, (seen(Apis(apis=(ApiState(service="a", enabled=False),))),)),
        ("pass", criteria.test_hosts_can_be_reached, reach(control=True, private=True)),
        ("warn", criteria.test_hosts_can_be_reached, reach(control=True, private=False)),
        ("blocked", criteria.test_hosts_can_be_reached, reach(control=False, private=False)),
    ],
)
def test_what_is_missing_here_never_fails(outcome: str, criterion: Any, given: tuple[Any, ...]) -> None:
    """A lack that costs a criterion blocks, one that costs none warns; nothing fails for want of anything here."""
    assert judged(criterion, *given) == outcome


@pytest.mark.parametrize(("vital", "outcome"), [(True, "warn"), (False, "pass")])
def test_a_missing_tool_warns(vital: bool, outcome: str) -> None:
    """A tool that something is lost without warns when it is not there; any other is noted."""
    missing = Tool(name="terraform", version=None, purpose="compares", vital=vital)
    fine = Tool(name="gcloud", version="528.0.0", purpose="runs", vital=True)
    assert judged(criteria.test_tools_are_installed, seen(Tools(tools=(missing, fine))), advisory=True) == outcome
