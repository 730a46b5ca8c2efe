"""The engine: each probe once, every waiter answered, whatever happens to probe or process."""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fixtures.engine import runner as runner_module
from fixtures.engine.client import Client, Engine, EngineDied
from fixtures.engine.runner import Runner
from fixtures.evidence.base import Blocked, Evidence, Reason, Why
from fixtures.probes.registry import PROBES, Probe
from fixtures.profile import load


class Seen(Evidence):
    """Evidence of these tests."""

    calls: int


def probe(function: Any, deadline_s: float = 5.0) -> Probe:
    """Return a probe that runs a function of this module."""

    class Stub(Probe):
        def load(self) -> Any:
            return function

    values = vars(PROBES["vantage"]) | {"name": "stub", "evidence": Seen, "deadline_s": lambda _: deadline_s}
    return Stub(**values)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a runner whose only probe is the given one."""

    def make(stub: Probe) -> Runner:
        monkeypatch.setattr(runner_module, "PROBES", {"stub": stub})
        return Runner(load("staging"))

    return make


@pytest.mark.asyncio
async def test_a_probe_runs_once_however_many_wait(run: Any) -> None:
    """Twenty waiters share one run of a probe."""
    calls = 0

    async def count(_: Any) -> Seen:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return Seen(calls=calls)

    runner = run(probe(count))
    answers = await asyncio.gather(*(runner.see("stub") for _ in range(20)))
    assert {answer.value.calls for answer in answers} == {1}


@pytest.mark.asyncio
async def test_a_started_probe_survives_the_garbage_collector(run: Any) -> None:
    """A probe that nobody awaits yet is not collected while it runs."""

    async def slow(_: Any) -> Seen:
        await asyncio.sleep(0.05)
        return Seen(calls=1)

    runner = run(probe(slow))
    runner.start("stub")
    for _ in range(5):
        await asyncio.sleep(0.005)
        gc.collect()
    assert (await runner.see("stub")).value.calls == 1


@pytest.mark.asyncio
async def test_one_impatient_waiter_does_not_cancel_the_others(run: Any) -> None:
    """A waiter that gives up leaves the probe running."""

    async def slow(_: Any) -> Seen:
        await asyncio.sleep(0.05)
        return Seen(calls=1)

    runner = run(probe(slow))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(runner.see("stub"), 0.005)
    assert (await runner.see("stub")).value.calls == 1


@pytest.mark.asyncio
async def test_a_probe_that_hangs_is_ended_at_its_deadline(run: Any) -> None:
    """A probe that never comes back is our error, not the target's."""

    async def hang(_: Any) -> Seen:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    answer = await run(probe(hang, deadline_s=0.02)).see("stub")
    assert answer.blocked.reason is Reason.SUITE_ERROR
    assert "did not come back within its 0.02 s" in answer.blocked.detail


@pytest.mark.asyncio
async def test_a_probe_that_crashes_says_where(run: Any) -> None:
    """A crashed probe is our error, and its last frames are kept."""

    async def crash(_: Any) -> Seen:
        raise ZeroDivisionError("canary")

    answer = await run(probe(crash)).see("stub")
    assert answer.blocked.reason is Reason.SUITE_ERROR
    assert "ZeroDivisionError: canary" in answer.blocked.detail


@pytest.mark.asyncio
async def test_a_blocked_probe_keeps_its_reason(run: Any) -> None:
    """What a probe says of itself reaches the waiter unchanged."""
    why = Why(reason=Reason.DNS, detail="no such host")

    async def blocked(_: Any) -> Seen:
        raise Blocked(why)

    assert (await run(probe(blocked)).see("stub")).blocked == why


@pytest.mark.asyncio
async def test_what_is_awaited_is_known(run: Any) -> None:
    """A running probe is listed as awaited, and a finished one is not."""

    async def slow(_: Any) -> Seen:
        await asyncio.sleep(0.02)
        return Seen(calls=1)

    runner = run(probe(slow))
    assert runner.awaited() == {}
    runner.start("stub")
    assert list(runner.awaited()) == ["stub"]
    await runner.see("stub")
    assert runner.awaited() == {}


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A real engine process, ended after the test."""
    started = Engine("staging", None, ())
    yield started
    started.stop()


@pytest.mark.slow
def test_an_engine_answers_over_its_socket(engine: Engine) -> None:
    """A real engine process runs a probe that needs no network and hands out typed evidence."""
    client = engine.client()
    client.start(["vantage"])
    assert client.see("vantage").value.label
    assert client.awaited() == {}


@pytest.mark.slow
def test_a_killed_engine_reaches_every_waiting_test(engine: Engine) -> None:
    """When the engine is killed, whoever asks hears so, at once and as the suite's own error."""
    client = engine.client()
    os.kill(engine.pid, signal.SIGKILL)
    engine._process.wait()
    answer = client.see("vantage")
    assert answer.blocked is not None
    assert answer.blocked.reason is Reason.SUITE_ERROR
    assert "engine process" in answer.blocked.detail
    with pytest.raises(EngineDied):
        client.start(["vantage"])


@pytest.mark.slow
def test_a_stranger_is_not_answered(engine: Engine) -> None:
    """A connection without the engine's token gets nothing."""
    stranger = Client(replace(engine.client().address, token="guess"))
    with pytest.raises(EngineDied):
        stranger.awaited()
