"""The replica's PostgreSQL with the front that plays the connector, and its Redis: real servers, real clients."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import redis.asyncio as redis_client
from redis import exceptions as redis_says
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fixtures.reaper import Reaper
from fixtures.replica import ports, postgres, world
from fixtures.replica.box import Box
from fixtures.replica.certificates import Certificates
from fixtures.replica.front import PostgresFront

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
PASSWORD = "a'quoted\"password"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of these tests' run."""
    return Certificates(tmp_path_factory.mktemp("certificates"), ["backend.example"])


@asynccontextmanager
async def server(database: world.Database) -> AsyncIterator[postgres.Postgres]:
    """A PostgreSQL of its own, in a directory that its user can reach."""
    box = Box(faces=())  # for its directory only
    await box.start()
    reaper = Reaper(box.directory)
    started = postgres.Postgres(database, box.directory, reaper)
    try:
        await started.start()
        yield started
    finally:
        await started.stop()
        reaper.reap()
        await box.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database() -> AsyncIterator[postgres.Postgres]:
    """The PostgreSQL that most of these tests share."""
    async with server(world.Database("netra_user", PASSWORD, "netra_staging", max_connections=37)) as started:
        yield started


@asynccontextmanager
async def front(
    database: postgres.Postgres, certificates: Certificates, *, query_delay_s: float = 0.0, **behaviour: Any
) -> AsyncIterator[int]:
    """A front that behaves so, before the shared PostgreSQL; yields its port."""
    state = world.Front(**behaviour)
    listener = ports.reserve()
    context = certificates.context(state.certificate)
    started = PostgresFront(state, listener, context, database.port, query_delay_s)
    await started.start()
    try:
        yield ports.number(listener)
    finally:
        await started.stop()


def trusting(certificates: Certificates) -> ssl.SSLContext:
    """Return a client's context that trusts the run's authority."""
    return ssl.create_default_context(cafile=certificates.ca_file)


async def connect(port: int, certificates: Certificates, **options: Any) -> Any:
    """Open a session as the application does."""
    defaults = {"user": "netra_user", "password": PASSWORD, "database": "netra_staging", "ssl": trusting(certificates)}
    open_session: Any = asyncpg.connect  # published without types
    return await open_session(host="127.0.0.1", port=port, **(defaults | options))


async def test_session_through_the_front(database: postgres.Postgres, certificates: Certificates) -> None:
    """The application's user opens a session over verified TLS, owns its database, and large answers arrive whole."""
    async with front(database, certificates) as port:
        session = await connect(port, certificates)
        assert await session.fetchval("SHOW max_connections") == "37"
        await session.execute("CREATE TABLE notes (text text)")
        assert len(await session.fetchval("SELECT repeat('x', 3000000)")) == 3_000_000
        await session.close()


async def test_many_sessions_at_once(database: postgres.Postgres, certificates: Certificates) -> None:
    """Twenty sessions opened at the same time are twenty sessions."""
    async with front(database, certificates) as port:
        sessions = await asyncio.gather(*(connect(port, certificates) for _ in range(20)))
        assert len({await session.fetchval("SELECT pg_backend_pid()") for session in sessions}) == 20
        await asyncio.gather(*(session.close() for session in sessions))


async def test_cancelled_query(database: postgres.Postgres, certificates: Certificates) -> None:
    """A client's cancel request passes the front: the session is usable at once after a timeout."""
    async with front(database, certificates) as port:
        session = await connect(port, certificates)
        with pytest.raises(TimeoutError):
            await session.fetchval("SELECT pg_sleep(60)", timeout=0.05)
        assert await session.fetchval("SELECT 1") == 1
        await session.close()


@pytest.mark.parametrize(
    ("options", "sqlstate"),
    [
        ({"password": "wrong"}, "28P01"),
        ({"database": "nowhere"}, "3D000"),
        ({"user": postgres.SUPERUSER, "database": "template1"}, "28P01"),
    ],
    ids=["wrong password", "no such database", "our own superuser"],
)
async def test_refusal(
    options: dict[str, str], sqlstate: str, database: postgres.Postgres, certificates: Certificates
) -> None:
    """PostgreSQL itself refuses, with its own code; our superuser has no way in over TCP."""
    async with front(database, certificates) as port:
        with pytest.raises(asyncpg.exceptions.PostgresError) as refused:
            await connect(port, certificates, **options)
    assert vars(type(refused.value))["sqlstate"] == sqlstate


async def test_session_without_tls_is_refused(database: postgres.Postgres, certificates: Certificates) -> None:
    """The front lets nobody in without TLS, and says so as PostgreSQL does."""
    async with front(database, certificates) as port:
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="requires a valid TLS session"):
            await connect(port, certificates, ssl=False)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("expired", "has expired"), ("untrusted", "unable to get local issuer"), ("other-host", "IP address mismatch")],
)
async def test_bad_certificate(kind: str, reason: str, database: postgres.Postgres, certificates: Certificates) -> None:
    """Each bad certificate is refused by a verifying client, for its own reason."""
    async with front(database, certificates, certificate=kind) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            await connect(port, certificates)


async def test_refusing_front(database: postgres.Postgres, certificates: Certificates) -> None:
    """In mode `refuse` the TCP connection is turned away."""
    async with front(database, certificates, mode="refuse") as port:
        with pytest.raises(ConnectionRefusedError):
            await connect(port, certificates)


async def test_stalling_front(database: postgres.Postgres, certificates: Certificates) -> None:
    """In mode `stall` TCP connects and nothing ever comes back."""
    async with front(database, certificates, mode="stall") as port:
        with socket.create_connection(("127.0.0.1", port)):
            pass
        with pytest.raises(TimeoutError):
            await connect(port, certificates, timeout=0.1)


async def test_cutting_front(database: postgres.Postgres, certificates: Certificates) -> None:
    """In mode `cut` the connection is lost in the middle of the TLS handshake."""
    async with front(database, certificates, mode="cut") as port:
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await connect(port, certificates)


async def test_delaying_front(database: postgres.Postgres, certificates: Certificates) -> None:
    """In mode `delay` a session opens no earlier than the delay."""
    async with front(database, certificates, mode="delay", delay_s=0.2) as port:
        began = time.monotonic()
        session = await connect(port, certificates)
        assert time.monotonic() - began >= 0.2
        await session.close()


async def test_slow_queries(database: postgres.Postgres, certificates: Certificates) -> None:
    """A query delay makes every query slow, in both of the protocol's ways to ask."""
    async with front(database, certificates, query_delay_s=0.1) as port:
        session = await connect(port, certificates)
        for ask in (session.execute, session.fetchval):
            began = time.monotonic()
            await ask("SELECT 1")
            assert time.monotonic() - began >= 0.1
        await session.close()


async def test_slow_logins(certificates: Certificates) -> None:
    """A login delay is the server's own: it comes after TLS and the password, once it is switched on."""
    state = world.Database("netra_user", PASSWORD, "netra_staging", login_delay_s=1)
    async with server(state) as slow, front(slow, certificates) as port:
        await (await connect(port, certificates)).close()
        await slow.slow_logins_down()
        with pytest.raises(TimeoutError):
            await connect(port, certificates, timeout=0.5)
        await (await connect(port, certificates)).close()


async def test_cut_for_some(database: postgres.Postgres, certificates: Certificates) -> None:
    """A front may cut each third connection only."""
    async with front(database, certificates, mode="cut", every=3) as port:
        for _ in range(2):
            await (await connect(port, certificates)).close()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await connect(port, certificates)
        await (await connect(port, certificates)).close()


async def test_full_instance(certificates: Certificates) -> None:
    """With no slot left the server refuses sessions for that reason, and stays at its limit."""
    async with (
        server(
            world.Database("netra_user", PASSWORD, "netra_staging", max_connections=12, held_connections=12)
        ) as full,
        front(full, certificates) as port,
    ):
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await connect(port, certificates)


async def test_held_connections(certificates: Certificates) -> None:
    """Held sessions are real: the server counts them."""
    async with (
        server(world.Database("netra_user", PASSWORD, "netra_staging", held_connections=7)) as held,
        front(held, certificates) as port,
    ):
        session = await connect(port, certificates)
        counted = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'netra_user'"
        assert await session.fetchval(counted) == 7 + 1
        await session.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_binaries_below_a_closed_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server's user cannot enter the directory of the binaries, a copy of them serves."""
    prefix = postgres.find_binaries().parent
    closed = tmp_path / "closed"
    (closed / prefix.parent.name).mkdir(parents=True)
    closed.chmod(0o700)
    (closed / prefix.parent.name / prefix.name).symlink_to(prefix)
    libraries = f"{prefix.parent.name}.libs"
    if prefix.parent.with_name(libraries).exists():
        (closed / libraries).symlink_to(prefix.parent.with_name(libraries))
    monkeypatch.setenv(postgres.OVERRIDE, str(closed / prefix.parent.name / prefix.name / "bin"))
    async with server(world.Database("netra_user", PASSWORD, "netra_staging")) as copied:
        assert copied.port


async def test_override_without_binaries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An override that names the wrong directory is an error, never silently passed over."""
    monkeypatch.setenv(postgres.OVERRIDE, str(tmp_path))
    with pytest.raises(postgres.PostgresError, match="no initdb"):
        postgres.find_binaries()


async def test_system_binaries_without_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the wheel the system's binaries are taken, of the newest version that there is."""
    for version in ("9", "15", "16"):
        for name in ("initdb", "postgres"):
            path = tmp_path / version / "bin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    monkeypatch.setattr(postgres, "_in_wheel", list)
    monkeypatch.setattr(postgres, "SYSTEM", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert postgres.find_binaries() == tmp_path / "16" / "bin"


async def ping(box: Box, password: str) -> bool:
    """Ask a box's Redis."""
    table = box.overlay()["redis"]
    client = redis_client.Redis(
        host=table["host"],
        port=table["port"],
        password=password,
        socket_timeout=0.3,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
    )
    try:
        return bool(await client.ping())
    finally:
        await client.aclose()


@asynccontextmanager
async def redis_box(*faults: str) -> AsyncIterator[tuple[Box, str]]:
    """A box with a Redis, and the password that the secret holds for it."""
    box = Box({"redis"}, faults)
    told = box.world.secrets["redis-url"].versions[-1].payload.split(":")[2].split("@")[0]
    try:
        await box.start()
        yield box, told
    finally:
        await box.stop()


async def test_redis_answers() -> None:
    """The Redis answers whoever has the password, and nobody else."""
    async with redis_box() as (box, told):
        assert await ping(box, told)
        with pytest.raises(redis_says.AuthenticationError):
            await ping(box, "wrong")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("redis-stopped", redis_says.ConnectionError),
        ("redis-stalls", redis_says.TimeoutError),
        ("redis-password-rotated", redis_says.AuthenticationError),
    ],
)
async def test_broken_redis(fault: str, error: type[Exception]) -> None:
    """Each fault of Redis is seen by a real client as what it is."""
    async with redis_box(fault) as (box, told):
        with pytest.raises(error):
            await ping(box, told)
