"""Sessions by Google's own Cloud SQL connector: its real package against the replica's control plane and port."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixtures.engine.runner import Runner
from fixtures.evidence.base import Attempt, Reason
from fixtures.evidence.sessions import Session, Sessions
from fixtures.probes import cloud_sql_connector as connector
from fixtures.probes.google import access
from fixtures.profile import load
from fixtures.replica import ports
from fixtures.replica.authority import Authority, pem
from fixtures.replica.box import CONNECTOR_FACE, INSTANCE_PORT, Box
from fixtures.replica.instance_front import InstanceFront, server_context
from fixtures.replica.world import Denial, Front

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ROOT = Path(__file__).parent.parent
MADE = "sql.connect.generateEphemeral"
NAME = "netra-staging:netra-staging-db"
STARTUP = b"\0\0\0\x08\0\x03\0\0"


class Site:
    """A replica with the port for Google's connectors; what it shows and how it behaves may change at any time."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.world = box.world
        self._instance = box.world.instance
        self._healthy = dict(vars(self._instance))
        self._url = self.url

    def heal(self) -> None:
        """Take every change back."""
        self.world.denials.clear()
        self.world.instances[:] = [self._instance]
        vars(self._instance).update(self._healthy)
        vars(self.world.front).update(vars(Front()))
        self.url = self._url
        self.seen.clear()

    @property
    def url(self) -> str:
        """What the secret holds."""
        return self.world.secrets["database-url"].versions[-1].payload

    @url.setter
    def url(self, text: str) -> None:
        self.world.secrets["database-url"].versions[-1].payload = text

    @property
    def seen(self) -> Any:
        """How often each method was asked."""
        assert self.box._control_plane is not None
        return self.box._control_plane.seen

    def run(self, limit: str = "20 s", **database: Any) -> Runner:
        """Return a new run, with that limit of opening a session, and more in the profile's database table."""
        overlay = self.box.overlay()
        overlay["database"] = {**overlay["database"], **database}
        return Runner(load("replica", {**overlay, "lock": {"limits": {"connect_max": limit}}}))

    async def sessions(self, limit: str = "20 s") -> Sessions:
        """Return what the sessions of a new run were."""
        seen: Attempt[Sessions] = await self.run(limit).see("sessions")
        return seen.value

    async def failure(self, limit: str = "20 s") -> Session:
        """Return the failure that all sessions of a new run have in common."""
        seen = (await self.sessions(limit)).sessions
        assert len({(one.failure, one.failed_phase) for one in seen}) == 1
        return seen[0]

    async def blocked(self, **database: Any) -> Any:
        """Return why a new run had no sessions."""
        return (await self.run(**database).see("sessions")).blocked


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[Site]:
    """The replica."""
    box = Box({"google", "postgres", CONNECTOR_FACE})
    try:
        await box.start()
        yield Site(box)
    finally:
        await box.stop()


@pytest.fixture
def site(started: Site) -> Site:
    """The replica, healthy again."""
    started.heal()
    return started


async def test_sessions_of_a_healthy_database(site: Site) -> None:
    """Five sessions open, the certificate is asked for once, and every phase but the name's has its own time."""
    seen = await site.sessions()
    assert len(seen.sessions) == 5
    assert all(one.opened and one.answered and one.failure is None for one in seen.sessions)
    for one in seen.sessions:
        assert one.phases.name_s is None
        assert None not in (one.phases.tcp_s, one.phases.tls_s, one.phases.authentication_s, one.phases.query_s)
    assert seen.address == f"{site.world.instance.private_address}:{INSTANCE_PORT}"
    assert (seen.tls, seen.max_connections) == ("TLSv1.3", 200)
    assert seen.prepared_s is not None
    assert (site.seen[MADE], site.seen["sql.connect.get"]) == (1, 2)


async def test_only_the_connector_is_let_in(site: Site) -> None:
    """The instance's port takes no client without a certificate of the instance's own authority."""
    context = ssl.create_default_context(cadata=pem(site.world.instance.authority().certificate))
    context.check_hostname = False

    def knock() -> bytes:
        address = (site.world.instance.private_address, INSTANCE_PORT)
        try:
            # TLS 1.3 tells a client that it is not wanted only after its own handshake.
            with socket.create_connection(address, timeout=5) as plain, context.wrap_socket(plain) as secured:
                secured.sendall(STARTUP)
                return secured.recv(1)
        except ConnectionResetError:
            return b""

    assert await asyncio.to_thread(knock) == b""


async def test_a_wrong_password_is_the_servers_word(site: Site) -> None:
    """The server's own refusal comes through the connector as it is."""
    site.url = site.url.replace(site.world.database.password, "rotated")
    one = await site.failure()
    assert (one.failure, one.failed_phase, one.sqlstate) == ("wrong-password", "authentication", "28P01")


@pytest.mark.parametrize(
    ("front", "limit", "failure"),
    [({"mode": "cut"}, "20 s", "cut"), ({"mode": "delay", "delay_s": 60.0}, "700 ms", "stalled")],
    ids=["cut", "stalled"],
)
async def test_a_broken_way_shows_in_the_handshake(site: Site, front: dict[str, Any], limit: str, failure: str) -> None:
    """A way that cuts or stalls the handshake is told by its phase, as for direct sessions."""
    vars(site.world.front).update(front)
    one = await site.failure(limit)
    assert (one.failure, one.failed_phase, one.symptom) == (failure, "tls", failure)


async def test_a_slow_way_shows_in_the_handshake(site: Site) -> None:
    """A delay on the way grows the TLS phase and no other."""
    vars(site.world.front).update(mode="delay", delay_s=0.6)
    for one in (await site.sessions()).sessions:
        spent = one.phases.model_dump(exclude={"query_s"}, exclude_none=True)
        assert spent["tls_s"] > 0.5 * sum(spent.values())


@pytest.mark.parametrize("kind", ["expired", "untrusted", "other-host"])
async def test_a_bad_certificate_is_refused(site: Site, tmp_path: Path, kind: Any) -> None:
    """A certificate that has expired, or that another authority signed, is refused before the login."""
    address = ports.address()
    context = server_context(site.world.instance.authority(), NAME, kind, tmp_path)
    front = InstanceFront(Front(), ports.reserve(address, INSTANCE_PORT), context, backend=1)
    await front.start()
    site.world.instance.private_address = address
    try:
        one = await site.failure()
    finally:
        await front.stop()
    assert (one.failure, one.failed_phase) == ("bad-certificate", "tls")
    assert one.detail.startswith("expired" if kind == "expired" else "untrusted")


async def test_a_closed_port_is_refused(site: Site) -> None:
    """An address where nothing listens refuses in phase tcp."""
    site.world.instance.private_address = "127.99.99.99"
    one = await site.failure()
    assert (one.failure, one.failed_phase) == ("refused", "tcp")


@pytest.mark.parametrize(
    ("denial", "reason", "permission", "role"),
    [
        (
            Denial("permission", MADE),
            Reason.PERMISSION_DENIED,
            "cloudsql.instances.connect",
            "roles/cloudsql.client",
        ),
        (
            Denial("permission", "sql.connect.get"),
            Reason.PERMISSION_DENIED,
            "cloudsql.instances.get",
            "roles/cloudsql.viewer",
        ),
        (Denial("quota", MADE), Reason.QUOTA, None, None),
        (Denial("unauthenticated", MADE), Reason.CREDENTIALS_REFUSED, None, None),
        (Denial("api-disabled", "sql."), Reason.API_DISABLED, None, None),
    ],
    ids=lambda value: f"{value.kind} {value.methods}" if isinstance(value, Denial) else "",
)
async def test_what_google_refuses_is_never_the_databases_fault(
    site: Site, denial: Denial, reason: Reason, permission: str | None, role: str | None
) -> None:
    """A refusal of the SQL Admin API blocks, with the permission and the least role where that is what lacks."""
    site.world.denials.append(denial)
    why = await site.blocked()
    assert (why.reason, why.permission, why.role) == (reason, permission, role)
    assert site.seen[MADE] <= 1


async def test_a_silent_api_is_given_up(site: Site) -> None:
    """An API that never answers the connector blocks at the limit of one question."""
    site.world.denials.append(Denial("timeout", MADE))
    run = site.run()
    access(run).call_s = 1.5
    why = (await run.see("sessions")).blocked
    assert why is not None
    assert (why.reason, why.looked_at) == (Reason.API_UNAVAILABLE, "sqladmin connect.generateEphemeralCert")


@pytest.mark.parametrize(
    ("broken", "criterion"),
    [
        ({"name": "netra-restored"}, "SQL-STATE"),
        ({"activation_policy": "NEVER"}, "SQL-STATE"),
        ({"private_network": None}, "SQL-PRIVATE"),
    ],
    ids=["renamed", "stopped", "no private address"],
)
async def test_an_instance_without_a_way_names_its_criterion(
    site: Site, broken: dict[str, Any], criterion: str
) -> None:
    """Where the instance is missing, stopped or without its address, the criterion that says so is named."""
    vars(site.world.instance).update(broken)
    why = await site.blocked()
    assert (why.reason, why.criterion) == (Reason.DEPENDENCY, criterion)


async def test_an_address_type_that_the_instance_lacks(site: Site) -> None:
    """A type that the profile wants and the instance does not have is a question to the profile."""
    why = await site.blocked(ip_type="public")
    assert why.reason is Reason.NOT_CONFIGURED
    assert "it has: private" in why.detail


async def test_without_the_extra_the_command_is_shown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the connector is not installed, the sessions are blocked with the command that installs it."""
    monkeypatch.setitem(sys.modules, "google.cloud.sql.connector", None)
    why = await site.blocked()
    assert why.reason is Reason.TOOL_MISSING
    assert connector.INSTALL in why.detail


@pytest.mark.parametrize(
    ("answer", "ip_type", "address"),
    [
        ({"ipAddresses": [{"type": "PRIVATE", "ipAddress": "10.1.0.3"}]}, "private", "10.1.0.3"),
        ({"ipAddresses": [{"type": "PRIMARY", "ipAddress": "203.0.113.4"}]}, "public", "203.0.113.4"),
        ({"ipAddresses": [{"type": "OUTGOING", "ipAddress": "203.0.113.4"}]}, "public", None),
        ({"pscEnabled": True, "dnsName": "db.x.sql.goog."}, "psc", "db.x.sql.goog"),
        (
            {
                "pscEnabled": True,
                "dnsNames": [{"connectionType": "PRIVATE_SERVICE_CONNECT", "name": "db.sql-psc.goog."}],
            },
            "psc",
            "db.sql-psc.goog",
        ),
        ({"dnsName": "db.x.sql.goog."}, "psc", None),
    ],
)
async def test_address_of_a_type(answer: dict[str, Any], ip_type: str, address: str | None) -> None:
    """Each type is found where the API lists it; a DNS name counts only with Private Service Connect."""
    assert connector.address_in(answer, ip_type) == address


async def test_authority_refuses_what_is_no_key() -> None:
    """Only a public RSA key is signed."""
    with pytest.raises(ValueError, match="PEM"):
        Authority().client("no key", "client")


@pytest.mark.parametrize(
    ("fault", "exit_code", "outcomes"),
    [
        (None, 0, {"SQL-DIRECT": "pass", "DB-CONNECT": "pass", "DB-QUERY": "pass", "ENV-DB": "pass"}),
        (
            "connector-cuts-handshakes",
            1,
            {"SQL-DIRECT": "fail", "DB-CONNECT": "fail", "DB-QUERY": "blocked", "ENV-DB": "pass"},
        ),
        (
            "database-password-rotated",
            1,
            {"SQL-DIRECT": "fail", "DB-CONNECT": "fail", "DB-QUERY": "blocked", "ENV-DB": "pass"},
        ),
        (
            "cloudsql-forbidden",
            6,
            {"SQL-DIRECT": "blocked", "DB-CONNECT": "blocked", "DB-QUERY": "blocked", "ENV-DB": "pass"},
        ),
    ],
    ids=["healthy", "cut", "password", "forbidden"],
)
async def test_a_whole_run(tmp_path: Path, fault: str | None, exit_code: int, outcomes: dict[str, str]) -> None:
    """A profile that only says `via` runs the suite by Google's connector, green, red and blocked."""
    profile = tmp_path / "by-connector.toml"
    profile.write_text('extends = "replica"\n[database]\nvia = "cloud-sql-connector"\n', encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-m", "cloudsql or database or environment", f"--target={profile}"]
    command += ["--fault", fault] if fault else []
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("report: ")]
    report = ROOT / Path(line.removeprefix("report: ")).parent
    verdict = json.loads((report / "verdict.json").read_text(encoding="utf-8"))
    shutil.rmtree(report)
    seen = {one["id"]: one["outcome"] for one in verdict["criteria"]}
    assert ended.returncode == exit_code
    assert {id: seen[id] for id in outcomes} == outcomes
