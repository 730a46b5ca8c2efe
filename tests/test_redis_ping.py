"""PING against a real Redis-protocol server, and against servers that misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.identity import Vantage
from fixtures.evidence.redis import RedisPing
from fixtures.probes import redis_ping
from fixtures.profile import Profile, load
from fixtures.reaper import Reaper
from fixtures.replica import ports, world
from fixtures.replica.certificates import Certificates
from fixtures.replica.redis import Redis
from fixtures.secret import Secret

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "s3cret/word"
QUOTED = "s3cret%2Fword"

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Looking:
    """A context that looks from outside the VPC."""

    profile: Profile

    async def see(self, probe: str) -> Attempt[Any]:
        """Return the vantage; nothing else is asked for."""
        assert probe == "vantage"
        vantage = Vantage(place="laptop", label="this machine", inside_vpc=False)
        return Attempt(evidence=vantage, started_at=datetime.now(UTC), seconds=0.0, source=probe)


Ping = Callable[..., Awaitable[RedisPing]]


@pytest.fixture
def ping(monkeypatch: pytest.MonkeyPatch) -> Ping:
    """Ping a port of this machine, with the URL that the backend's revision holds."""

    async def ask(
        port: int, url: str = f"redis://:{QUOTED}@10.107.0.3:6379/0", ca_file: Path | None = None
    ) -> RedisPing:
        async def held(_: Any) -> Secret:
            return Secret("redis-url", url)

        monkeypatch.setattr(redis_ping, "redis_connection_url", held)
        overlay: dict[str, Any] = {"redis": {"host": "127.0.0.1", "port": port}}
        if ca_file is not None:
            overlay["tls"] = {"ca_file": str(ca_file)}
        return await redis_ping.ping(Looking(load("staging", overlay)))

    return ask


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """Port of a real server with a password."""
    directory = tmp_path_factory.mktemp("redis-site")
    bound, reaper = ports.reserve(), Reaper(directory)
    server = Redis(world.Redis(PASSWORD), directory, reaper, bound)
    try:
        await server.start()
        yield ports.number(bound)
    finally:
        bound.close()
        await asyncio.to_thread(reaper.reap)


@asynccontextmanager
async def impostor(behave: Behave, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Yield the port of a server that behaves as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def answering(answer: bytes) -> Behave:
    """Return a behaviour: give the same answer to every command."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(4096):
            writer.write(answer * said.count(b"*"))

    return behave


async def test_a_healthy_redis_answers(server: int, ping: Ping) -> None:
    """PING is answered with the backend's own password, at the declared address."""
    seen = await ping(server)
    assert (seen.pong, seen.failure, seen.address) == (True, None, f"127.0.0.1:{server}")
    assert seen.seconds > 0


@pytest.mark.parametrize("url", ["redis://:wrong-one@x:1/0", "redis://x:1/0"], ids=["wrong", "none"])
async def test_a_refused_password_is_told_apart(server: int, ping: Ping, url: str) -> None:
    """A wrong password and none at all are both Redis's refusal, and never printed."""
    seen = await ping(server, url)
    assert (seen.pong, seen.failure) == (False, "auth")
    assert "wrong-one" not in seen.model_dump_json()


async def test_a_closed_port_refuses(ping: Ping) -> None:
    """Nothing listening is `refused`."""
    with ports.reserve() as closed:
        seen = await ping(ports.number(closed))
    assert seen.failure == "refused"


async def test_a_silent_server_is_cut_at_the_limit(ping: Ping, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts and never answers is `stalled`."""
    monkeypatch.setattr(redis_ping, "PING_MAX_S", 0.3)
    with ports.reserve() as silent:
        silent.listen()
        seen = await ping(ports.number(silent))
    assert seen.failure == "stalled"


async def test_a_cut_connection_is_told_apart(ping: Ping) -> None:
    """A connection that is closed instead of answered is `cut`."""

    async def cut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with impostor(cut) as port:
        seen = await ping(port)
    assert seen.failure == "cut"


async def test_a_loading_redis_is_told_apart(ping: Ping) -> None:
    """A Redis that answers with an error of its own is there, and says what."""
    async with impostor(answering(b"-LOADING Redis is loading the dataset in memory\r\n")) as port:
        seen = await ping(port, "redis://x:1/0")
    assert seen.failure == "rejected"
    assert "loading" in seen.detail.lower()


async def test_rediss_is_verified(ping: Ping, tmp_path: Path) -> None:
    """`rediss://` speaks TLS, trusts the profile's authority, and tells an expired certificate and no TLS apart."""
    certificates, url = Certificates(tmp_path, []), "rediss://x:1/0"
    pong = answering(b"+PONG\r\n")
    async with impostor(pong, certificates.context()) as port:
        assert (await ping(port, url, certificates.ca_file)).pong
    async with impostor(pong, certificates.context("expired")) as port:
        expired = await ping(port, url, certificates.ca_file)
    async with impostor(pong, certificates.context("other-host")) as port:
        other = await ping(port, url, certificates.ca_file)
    async with impostor(pong) as port:
        plain = await ping(port, url, certificates.ca_file)
    assert [expired.failure, other.failure, plain.failure] == ["bad-certificate", "bad-certificate", "tls-refused"]
    assert "expired" in expired.detail


async def test_a_private_redis_is_no_failure_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """From outside the VPC the declared private address blocks, and nothing waits for it."""

    async def held(_: Any) -> Secret:
        return Secret("redis-url", "redis://x:1/0")

    async def no_way(*_: object) -> None:
        raise Blocked(Why(reason=Reason.NO_ROUTE, detail="private"))

    monkeypatch.setattr(redis_ping, "redis_connection_url", held)
    monkeypatch.setattr(redis_ping, "require_way", no_way)
    with pytest.raises(Blocked):
        await redis_ping.ping(Looking(load("staging")))
