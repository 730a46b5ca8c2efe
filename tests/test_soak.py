"""A soak against real services with a short rhythm, and as a whole run: held, broken, interrupted."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixtures.engine.runner import Runner
from fixtures.evidence.base import Blocked, Reason, Why
from fixtures.evidence.reach import Control, Controls
from fixtures.evidence.soak import Soak
from fixtures.probes import afresh, health
from fixtures.probes.close_codes import closed
from fixtures.probes.registry import PROBES
from fixtures.profile import load
from fixtures.replica.behaviour import Behaviour
from fixtures.replica.box import Box
from fixtures.replica.faults import FAULTS
from fixtures.replica.world import Denial

sys.path.insert(0, str(Path(__file__).parent))
from contract import OTHERS, rows

ROOT = Path(__file__).parent.parent
QUICK = {"health_every": "150 ms", "session_every": "300 ms", "ping_every": "200 ms", "renew_before": "1 s"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[Box]:
    """Services with their database and Redis, and Secret Manager."""
    box = Box(["google", "postgres", "redis", "services"])
    try:
        await box.start()
        yield box
    finally:
        await box.stop()


@pytest.fixture
def box(started: Box) -> Iterator[Box]:
    """The healthy services; what a test changes in them is taken back."""
    yield started
    healthy = Behaviour()
    for concern in ("chat", "login", "health"):
        vars(getattr(started.world.behaviour, concern)).update(vars(getattr(healthy, concern)))
    started.world.denials.clear()
    started.world.front.mode = "relay"


def begun(box: Box, length: str = "3 s") -> Runner:
    """Return a run of that length in a short rhythm."""
    return Runner(load("replica", {**box.overlay(), "soak": {**QUICK, "length": length}}))


async def soaked(box: Box, length: str = "3 s") -> Soak:
    """Return what a soak saw."""
    seen: Soak = (await begun(box, length).see("soak")).value
    return seen


pytestmark = [pytest.mark.slow]
module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
async def test_everything_is_looked_at_again_and_again(box: Box) -> None:
    """Each thing has many looks, none fails, and the socket is opened once and pinged from then on."""
    seen = await soaked(box)
    assert (seen.held_s, seen.asked_s, seen.failed, seen.blind) == (3.0, 3.0, 0, ())
    assert seen.tracks.keys() == {"backend", "auth", "app", "sessions", "login", "socket"}
    assert all(track.count >= 3 for name, track in seen.tracks.items() if name != "login")
    assert len(seen.tracks["backend"].intervals) > 3
    assert "eyJ" not in seen.model_dump_json()


@module_loop
async def test_a_token_is_renewed_before_it_runs_out(box: Box) -> None:
    """With tokens that live 2 s there is a renewal before the end of each, and none is ever out."""
    box.world.behaviour.login.access_lifetime_s = 2.0
    seen = await soaked(box, "6 s")
    assert (seen.tracks["login"].failed, seen.tracks["login"].lapses) == (0, ())
    assert seen.renewals >= 2
    assert seen.lifetime_s == 2.0


@module_loop
async def test_a_token_that_lives_long_is_renewed_once(box: Box) -> None:
    """A token that outlives the soak is renewed all the same, in its middle."""
    assert (await soaked(box)).renewals == 1


@module_loop
async def test_tokens_that_are_not_renewed_show(box: Box) -> None:
    """A refused renewal is a failure, and a new login lets the rest go on."""
    box.world.behaviour.login.renews = False
    seen = await soaked(box)
    assert [one.kind for one in seen.tracks["login"].lapses] == ["status-401"]
    assert "Invalid refresh token" in seen.tracks["login"].lapses[0].detail
    assert (seen.renewals, seen.tracks["socket"].failed) == (0, 0)


@module_loop
async def test_a_login_that_fails_is_tried_again(box: Box) -> None:
    """Without a token nothing is asked of the socket, and everything else goes on."""
    box.world.behaviour.login.status = 500
    seen = await soaked(box, "1 s")
    assert {one.kind for one in seen.tracks["login"].lapses} == {"status-500"}
    assert seen.tracks["login"].count > 1
    assert seen.tracks["socket"].count == 0
    assert seen.tracks["backend"].failed == 0


@module_loop
async def test_health_that_comes_and_goes_shows(box: Box) -> None:
    """Every second answer is a 503: each is a lapse of its own, and only of that service."""
    box.world.behaviour.health.flaps_every["backend"] = 2
    seen = await soaked(box, "2 s")
    assert {(one.kind, one.times) for one in seen.tracks["backend"].lapses} == {("status-503", 1)}
    assert len(seen.tracks["backend"].lapses) > 1
    assert seen.failed == seen.tracks["backend"].failed


@module_loop
async def test_a_socket_that_closes_is_opened_again(box: Box) -> None:
    """Each close is a failure with its code, and the socket is held again afterwards."""
    box.world.behaviour.chat.closes_after_s = 0.6
    seen = await soaked(box)
    lapses = seen.tracks["socket"].lapses
    assert len(lapses) > 1
    assert {one.kind for one in lapses} == {"closed-1011"}
    assert seen.tracks["socket"].count > len(lapses)


@module_loop
@pytest.mark.parametrize(
    ("chat", "kind"), [({"handshake_status": 503}, "handshake-503"), ({"greets": False}, "no-greeting")]
)
async def test_a_socket_that_does_not_open_shows(box: Box, chat: dict[str, Any], kind: str) -> None:
    """A refused handshake and a missing greeting are failures."""
    vars(box.world.behaviour.chat).update(chat)
    seen = await soaked(box, "1 s")
    assert {one.kind for one in seen.tracks["socket"].lapses} == {kind}


@module_loop
async def test_sessions_that_are_lost_later_show(box: Box) -> None:
    """Sessions that no longer open are one lapse that stays; those before it are well."""
    at = begun(box)
    answer = asyncio.create_task(at.see("soak"))
    while not (seen := at.so_far("soak")) or seen.value.tracks["sessions"].count < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    box.world.front.mode = "cut"
    sessions = (await answer).value.tracks["sessions"]
    assert [one.kind for one in sessions.lapses] == ["cut"]
    assert 0 < sessions.failed < sessions.count


@module_loop
async def test_it_can_be_followed(box: Box) -> None:
    """While it runs it tells how far it is, and gives what it has seen; afterwards there is nothing to follow."""
    at = begun(box, "2 s")
    assert at.so_far("soak") is None
    answer = asyncio.create_task(at.see("soak"))
    while "soak" not in at.told() or "slowest" not in at.told()["soak"]:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert " of 2 s, 0 failures, slowest " in at.told()["soak"]
    partial = at.so_far("soak")
    assert partial is not None
    assert 0 < partial.value.held_s < 2.0
    assert PROBES["soak"].decode(partial.model_dump_json()) == partial
    assert (await answer).value.held_s == 2.0
    assert (at.told(), at.so_far("soak")) == ({}, None)


@module_loop
async def test_what_cannot_be_looked_at_at_all_ends_it_at_once(box: Box) -> None:
    """Half an hour without the secret would prove nothing, so it is not begun."""
    box.world.denials.append(Denial("permission", "secretmanager."))
    why = (await begun(box, "30 min").see("soak")).blocked
    assert why is not None
    assert why.reason is Reason.PERMISSION_DENIED


@module_loop
async def test_our_own_silence_in_between_is_no_failure(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """What we could not look at for a while is a blind stretch, and nothing fails for it."""
    calls, call = 0, health.call

    async def sometimes(at: Any, url: str) -> Any:
        nonlocal calls
        calls += 1
        if 6 < calls < 12:
            raise Blocked(Why(reason=Reason.NO_ROUTE, detail="nothing at all answers from here"))
        return await call(at, url)

    monkeypatch.setattr(health, "call", sometimes)
    seen = await soaked(box, "2 s")
    assert seen.failed == 0
    assert {gap.why.reason for gap in seen.blind} == {Reason.NO_ROUTE}
    assert all(0 < gap.from_s <= gap.until_s < 2.0 for gap in seen.blind)


@module_loop
async def test_controls_are_of_this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke off while nothing else answers is ours; a minute later, when something does, it is not."""
    answers = False

    async def read(_: Any) -> Controls:
        one = Control(host="x", port=443, resolved=None, answered=answers, seconds=0.0, detail="said")
        return Controls(controls=(one,))

    monkeypatch.setattr(afresh, "read_controls", read)
    at = afresh.Afresh(Runner(load("staging")))
    for failure in ("stalled", closed(None).kind):
        answers = False
        with pytest.raises(Blocked, match="nothing at all answers from here"):
            await afresh.exclude_ourselves(at, "https://backend.example", failure)
        answers = True
        await afresh.exclude_ourselves(at, "https://backend.example", failure)
    answers = False
    await afresh.exclude_ourselves(at, "https://backend.example", "status-503")
    await afresh.exclude_ourselves(at, "https://127.0.0.1:8443", "stalled")


# ---- whole runs


def test_the_criterion_is_as_the_contract_says(pytester: pytest.Pytester) -> None:
    """SOAK has the contract's section, severity and dependencies, and is left out of a plain run."""
    options = ("--list-criteria", "--target", "replica", "-p", "no:cacheprovider")
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "soak", *options], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert listed[:3] == ["SOAK", f"§{rows(OTHERS)['SOAK'][0]}", rows(OTHERS)["SOAK"][1]]
    assert [fault.id for fault in FAULTS.values() if fault.turns == {"SOAK": "fail"}]


def laid_out(pytester: pytest.Pytester) -> list[str]:
    """Make a folder with the soak alone and a replica in a short rhythm; return the command that runs it."""
    pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.pytest]")[1].split("\n[tool.")[0]
    pytester.makepyprojecttoml(f"[tool.pytest]{settings}".replace('["."]', f'["{ROOT}"]'))
    (pytester.path / "suites").mkdir(exist_ok=True)
    shutil.copy(ROOT / "suites" / "soak" / "test_soak.py", pytester.path / "suites")
    rhythm = "\n".join(f'{name} = "{value}"' for name, value in QUICK.items())
    (pytester.path / "quick.toml").write_text(f'extends = "replica"\n[soak]\n{rhythm}\n', encoding="utf-8")
    return [sys.executable, "-m", "pytest", "-m", "soak", "--target", str(pytester.path / "quick.toml")]


def verdict(pytester: pytest.Pytester) -> dict[str, Any]:
    """Return the verdict.json of the latest run."""
    path = pytester.path / "reports" / "latest" / "verdict.json"
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return written


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_short_soak_is_clear_and_says_that_it_was_short(pytester: pytest.Pytester, workers: list[str]) -> None:
    """A soak of a few seconds holds; the verdict names the length that was asked for and the plan's own."""
    result = pytester.run(*laid_out(pytester), "--soak-minutes", "0.05", *workers)
    assert result.ret == 0
    written = verdict(pytester)
    assert written["verdict"] == "ALL CLEAR"
    assert written["headline"].endswith("SOAK: 3 s asked, 30 min is the plan's")


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf", ""])
def test_a_wrong_length_is_one_line(pytester: pytest.Pytester, text: str) -> None:
    """A length that is none is a usage error in words."""
    result = pytester.run(*laid_out(pytester), f"--soak-minutes={text}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--soak-minutes {text}: give a number of minutes above zero*"])


def interrupted(pytester: pytest.Pytester, number: int, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Interrupt a soak once it has told how far it is; return exit code, output and verdict."""
    out = pytester.path / "out.txt"
    with out.open("w", encoding="utf-8") as stream:
        run = subprocess.Popen([*laid_out(pytester), *options], stdout=stream, stderr=stream, cwd=pytester.path)
        try:
            until = time.monotonic() + 60
            while "soak: " not in out.read_text(encoding="utf-8") and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(2)
            os.kill(run.pid, number)
            code = run.wait(timeout=60)
        finally:
            run.kill()
    return code, out.read_text(encoding="utf-8"), verdict(pytester)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_soak_says_how_long_it_held(pytester: pytest.Pytester, number: int) -> None:
    """It is not proven, exits as an interrupted run, and keeps what it has seen: in the terminal and in every file."""
    code, output, written = interrupted(pytester, number)
    (soak,) = written["criteria"]
    assert (code, written["exit_code"], written["verdict"], soak["outcome"]) == (2, 2, "CUT SHORT", "blocked")
    sentence = soak["blocked"][0]["detail"]
    assert sentence.startswith("held for ")
    assert sentence.endswith(" of 30 min, with no failure until then: the run was interrupted")
    assert sentence in " ".join(output.split())
    assert sentence in (pytester.path / "reports" / "latest" / "report.html").read_text(encoding="utf-8")
    health_calls = next(one for one in soak["comparisons"] if one["subject"].startswith("health calls"))
    assert int(health_calls["observed"].split()[2]) > 5
    lines = (pytester.path / "reports" / "latest" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    (result,) = [line for line in map(json.loads, lines) if line["event"] == "result"]
    assert result["evidence"]["soak"]["tracks"]["backend"]["count"] > 5


def test_an_interrupted_soak_that_has_seen_a_failure_fails(pytester: pytest.Pytester) -> None:
    """What was seen before the interruption counts, and how long it held is said beside it."""
    code, output, written = interrupted(pytester, signal.SIGINT, "--fault", "health-flaps")
    (soak,) = written["criteria"]
    assert (code, soak["outcome"], written["causes"][0]["criterion"]) == (2, "fail", "SOAK")
    assert any(note.startswith("held for ") for note in soak["notes"])
    assert "held for" in output
    assert soak["hints"][0]["id"] == "health-comes-and-goes"


WAITS = """
import time
import pytest

@pytest.mark.soak
@pytest.mark.criterion("A-WAITS", section="-", severity="critical")
def test_waits():
    '''It is waited for.'''
    time.sleep(60)
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_soak_that_was_not_waited_for_yet_says_how_far_it_was(pytester: pytest.Pytester, workers: list[str]) -> None:
    """Interrupted while another test has its turn, or in another process, SOAK has not run, and still says how far."""
    (pytester.path / "suites").mkdir()
    (pytester.path / "suites" / "test_a.py").write_text(WAITS, encoding="utf-8")
    code, _, written = interrupted(pytester, signal.SIGINT, *workers)
    detail = next(one for one in written["criteria"] if one["id"] == "SOAK")["blocked"][0]["detail"]
    assert code == 2
    assert detail.startswith("not run: the run was interrupted; until then: ")
    assert " of 30 min, 0 failures, slowest " in detail
