"""The held socket against servers that misbehave as the whole replica cannot: what ends it, and what is no failure."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from fixtures.probes.chat_socket import Door, Opening
from fixtures.probes.close_codes import Refusal, closed
from fixtures.probes.held_socket import Held, Pace, hold
from fixtures.probes.soak_talk import RAN_OUT_S, _for_its_token
from fixtures.probes.timed_loop import apart
from fixtures.probes.user_login import Pass
from fixtures.secret import Secret

GREETING = json.dumps({"type": "connection_established", "data": {"user_id": "user-1"}})
TOKEN = Secret("access token", "a.b.c", registered=False)


@asynccontextmanager
async def door(behave: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[Door]:
    """Serve a socket that greets and then behaves so."""

    async def greet(connection: ServerConnection) -> None:
        await connection.send(GREETING)
        await behave(connection)

    async with serve(greet, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        yield Door(f"ws://127.0.0.1:{port}/ws", None, "header", 5.0, 5.0)


async def held(behave: Callable[[ServerConnection], Awaitable[None]]) -> tuple[Held, list[float]]:
    """Hold a socket for a second; return how it went, and the times of what went well."""
    times: list[float] = []
    async with door(behave) as where:
        pace = Pace(every_s=0.1, max_s=0.3, hold_s=1.0)
        return await apart(lambda: hold(where, TOKEN, pace, times.append)), times


@pytest.mark.asyncio
async def test_pings_are_counted_beside_the_opening() -> None:
    """A socket that stays open is pinged in its rhythm, whatever else the service says meanwhile."""

    async def chatter(connection: ServerConnection) -> None:
        while True:
            await connection.send(json.dumps({"type": "heartbeat"}))
            await asyncio.sleep(0.01)

    seen, times = await held(chatter)
    assert seen.lost is None
    assert len(times) > 3


@pytest.mark.asyncio
async def test_a_ping_without_an_answer_ends_it() -> None:
    """A service that reads no more is noticed by its silence."""

    async def go_deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await asyncio.sleep(1.5)

    seen, times = await held(go_deaf)
    assert seen.lost is not None
    assert (seen.lost.kind, len(times)) == ("unanswered", 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [1001, 1011, 1012])
async def test_a_close_is_told_with_its_code(code: int) -> None:
    """A socket that is closed says how, with the last complaint before it."""

    async def close(connection: ServerConnection) -> None:
        await connection.send(json.dumps({"type": "error", "code": "INTERNAL", "message": "out of memory"}))
        await connection.close(code, "bye")

    seen, _ = await held(close)
    assert seen.lost is not None
    assert seen.lost.kind == f"closed-{code}"
    assert "bye" in seen.lost.detail
    assert "out of memory" in seen.lost.detail


@pytest.mark.asyncio
async def test_a_connection_that_breaks_has_no_code() -> None:
    """Without a close frame it is the 1006 that clients make of that."""

    async def break_off(connection: ServerConnection) -> None:
        connection.transport.abort()

    seen, _ = await held(break_off)
    assert seen.lost is not None
    assert seen.lost.kind == "closed-1006"


@pytest.mark.parametrize(
    ("lost", "left_s", "excused"),
    [
        (closed(1008), -0.5, True),
        (closed(4401), RAN_OUT_S / 2, True),
        (closed(1008), 60.0, False),
        (closed(1011), -0.5, False),
        (None, -0.5, False),
    ],
)
def test_only_the_end_of_its_token_is_excused(lost: Refusal | None, left_s: float, *, excused: bool) -> None:
    """A close for want of a login is no failure once the token that opened the socket has run out; any other is."""
    granted = Pass(TOKEN, None, None, 900.0, None, time.monotonic() + left_s)
    assert _for_its_token(Held(Opening(), lost), granted) is excused
