"""Fresh PostgreSQL sessions against a real server behind the replica's front, and against servers that misbehave."""

import asyncio
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from fixtures.evidence.base import Attempt, Blocked, Evidence, Reason, Why
from fixtures.evidence.cloud_sql import Instance
from fixtures.evidence.identity import Vantage
from fixtures.evidence.reach import Control, Controls
from fixtures.evidence.sessions import Phases, Session, Sessions
from fixtures.probes import monitoring, postgres, session
from fixtures.probes.postgres import count_connections, find_door, open_sessions
from fixtures.profile import Profile, load
from fixtures.reaper import Reaper
from fixtures.replica import ports, world
from fixtures.replica.box import Box
from fixtures.replica.certificates import Certificates
from fixtures.replica.front import PostgresFront
from fixtures.replica.postgres import Postgres
from fixtures.secret import Secret

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

USER, PASSWORD, NAME = "staging", "p%ss/word:1", "netra"
QUOTED = "p%25ss%2Fword%3A1"
ROOT = Path(__file__).parent.parent

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Looking:
    """A context whose other probes' answers are given."""

    profile: Profile
    answers: dict[str, Evidence | Why]

    async def see(self, probe: str) -> Attempt[Any]:
        """Return the given answer, else that it is not known."""
        answer = self.answers.get(probe, Why(reason=Reason.NO_CREDENTIALS, detail="not given"))
        told: dict[str, Any] = {"blocked": answer} if isinstance(answer, Why) else {"evidence": answer}
        return Attempt(**told, started_at=datetime.now(UTC), seconds=0.0, source=probe)


@dataclass
class Site:
    """A real PostgreSQL of 12 connections, the certificates, and fronts on demand."""

    certificates: Certificates
    server: Postgres

    @asynccontextmanager
    async def front(self, *, query_delay_s: float = 0.0, **behaviour: Any) -> AsyncIterator[int]:
        """Yield the port of a front that behaves as told."""
        state, bound = world.Front(**behaviour), ports.reserve()
        context = self.certificates.context(state.certificate)
        front = PostgresFront(state, bound, context, self.server.port, query_delay_s)
        await front.start()
        try:
            yield ports.number(bound)
        finally:
            await front.stop()

    @asynccontextmanager
    async def impostor(self, behave: Behave) -> AsyncIterator[int]:
        """Yield the port of a server that agrees on TLS, reads the startup packet, and then behaves as told."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readexactly(8)
                writer.write(b"S")
                await writer.start_tls(self.certificates.context())
                (length,) = struct.unpack("!i", await reader.readexactly(4))
                await reader.readexactly(length - 4)
                await behave(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    def context(self, limit: str = "20 s", *, trusted: bool = True, **answers: Evidence | Why) -> Looking:
        """Return what a probe is given, for staging with that limit of opening a session."""
        overlay: dict[str, Any] = {"lock": {"limits": {"connect_max": limit}}}
        if trusted:
            overlay["tls"] = {"ca_file": str(self.certificates.ca_file)}
        return Looking(load("staging", overlay), dict(answers))


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message of the PostgreSQL protocol."""
    return kind + struct.pack("!i", len(body) + 4) + body


def refusal(state: str, words: str) -> bytes:
    """Return an ErrorResponse."""
    return message(b"E", f"SFATAL\0VFATAL\0C{state}\0M{words}\0\0".encode())


WELCOME = (
    message(b"R", struct.pack("!i", 0))
    + message(b"S", b"server_version\x0016.4\0")
    + message(b"K", struct.pack("!ii", 1, 2))
    + message(b"Z", b"I")
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    """A real PostgreSQL and what is needed to stand in front of it."""
    box = Box(faces=())  # for its directory only, which PostgreSQL's own user can enter
    await box.start()
    reaper = Reaper(box.directory)
    server = Postgres(world.Database(USER, PASSWORD, NAME, max_connections=12), box.directory, reaper)
    try:
        await server.start()
        yield Site(Certificates(box.directory, []), server)
    finally:
        await server.stop()
        await asyncio.to_thread(reaper.reap)
        await box.stop()


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the secret hold a URL to a port of this machine."""

    def dial(port: int, *, password: str = QUOTED, name: str = NAME, host: str = "127.0.0.1") -> None:
        async def url(_: Any) -> Secret:
            return Secret(
                "database-url", f"postgresql+asyncpg://{USER}:{password}@{host}:{port}/{name}?sslmode=require"
            )

        monkeypatch.setattr(postgres, "connection_url", url)

    return dial


def only(seen: Sessions) -> Session:
    """Return what every session has in common with the first: the way it failed."""
    assert {(one.failure, one.failed_phase) for one in seen.sessions} == {
        (seen.sessions[0].failure, seen.sessions[0].failed_phase)
    }
    return seen.sessions[0]


async def test_sessions_of_a_healthy_database(site: Site, dialled: Callable[..., None]) -> None:
    """Five sessions open and answer, each phase has its time, and the server says what it is."""
    async with site.front() as port:
        dialled(port)
        seen = await open_sessions(site.context())
    assert len(seen.sessions) == 5
    assert all(one.opened and one.answered and one.failure is None for one in seen.sessions)
    phases = seen.sessions[0].phases
    assert phases.name_s is None
    assert None not in (phases.tcp_s, phases.tls_s, phases.authentication_s, phases.query_s)
    assert (seen.max_connections, seen.used_connections, seen.tls) == (12, 0, "TLSv1.3")
    assert seen.server_version is not None
    assert seen.address == f"127.0.0.1:{port}"


async def test_a_name_is_looked_up_in_a_phase_of_its_own(site: Site, dialled: Callable[..., None]) -> None:
    """A host given by name has a time for its lookup."""
    async with site.front() as port:
        dialled(port, host="localhost")
        seen = await open_sessions(site.context())
    assert all(one.answered and one.phases.name_s is not None for one in seen.sessions)


async def test_connections_of_others_are_counted(site: Site, dialled: Callable[..., None]) -> None:
    """Sessions of others count, ours do not."""
    held = [await plain(site) for _ in range(3)]
    async with site.front() as port:
        dialled(port)
        seen = await open_sessions(site.context())
    for one in held:
        await one.close()
    assert seen.used_connections == 3


async def plain(site: Site) -> Any:
    """Open a session to the server itself, as its application."""
    connect: Any = asyncpg.connect  # published without types
    return await connect(
        host="127.0.0.1", port=site.server.port, user=USER, password=PASSWORD, database=NAME, ssl=False
    )


@pytest.mark.parametrize(
    ("behaviour", "failure", "phase", "words"),
    [
        ({"mode": "refuse"}, "refused", "tcp", "refused"),
        ({"mode": "stall"}, "stalled", "tls", "nothing came back"),
        ({"mode": "cut"}, "cut", "tls", "closed by the other side"),
        ({"certificate": "expired"}, "bad-certificate", "tls", "expired"),
        ({"certificate": "untrusted"}, "bad-certificate", "tls", "untrusted"),
        ({"certificate": "other-host"}, "bad-certificate", "tls", "another-host.invalid"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
async def test_a_broken_way_is_told_apart(
    site: Site, dialled: Callable[..., None], behaviour: dict[str, Any], failure: str, phase: str, words: str
) -> None:
    """Each way in which a connector or a certificate breaks has its own kind, phase and words."""
    async with site.front(**behaviour) as port:
        dialled(port)
        seen = await open_sessions(site.context(limit="400 ms" if failure == "stalled" else "20 s"))
    one = only(seen)
    assert (one.failure, one.failed_phase, one.opened) == (failure, phase, False)
    assert one.symptom == failure
    assert words in one.detail


async def test_a_server_without_tls_gets_no_password(site: Site, dialled: Callable[..., None]) -> None:
    """`sslmode=require` is verified TLS or nothing."""
    dialled(site.server.port)
    assert only(await open_sessions(site.context())).failure == "tls-refused"


@pytest.mark.parametrize(
    ("url", "failure", "state"),
    [({"password": "wrong-one"}, "wrong-password", "28P01"), ({"name": "nowhere"}, "no-database", "3D000")],
    ids=["password", "database"],
)
async def test_a_refused_login_is_told_apart(
    site: Site, dialled: Callable[..., None], url: dict[str, str], failure: str, state: str
) -> None:
    """A wrong password and a missing database are the server's own words, with its code."""
    async with site.front() as port:
        dialled(port, **url)
        one = only(await open_sessions(site.context()))
    assert (one.failure, one.failed_phase, one.sqlstate) == (failure, "authentication", state)


async def test_a_full_server_is_an_observation(site: Site, dialled: Callable[..., None]) -> None:
    """When only reserved slots are left, the sessions say so, and the count is the instance's limit."""
    held = [await plain(site) for _ in range(9)]
    async with site.front() as port:
        dialled(port)
        seen = await open_sessions(site.context())
    for one in held:
        await one.close()
    assert (only(seen).failure, only(seen).sqlstate, seen.max_connections) == ("too-many-clients", "53300", None)
    instance = Instance(kind="Cloud SQL instance", name="db", found=True, max_connections=12)
    count = await count_connections(site.context(sessions=seen, instance=instance))
    assert (count.used, count.limit) == (12, 12)


async def test_a_starting_server_is_told_apart(site: Site, dialled: Callable[..., None]) -> None:
    """57P03 is a server that is not ready, not a refused one."""

    async def starting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(refusal("57P03", "the database system is starting up"))

    async with site.impostor(starting) as port:
        dialled(port)
        one = only(await open_sessions(site.context()))
    assert (one.failure, one.failed_phase) == ("starting", "authentication")


async def test_a_server_that_falls_silent_after_tls_is_the_server(site: Site, dialled: Callable[..., None]) -> None:
    """A stall after the TLS handshake is put down to authentication, not to the way there."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with site.impostor(silent) as port:
        dialled(port)
        one = only(await open_sessions(site.context(limit="800 ms")))
    assert (one.failure, one.failed_phase) == ("stalled", "authentication")
    assert one.symptom == "stalled-authentication"
    assert one.phases.tls_s is not None


async def test_a_failed_query_is_told_apart(site: Site, dialled: Callable[..., None]) -> None:
    """A session that opens and then cannot answer is opened, not answered."""

    async def failing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WELCOME)
        await reader.read(64)
        writer.write(refusal("58030", "could not read block 0") + message(b"Z", b"I"))
        await reader.read()

    async with site.impostor(failing) as port:
        dialled(port)
        one = only(await open_sessions(site.context()))
    assert (one.opened, one.answered, one.failure, one.failed_phase) == (True, False, "query-failed", "query")
    assert one.sqlstate == "58030"


async def test_a_slow_query_is_cut_at_its_limit(
    site: Site, dialled: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that does not come back ends at the limit and does not count as a slow connection."""
    monkeypatch.setattr(session, "QUERY_MAX_S", 0.3)
    async with site.front(query_delay_s=60.0) as port:
        dialled(port)
        one = only(await open_sessions(site.context()))
    assert (one.opened, one.failure, one.failed_phase) == (True, "query-slow", "query")


async def test_a_slow_way_and_a_slow_server_show_in_their_own_phase(site: Site, dialled: Callable[..., None]) -> None:
    """A delay before the handshake grows the TLS phase, a delay of the server the authentication; nothing else."""

    async def hesitant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        writer.write(WELCOME)
        await reader.read(1)

    async with site.front(mode="delay", delay_s=0.6) as port:
        dialled(port)
        slow_way = (await open_sessions(site.context())).sessions
    async with site.impostor(hesitant) as port:
        dialled(port)
        slow_server = (await open_sessions(site.context())).sessions
    assert all(share(one.phases, "tls_s") > 0.5 for one in slow_way)
    assert all(share(one.phases, "authentication_s") > 0.5 for one in slow_server)


def share(phases: Phases, phase: str) -> float:
    """Return a phase's share of the time of opening the session."""
    spent: dict[str, float] = phases.model_dump(exclude={"query_s"}, exclude_none=True)
    return spent[phase] / sum(spent.values())


async def test_other_work_in_the_process_does_not_inflate(site: Site, dialled: Callable[..., None]) -> None:
    """While the caller's loop is blocked, the sessions open and are timed all the same."""
    with Slammer() as port:
        dialled(port)
        running = asyncio.create_task(open_sessions(site.context(limit="5 s")))
        await asyncio.sleep(0.3)
        blocked_s = 1.5
        time.sleep(blocked_s)  # noqa: ASYNC251  # blocking the loop is the point
        one = only(await running)
    assert one.failure == "cut"
    assert one.connect_s < blocked_s


class Slammer:
    """A server in a process of its own that closes every connection at its first byte."""

    CODE = (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\n"
        "while True:\n    c, _ = s.accept()\n    c.recv(8)\n    c.close()\n"
    )

    def __enter__(self) -> int:
        self._process = subprocess.Popen([sys.executable, "-c", self.CODE], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


async def test_an_authority_nobody_told_us_is_our_blindness(site: Site, dialled: Callable[..., None]) -> None:
    """Without the instance's authority its certificate cannot be judged; with it, found in the API, it is trusted."""
    async with site.front() as port:
        dialled(port)
        with pytest.raises(Blocked) as caught:
            await open_sessions(site.context(trusted=False))
        authority = site.certificates.ca_file.read_text()
        instance = Instance(kind="Cloud SQL instance", name="db", found=True, server_ca=authority)
        seen = await open_sessions(site.context(trusted=False, instance=instance))
    assert caught.value.why.reason is Reason.NOT_CONFIGURED
    assert "serverCaCert.cert" in caught.value.why.detail
    assert all(one.answered for one in seen.sessions)


async def test_a_private_address_seen_from_outside_is_not_waited_for(
    site: Site, dialled: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private address with no way from here blocks, and no session is tried."""

    async def nowhere(*_: object) -> Why:
        raise Blocked(Why(reason=Reason.NO_ROUTE, detail="no way"))

    monkeypatch.setattr(postgres, "require_way", nowhere)
    monkeypatch.setattr(postgres, "apart", pytest.fail)
    dialled(5432, host="10.1.0.3")
    with pytest.raises(Blocked):
        await open_sessions(site.context())


@pytest.mark.parametrize(("answers", "blocked"), [(False, True), (True, False)], ids=["nothing", "a control"])
async def test_silence_is_the_targets_only_while_something_else_answers(
    site: Site, dialled: Callable[..., None], monkeypatch: pytest.MonkeyPatch, answers: bool, blocked: bool
) -> None:
    """Sessions that all end in silence block when nothing answers, and fail, controls shown, when a control does."""

    async def silence(_: object) -> list[Session]:
        kinds = ("timeout", "unreachable", "timeout")
        return [Session(opened=False, answered=False, connect_s=1, phases=Phases(), failure=kind) for kind in kinds]

    monkeypatch.setattr(postgres, "apart", silence)
    dialled(5432, host="8.8.4.4")
    one = Control(host="app.example", port=443, resolved=True, answered=answers, seconds=0.1, detail="as told")
    at = site.context(vantage=Vantage(place="ci", label="CI", inside_vpc=False), controls=Controls(controls=(one,)))
    if blocked:
        with pytest.raises(Blocked, match="nothing at all answers from here"):
            await open_sessions(at)
    else:
        assert "app.example:443 as told" in (await open_sessions(at)).control


SOCKET = "postgresql+asyncpg://u:p@/netra?host=/cloudsql/netra-staging:us-central1:netra-staging-db"


async def test_a_socket_of_the_backend_is_no_way_for_us() -> None:
    """The backend's Unix socket blocks with the two ways around it; an address in the profile is such a way."""
    with pytest.raises(Blocked) as caught:
        find_door(load("staging"), Secret("url", SOCKET), None)
    assert caught.value.why.reason is Reason.NO_ROUTE
    assert "database.host" in caught.value.why.detail
    door = find_door(load("staging", {"database": {"host": "10.1.0.3"}}), Secret("url", SOCKET), None)
    assert (str(door), door.user, door.database) == ("10.1.0.3:5432", "u", "netra")
    assert "netra-staging:netra-staging-db" in door.names


async def test_a_local_proxy_encrypts_by_itself() -> None:
    """Through a Cloud SQL Auth Proxy no TLS is spoken; without its address the command that starts it is shown."""
    with pytest.raises(Blocked, match="cloud-sql-proxy --private-ip netra-staging:us-central1:netra-staging-db"):
        find_door(load("staging", {"database": {"via": "auth-proxy"}}), Secret("url", SOCKET), None)
    overlay = {"database": {"via": "auth-proxy", "host": "127.0.0.1", "port": 6543}}
    door = find_door(load("staging", overlay), Secret("url", SOCKET), None)
    assert (str(door), door.tls) == ("127.0.0.1:6543", None)


@pytest.mark.parametrize("url", ["postgresql://u:p@/netra", "postgresql://10.1.0.3/netra"])
async def test_a_url_without_host_or_user_is_not_used(url: str) -> None:
    """What asyncpg would fill in from the environment of this machine is not the target's."""
    with pytest.raises(Blocked, match="names no"):
        find_door(load("staging"), Secret("url", url), None)


async def test_no_session_is_the_reason_for_no_count(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no session opens and Monitoring knows nothing either, the count names the criterion that says why."""

    async def unknown(_: object) -> None:
        return None

    monkeypatch.setattr(monitoring, "read_backends", unknown)
    refused = Session(opened=False, answered=False, connect_s=0.1, phases=Phases(), failure="refused")
    seen = Sessions(address="10.1.0.3:5432", user="u", database="d", tls=None, sessions=(refused,))
    with pytest.raises(Blocked) as caught:
        await count_connections(site.context(sessions=seen))
    assert (caught.value.why.reason, caught.value.why.criterion) == (Reason.DEPENDENCY, "DB-CONNECT")
    with pytest.raises(Blocked) as caught:
        await count_connections(site.context(sessions=Why(reason=Reason.NO_ROUTE, detail="private")))
    assert caught.value.why.reason is Reason.NO_ROUTE


async def test_a_hanging_lookup_keeps_no_process_alive() -> None:
    """A blocked thread is abandoned at the limit, and the interpreter ends without it."""
    code = (
        "import asyncio, socket, threading\n"
        "from fixtures.probes import timed_loop, trace\n"
        "socket.getaddrinfo = lambda *a, **k: threading.Event().wait()\n"
        "async def main():\n"
        "    trace.Trace(())\n"
        "    try:\n"
        "        async with asyncio.timeout(0.1):\n"
        "            await asyncio.open_connection('database.invalid', 5432)\n"
        "    except TimeoutError:\n"
        "        print('cut')\n"
        "asyncio.run(timed_loop.apart(main))\n"
    )
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "cut\n"
