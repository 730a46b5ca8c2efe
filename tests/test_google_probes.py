"""The probes that ask Google, with the real clients, against the emulated control plane."""

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.engine.runner import Runner
from fixtures.evidence.base import Blocked, Reason, Why
from fixtures.evidence.cloud_run import CloudRun, Revision
from fixtures.probes.environment import connection_url, redis_connection_url
from fixtures.probes.google import access
from fixtures.probes.identity import vantage
from fixtures.probes.login import at_google
from fixtures.probes.monitoring import read_backends
from fixtures.probes.registry import PROBES
from fixtures.probes.revision import egress_as_planned
from fixtures.probes.secret_manager import access as read_payload
from fixtures.probes.secret_manager import crc32c
from fixtures.profile import Profile, load
from fixtures.replica.build import build_world
from fixtures.replica.google.server import ControlPlane
from fixtures.replica.resources import Backup, Secret, SecretVersion, Variable, ago
from fixtures.replica.world import Denial, World
from fixtures.secret import redact, redact_json

PASSWORD = "p@ss/w:rd#1 %?"
ESCAPED = "p%40ss%2Fw%3Ard%231%20%25%3F"


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
    world, control = plane
    vars(world).update(vars(build_world(load("replica"))))
    world.ports.google = int(control.url.rsplit(":", 1)[1])
    world.ports.postgres, world.ports.redis = 5432, 6379
    control.seen.clear()
    return world


@pytest.fixture
def profile(world: World, plane: tuple[World, ControlPlane]) -> Profile:
    """The replica's profile with the control plane's address."""
    return load("replica", plane[1].overlay())


@pytest.fixture
def run(profile: Profile) -> Runner:
    """One run against the control plane."""
    return Runner(profile)


def clear(world: World, **variables: str) -> None:
    """Set variables of the backend in clear text."""
    for name, value in variables.items():
        world.backend.variables = [one for one in world.backend.variables if one.name != name]
        world.backend.variables.append(Variable(name, value))


def store(world: World, name: str, payload: str) -> None:
    """Store a secret of one version."""
    world.secrets[name] = Secret(name, [SecretVersion(1, payload)])


def postgres_parts(world: World, **values: str) -> None:
    """Tell the backend its database by parts, each from a secret of its own."""
    world.backend.without("DATABASE_URL")
    for part, value in values.items():
        store(world, f"postgres-{part.lower()}", value)
        world.backend.variables.append(Variable(f"POSTGRES_{part}", secret=f"postgres-{part.lower()}"))


async def blocked(run: Runner, probe: str) -> Why:
    """Return why a probe has no answer."""
    why = (await run.see(probe)).blocked
    assert why is not None
    return why


async def backend(run: Runner) -> Revision:
    """Return the backend's serving revision."""
    seen: CloudRun = (await run.see("cloud_run")).value
    serving = seen.services["backend"].value.serving
    assert serving is not None
    return serving


ALL = (
    "connector",
    "connector_load",
    "cloud_run",
    "instance",
    "backups",
    "secrets",
    "database_url",
    "redis_url",
    "identity",
)
"""Every probe that asks Google and nobody else."""


@pytest.mark.asyncio
async def test_healthy(run: Runner, plane: tuple[World, ControlPlane]) -> None:
    """A healthy target answers every probe, with one login for all of them."""
    for probe in ALL:
        run.start(probe)
    for probe in ALL:
        answer = await run.see(probe)
        assert answer.blocked is None
        assert PROBES[probe].decode(redact_json(answer.model_dump(mode="json"))) == answer
    assert plane[1].seen["oauth2.token"] == 1
    assert access(run).retries == 0


# ---- VPC connector and its load


@pytest.mark.asyncio
async def test_connector(run: Runner, profile: Profile) -> None:
    """The connector is read as its API shows it, its network by its short name."""
    seen = (await run.see("connector")).value
    lock = profile.lock.connector
    assert (seen.found, seen.state, seen.network, seen.ip_cidr_range) == (
        True,
        lock.state,
        lock.network,
        lock.ip_cidr_range,
    )
    assert (seen.min_instances, seen.max_instances, seen.max_throughput_mbps) == (2, 10, 1000)


@pytest.mark.asyncio
async def test_missing_connector_names_others(run: Runner, world: World) -> None:
    """A connector that does not exist is an observation, which names those that do."""
    world.connector.name = "staging-conector"
    seen = (await run.see("connector")).value
    assert (seen.found, seen.state, seen.existing) == (False, None, ("staging-conector",))


@pytest.mark.asyncio
async def test_missing_connector_without_list(run: Runner, world: World) -> None:
    """Where listing is not permitted, absence is still seen."""
    world.connectors.clear()
    world.denials.append(Denial("permission", "vpcaccess.projects.locations.connectors.list"))
    seen = (await run.see("connector")).value
    assert (seen.found, seen.existing) == (False, ())


@pytest.mark.asyncio
async def test_place_that_does_not_exist(run: Runner, world: World) -> None:
    """Where not even the list is found, the project or the region is what is wrong, not the connector."""
    world.denials.append(Denial("not-found", "vpcaccess."))
    why = await blocked(run, "connector")
    assert why.reason is Reason.NOT_CONFIGURED
    assert "netra-staging" in why.detail
    assert "us-central1" in why.detail


@pytest.mark.asyncio
async def test_unknown_project(world: World, plane: tuple[World, ControlPlane]) -> None:
    """Google answers 403 for a project that does not exist, and so it stays a matter of permission."""
    why = await blocked(
        Runner(load("replica", {**plane[1].overlay(), "target": {"project": "netra-stagin"}})), "connector"
    )
    assert why.reason is Reason.PERMISSION_DENIED
    assert "netra-stagin" in why.detail


@pytest.mark.asyncio
async def test_connector_load(run: Runner, world: World) -> None:
    """The load is the most of the window: instances, CPU share, sent plus received traffic."""
    world.connector.running_instances, world.connector.cpu, world.connector.throughput_mbps = 7, 0.83, 412.0
    seen = (await run.see("connector_load")).value
    assert (seen.window_s, seen.instances) == (600.0, 7)
    assert seen.cpu == pytest.approx(0.83)
    assert seen.throughput_mbps == pytest.approx(412.0, rel=0.02)


@pytest.mark.asyncio
async def test_connector_without_points(run: Runner, world: World) -> None:
    """No point in the window is None, not zero."""
    world.connector.reports_load = False
    seen = (await run.see("connector_load")).value
    assert (seen.instances, seen.cpu, seen.throughput_mbps) == (None, None, None)


@pytest.mark.asyncio
async def test_backends(run: Runner) -> None:
    """Monitoring knows how many connections the instance has."""
    assert isinstance(await read_backends(run), int)


# ---- Cloud Run


@pytest.mark.asyncio
async def test_revision(run: Runner, profile: Profile) -> None:
    """The serving revision is read with its annotations, its resources and its scaling."""
    serving, lock = await backend(run), profile.lock
    assert (serving.connector, serving.egress) == (profile.connector.name, lock.connector.egress)
    assert (serving.memory_bytes, serving.cpu_millicores) == (lock.revision.memory, lock.revision.cpu)
    assert (serving.min_instances, serving.max_instances) == (1, 10)
    assert serving.cloudsql_instances == ("netra-staging:us-central1:netra-staging-db",)
    assert serving.ready_at is not None
    assert (serving.ready_at - serving.created_at).total_seconds() == pytest.approx(21.0, abs=0.01)


@pytest.mark.parametrize(
    ("egress", "planned"),
    [
        ("all-traffic", "all-traffic"),
        ("all", "all-traffic"),
        ("ALL_TRAFFIC", "all-traffic"),
        ("private-ranges-only", "private-ranges-only"),
        ("PRIVATE_RANGES_ONLY", "private-ranges-only"),
        ("none-at-all", "none-at-all"),
    ],
)
def test_egress_spellings(egress: str, planned: str) -> None:
    """Each spelling of an egress setting reads as the plan's; an unknown one stays as it is."""
    assert egress_as_planned(egress) == planned


@pytest.mark.asyncio
async def test_detached_revision(run: Runner, world: World) -> None:
    """A revision without a connector says so."""
    world.backend.connector = world.backend.egress = None
    serving = await backend(run)
    assert (serving.connector, serving.egress) == (None, None)


@pytest.mark.parametrize(("cpu", "millicores"), [("4000m", 4000), ("2", 2000)])
@pytest.mark.asyncio
async def test_cpu_spellings(run: Runner, world: World, cpu: str, millicores: int) -> None:
    """A CPU quantity reads the same in each spelling."""
    world.backend.cpu = cpu
    assert (await backend(run)).cpu_millicores == millicores


@pytest.mark.asyncio
async def test_traffic_decides_which_revision(run: Runner, world: World) -> None:
    """The revision with most of the traffic is looked at, however old, and the list is complete."""
    service = world.services["backend"]
    old, new = service.revisions[0], service.revisions[-1]
    service.traffic = {new.name: 30, old.name: 70}
    old.memory = "512Mi"
    seen = (await run.see("cloud_run")).value.services["backend"].value
    assert [(one.revision, one.percent) for one in seen.traffic] == [(old.name, 70), (new.name, 30)]
    assert (seen.serving.name, seen.serving.memory_bytes) == (old.name, 512 * 2**20)
    assert seen.latest_created == new.name


@pytest.mark.asyncio
async def test_failed_revision(run: Runner, world: World) -> None:
    """A revision that never became ready says why, and when it was not."""
    world.backend.ready, world.backend.message = False, "The user-provided container failed to start."
    serving = await backend(run)
    assert (serving.ready, serving.ready_at) == (False, None)
    assert "failed to start" in serving.ready_message


@pytest.mark.asyncio
async def test_missing_service(run: Runner, world: World) -> None:
    """A service that does not exist is an observation, and blocks what builds on it by its criterion."""
    world.services["backend"].deleted = True
    seen = (await run.see("cloud_run")).value.services["backend"].value
    assert (seen.found, seen.serving) == (False, None)
    assert "netra-auth-service" in seen.existing
    why = await blocked(run, "database_url")
    assert (why.reason, why.criterion) == (Reason.DEPENDENCY, "RUN-READY")


@pytest.mark.asyncio
async def test_secrets_in_clear_are_withheld(run: Runner, world: World) -> None:
    """A secret in clear is named and never shown; what only sounds like one stays."""
    clear(world, SESSION_SECRET="correct horse battery", AUTH_SERVICE_URL="https://auth.example.com", TOKEN_TTL="900")
    serving = await backend(run)
    assert serving.secrets_in_clear == ("SESSION_SECRET",)
    assert serving.env["SESSION_SECRET"].value is None
    assert (serving.env["AUTH_SERVICE_URL"].value, serving.env["TOKEN_TTL"].value) == (
        "https://auth.example.com",
        "900",
    )
    assert "correct horse" not in redact("a log line with correct horse battery in it")


# ---- Cloud SQL


@pytest.mark.asyncio
async def test_instance(run: Runner, world: World) -> None:
    """The instance is read with its private network, addresses and its connection limit."""
    world.instance.public_address, world.instance.authorized_networks = "34.1.2.3", ["0.0.0.0/0"]
    seen = (await run.see("instance")).value
    assert (seen.state, seen.private_network, seen.private_addresses) == ("RUNNABLE", "staging-vpc", ("127.0.0.1",))
    assert (seen.public_addresses, seen.authorized_networks) == (("34.1.2.3",), ("0.0.0.0/0",))
    assert (seen.max_connections, seen.backups_enabled) == (200, True)


@pytest.mark.asyncio
async def test_a_stopped_instance_is_not_taken_for_a_running_one(run: Runner, world: World) -> None:
    """The API calls a stopped instance RUNNABLE; its activation policy says that it is not."""
    world.instance.activation_policy = "NEVER"
    instance = (await run.see("instance")).value
    assert (instance.state, instance.activation_policy) == ("RUNNABLE", "NEVER")


@pytest.mark.asyncio
async def test_instance_without_private_network(run: Runner, world: World) -> None:
    """No private network is None."""
    world.instance.private_network = None
    assert (await run.see("instance")).value.private_network is None


@pytest.mark.asyncio
async def test_missing_instance(run: Runner, world: World) -> None:
    """An instance that does not exist is seen as such, and blocks its backups by its criterion."""
    world.instance.name = "staging-shared-postgres"
    seen = (await run.see("instance")).value
    assert (seen.found, seen.existing) == (False, ("staging-shared-postgres",))
    why = await blocked(run, "backups")
    assert (why.reason, why.criterion) == (Reason.DEPENDENCY, "SQL-STATE")


@pytest.mark.asyncio
async def test_backups(run: Runner, world: World) -> None:
    """The newest success and the newest failure are told apart."""
    world.instance.backups = [Backup(ago(hours=2), "FAILED", "disk full"), Backup(ago(hours=30))]
    seen = (await run.see("backups")).value
    now = datetime.now(UTC)
    assert now - seen.last_success_at == pytest.approx(timedelta(hours=30), abs=timedelta(minutes=1))
    assert now - seen.last_failure_at == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=1))
    assert (seen.last_failure, seen.runs_seen) == ("disk full", 2)


@pytest.mark.asyncio
async def test_no_backups(run: Runner, world: World) -> None:
    """No backup at all is an observation."""
    world.instance.backups = []
    seen = (await run.see("backups")).value
    assert (seen.last_success_at, seen.runs_seen) == (None, 0)


# ---- Secret Manager


@pytest.mark.asyncio
async def test_secrets(run: Runner, world: World) -> None:
    """The latest version's state is read, and no payload with it."""
    world.secrets["jwt-secret-key"].versions[-1].state = "DISABLED"
    seen = (await run.see("secrets")).value.secrets
    assert (seen["database_url"].value.version, seen["database_url"].value.state) == ("2", "ENABLED")
    assert seen["jwt_secret_key"].value.state == "DISABLED"


@pytest.mark.asyncio
async def test_missing_secret(run: Runner, world: World) -> None:
    """A secret that does not exist is named beside those that do, and does not stop the other one."""
    del world.secrets["jwt-secret-key"]
    seen = (await run.see("secrets")).value.secrets
    assert seen["jwt_secret_key"].value.found is False
    assert "database-url" in seen["jwt_secret_key"].value.existing
    assert seen["database_url"].value.found is True


@pytest.mark.asyncio
async def test_secret_without_version(run: Runner, world: World) -> None:
    """A secret that has no version exists, and has no state."""
    world.secrets["jwt-secret-key"].versions.clear()
    seen = (await run.see("secrets")).value.secrets["jwt_secret_key"].value
    assert (seen.found, seen.version, seen.state) == (True, None, None)


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
@pytest.mark.asyncio
async def test_payload_of_unusable_version(run: Runner, world: World, state: Any) -> None:
    """A payload that its own state withholds is the secret's fault, by its criterion."""
    world.secrets["database-url"].versions[-1].state = state
    with pytest.raises(Blocked) as caught:
        await read_payload(run, "database-url")
    assert (caught.value.why.reason, caught.value.why.criterion) == (Reason.DEPENDENCY, "SEC-DB")


@pytest.mark.asyncio
async def test_payload_is_redacted(run: Runner, world: World) -> None:
    """A payload that was read shows in no output."""
    store(world, "database-url", "a payload that nobody must see")
    secret = await read_payload(run, "database-url")
    assert secret.reveal() == "a payload that nobody must see"
    assert "nobody must see" not in redact("found: a payload that nobody must see")


def test_checksum() -> None:
    """The checksum is CRC32C: RFC 3720's examples."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


# ---- Where the backend is told to go

LOCAL = "postgresql+asyncpg://netra_user:{password}@127.0.0.1:5432/netra_staging"
SOCKET = "/cloudsql/netra-staging:us-central1:netra-staging-db"


@pytest.mark.parametrize(
    ("url", "host", "leads"),
    [
        (LOCAL.format(password="simple-pw"), "127.0.0.1", True),
        (LOCAL.format(password=ESCAPED) + "\n", "127.0.0.1", True),
        (LOCAL.format(password="with#hash/and?mark"), "127.0.0.1", True),
        (LOCAL.format(password="pw") + "?ssl=require&application_name=x", "127.0.0.1", True),
        (f"postgresql+asyncpg://netra_user:pw@/netra_staging?host={SOCKET}", SOCKET, True),
        (f"postgresql+asyncpg://netra_user:pw@/netra_staging?host={SOCKET.replace('/', '%2F')}", SOCKET, True),
        ("postgresql+asyncpg://netra_user:pw@/netra_staging?host=/cloudsql/p:r:i", "/cloudsql/p:r:i", False),
        ("postgresql+asyncpg://netra_user:pw@10.9.9.9:5432/netra_staging", "10.9.9.9", False),
        ("postgresql+asyncpg://netra_user:pw@db.internal/netra_staging", "db.internal", None),
    ],
)
@pytest.mark.asyncio
async def test_database_url(run: Runner, world: World, url: str, host: str, leads: bool | None) -> None:
    """Each spelling of a URL is read, and whether it leads to the declared instance."""
    store(world, "database-url", url)
    seen = (await run.see("database_url")).value
    assert (seen.form, seen.from_secret, seen.scheme) == ("DATABASE_URL", True, "postgresql+asyncpg")
    assert (seen.host, seen.leads_to_instance) == (host, leads)
    assert (seen.user, seen.database, seen.detail) == ("netra_user", "netra_staging", "")


@pytest.mark.parametrize("url", ["", "not a url", "postgresql+asyncpg://u:p@host:port/db", '"postgresql://u:p@h/d"'])
@pytest.mark.asyncio
async def test_malformed_database_url(run: Runner, world: World, url: str) -> None:
    """A URL that is none is evidence with a reason, and shows nothing of itself."""
    store(world, "database-url", url)
    seen = (await run.see("database_url")).value
    assert (seen.form, seen.scheme, seen.host) == ("DATABASE_URL", None, None)
    assert seen.detail.startswith("DATABASE_URL is not usable: ")
    assert "u:p" not in seen.model_dump_json()


@pytest.mark.asyncio
async def test_database_url_in_clear(run: Runner, world: World) -> None:
    """A URL in clear is read all the same, and said to be in clear; its password appears nowhere."""
    clear(world, DATABASE_URL=LOCAL.format(password=ESCAPED))
    seen = (await run.see("database_url")).value
    assert (seen.from_secret, seen.leads_to_instance) == (False, True)
    assert (await backend(run)).env["DATABASE_URL"].withheld == "a URL with a password"
    assert ESCAPED not in (await run.see("cloud_run")).model_dump_json()


@pytest.mark.asyncio
async def test_database_parts(run: Runner, world: World) -> None:
    """The parts stand for the URL when all of them are set."""
    postgres_parts(world, HOST="127.0.0.1\n", PORT="5432", DB="netra_staging", USER="netra_user", PASSWORD=PASSWORD)
    seen = (await run.see("database_url")).value
    assert (seen.form, seen.from_secret, seen.leads_to_instance) == ("POSTGRES_*", True, True)
    assert (seen.host, seen.port, seen.database, seen.user) == ("127.0.0.1", 5432, "netra_staging", "netra_user")


@pytest.mark.asyncio
async def test_incomplete_parts(run: Runner, world: World) -> None:
    """Parts that do not make a URL name what is missing."""
    postgres_parts(world, HOST="127.0.0.1", USER="netra_user")
    seen = (await run.see("database_url")).value
    assert (seen.form, seen.missing) == (None, ("POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_PASSWORD"))


@pytest.mark.asyncio
async def test_no_database_url(run: Runner, world: World) -> None:
    """Where nothing is set, it is the URL's variable that is missing."""
    world.backend.without("DATABASE_URL")
    seen = (await run.see("database_url")).value
    assert (seen.form, seen.missing) == (None, ("DATABASE_URL",))


@pytest.mark.asyncio
async def test_connection_url(run: Runner, world: World) -> None:
    """Whoever opens a session gets the secret's URL, with everything in it escaped."""
    store(world, "database-url", LOCAL.format(password="a#b/c") + "\n")
    assert (await connection_url(run)).reveal() == LOCAL.format(password="a%23b%2Fc")


@pytest.mark.asyncio
async def test_connection_url_of_parts(run: Runner, world: World) -> None:
    """Without the secret, the parts that the backend itself uses open the session."""
    del world.secrets["database-url"]
    postgres_parts(world, HOST=SOCKET, PORT="5432", DB="netra_staging", USER="netra_user", PASSWORD=PASSWORD)
    expected = f"postgresql+asyncpg://netra_user:{ESCAPED}@/netra_staging?host="
    assert (await connection_url(run)).reveal().startswith(expected)


@pytest.mark.asyncio
async def test_connection_url_missing(run: Runner, world: World) -> None:
    """Without either, the missing secret is the reason."""
    del world.secrets["database-url"]
    with pytest.raises(Blocked) as caught:
        await connection_url(run)
    assert (caught.value.why.reason, caught.value.why.criterion) == (Reason.DEPENDENCY, "SEC-DB")


@pytest.mark.asyncio
async def test_connection_url_denied(run: Runner, world: World) -> None:
    """A payload that may not be read is a missing permission, not a broken secret."""
    world.denials.append(Denial("permission", "secretmanager.projects.secrets.versions.access"))
    with pytest.raises(Blocked) as caught:
        await connection_url(run)
    assert caught.value.why.permission == "secretmanager.versions.access"
    assert caught.value.why.role == "roles/secretmanager.secretAccessor"


@pytest.mark.asyncio
async def test_redis_url(run: Runner, world: World) -> None:
    """The Redis URL is read without its password."""
    seen = (await run.see("redis_url")).value
    assert (seen.form, seen.host, seen.port) == ("REDIS_URL", "127.0.0.1", 6379)
    assert world.redis.password in (await redis_connection_url(run)).reveal()
    assert world.redis.password not in seen.model_dump_json()


@pytest.mark.asyncio
async def test_redis_parts(run: Runner, world: World) -> None:
    """Host, port and password stand for the Redis URL."""
    world.backend.without("REDIS_URL")
    clear(world, REDIS_HOST="10.107.0.3", REDIS_PORT="6379", REDIS_PASSWORD=PASSWORD)
    seen = (await run.see("redis_url")).value
    assert (seen.form, seen.host, seen.port) == ("REDIS_*", "10.107.0.3", 6379)
    assert (await redis_connection_url(run)).reveal() == f"redis://:{ESCAPED}@10.107.0.3:6379/0"


@pytest.mark.asyncio
async def test_redis_secret_missing(run: Runner, world: World) -> None:
    """A Redis URL whose secret does not exist is evidence of that."""
    del world.secrets["redis-url"]
    seen = (await run.see("redis_url")).value
    assert (seen.form, seen.host) == ("REDIS_URL", None)
    assert "redis-url" in seen.detail


@pytest.mark.asyncio
async def test_no_redis_url(run: Runner, world: World) -> None:
    """Where no Redis is set, whoever would connect is sent to the criterion that says so."""
    world.backend.without("REDIS_URL")
    assert (await run.see("redis_url")).value.missing == ("REDIS_URL",)
    with pytest.raises(Blocked) as caught:
        await redis_connection_url(run)
    assert caught.value.why.criterion == "ENV-REDIS"


# ---- Refusals


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("permission", Reason.PERMISSION_DENIED),
        ("api-disabled", Reason.API_DISABLED),
        ("quota", Reason.QUOTA),
        ("unauthenticated", Reason.CREDENTIALS_REFUSED),
        ("unavailable", Reason.API_UNAVAILABLE),
    ],
)
@pytest.mark.asyncio
async def test_denials(run: Runner, world: World, kind: str, reason: Reason) -> None:
    """Each refusal blocks every probe with the same reason; none of them turns into a finding."""
    world.denials.append(Denial(kind))
    for probe in ALL:
        run.start(probe)
    seen: CloudRun = (await run.see("cloud_run")).value
    whys = [attempt.blocked for attempt in seen.services.values()]
    whys += [attempt.blocked for attempt in (await run.see("secrets")).value.secrets.values()]
    whys += [(await run.see(probe)).blocked for probe in ("connector", "connector_load", "instance", "backups")]
    whys += [(await run.see(probe)).blocked for probe in ("database_url", "redis_url")]
    assert [why.reason if why is not None else None for why in whys] == [reason] * len(whys)


@pytest.mark.asyncio
async def test_silence(run: Runner, world: World) -> None:
    """An API that never answers is unavailable within the limit of one question."""
    world.denials.append(Denial("timeout", "vpcaccess"))
    access(run).call_s = 0.2
    why = await blocked(run, "connector")
    assert why.reason is Reason.API_UNAVAILABLE


@pytest.mark.asyncio
async def test_silent_login(run: Runner, world: World) -> None:
    """A token endpoint that never answers is named itself, and waited for once."""
    world.denials.append(Denial("timeout", "oauth2.token"))
    access(run).call_s = 0.2
    for probe in ("connector", "instance"):
        run.start(probe)
    for probe in ("connector", "instance"):
        why = await blocked(run, probe)
        assert (why.reason, why.looked_at) == (Reason.API_UNAVAILABLE, "oauth2 token")


@pytest.mark.asyncio
async def test_revoked_key(run: Runner, world: World) -> None:
    """A key that Google no longer knows is refused, whichever probe comes first."""
    world.denials.append(Denial("permission", "oauth2.token"))
    assert (await blocked(run, "identity")).reason is Reason.CREDENTIALS_REFUSED
    assert (await blocked(run, "connector")).reason is Reason.CREDENTIALS_REFUSED


@pytest.mark.asyncio
async def test_one_broken_service_hides_no_other(run: Runner, world: World) -> None:
    """What stops one service's answer leaves the others' standing."""
    del world.services["auth"].revisions[:]
    seen: CloudRun = (await run.see("cloud_run")).value
    assert seen.services["auth"].blocked is not None
    assert seen.services["backend"].blocked is None


@pytest.mark.asyncio
async def test_asked_again(run: Runner, world: World) -> None:
    """A busy API is asked once more, and the reason says so."""
    world.denials.append(Denial("unavailable", "sql.instances.get"))
    why = await blocked(run, "instance")
    assert "(asked 2 times)" in why.detail
    assert access(run).retries == 1


@pytest.mark.asyncio
async def test_unreachable(profile: Profile) -> None:
    """An address at which nothing listens is no route from here."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    overlay = {
        "google": {
            "credentials_file": str(profile.google.credentials_file),
            "endpoints": {**profile.google.endpoints, "vpcaccess": f"http://127.0.0.1:{port}"},
        }
    }
    assert (await blocked(Runner(load("replica", overlay)), "connector")).reason is Reason.NO_ROUTE


@pytest.mark.asyncio
async def test_loopback_needs_no_proxy(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not come between us and this machine."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert (await run.see("connector")).blocked is None
    assert (await backend(run)).name


# ---- Who and where


@pytest.mark.asyncio
async def test_identity(run: Runner) -> None:
    """A service account's key says whose it is, and how long its token lives."""
    seen = (await run.see("identity")).value
    assert seen.principal == "allclear@netra-staging.iam.gserviceaccount.com"
    assert seen.kind == "service-account"
    assert seen.expires_at > datetime.now(UTC)


@pytest.mark.asyncio
async def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any credentials every probe says how to get some, without waiting for a metadata server."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    why = await blocked(Runner(load("staging")), "identity")
    assert why.reason is Reason.NO_CREDENTIALS
    assert "gcloud auth application-default login" in why.detail
    assert "--target replica" in why.detail


@pytest.mark.asyncio
async def test_unusable_credentials_file(tmp_path: Path) -> None:
    """A credentials file that is none is named."""
    file = tmp_path / "key.json"
    file.write_text("not json")
    why = await blocked(Runner(load("staging", {"google": {"credentials_file": str(file)}})), "identity")
    assert why.reason is Reason.NO_CREDENTIALS
    assert "key.json" in why.detail


@pytest.mark.parametrize(
    ("environ", "place", "inside_vpc"),
    [
        ({}, "laptop", False),
        ({"CI": "true"}, "ci", False),
        ({"CI": "false"}, "laptop", False),
        ({"K_SERVICE": "x"}, "cloud", False),
        ({"CLOUD_RUN_JOB": "allclear"}, "cloud", False),
        ({"CLOUD_RUN_JOB": "allclear", "ALLCLEAR_VANTAGE": "vpc"}, "vpc", True),
        ({"CI": "true", "ALLCLEAR_VANTAGE": "vpc"}, "vpc", True),
    ],
)
def test_vantage(environ: dict[str, str], place: str, inside_vpc: bool) -> None:
    """The vantage is told from the environment, and ALLCLEAR_VANTAGE has the last word."""
    if place == "laptop" and at_google({}):
        pytest.skip("this machine is Google's")
    seen = vantage(environ, "oncall-7")
    assert (seen.place, seen.inside_vpc) == (place, inside_vpc)
    assert "oncall-7" in seen.label


def test_unknown_vantage() -> None:
    """A vantage that there is not is a mistake of the configuration."""
    with pytest.raises(Blocked) as caught:
        vantage({"ALLCLEAR_VANTAGE": "moon"}, "oncall-7")
    assert caught.value.why.reason is Reason.NOT_CONFIGURED
