"""The trace of a soak, without a network: what is kept of it, what is failure, and what is ours."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.health import Call
from fixtures.evidence.sessions import Phases, Session
from fixtures.evidence.soak import Blind, Interval, Lapse, Soak, Track
from fixtures.expect import Expect, Judgement, Locked, Unobserved, Violated, conclude
from fixtures.probes.ailments import of_call, of_session
from fixtures.probes.soak_trace import INTERVALS, LAPSES_KEPT, Trace
from fixtures.profile import load
from fixtures.profile.units import spell_length
from suites.soak.test_soak import test_everything_holds as everything_holds

HALF_AN_HOUR_S = 1800.0
OURS = Why(reason=Reason.NO_ROUTE, detail="nothing at all answers from here")


class Clock:
    """A clock that goes as it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time that it was told."""
        return self.now


def begun(asked_s: float = HALF_AN_HOUR_S) -> tuple[Clock, Trace]:
    """Return a trace that has just begun, and its clock."""
    clock = Clock()
    return clock, Trace(asked_s, ("backend", "socket"), clock)


def test_looks_are_summed_minute_by_minute() -> None:
    """Each interval has its own count, least, median and greatest time, whatever interval is still open."""
    clock, trace = begun()
    for at_s, seconds in ((1, 0.1), (20, 0.3), (40, 0.2), (70, 0.5)):
        clock.now = 1000 + at_s
        trace.add("backend", seconds)
    track = trace.so_far().tracks["backend"]
    assert track.intervals == (
        Interval(at_s=0.0, count=3, failed=0, min_s=0.1, median_s=0.2, max_s=0.3),
        Interval(at_s=60.0, count=1, failed=0, min_s=0.5, median_s=0.5, max_s=0.5),
    )
    assert (track.tally, track.slowest_s, track.slowest_at_s) == ("0 of 4 failed", 0.5, 69.5)


def test_every_failure_is_kept_and_those_in_a_row_are_one() -> None:
    """Failures of one kind in a row are one lapse with its count; a success or another kind ends it."""
    clock, trace = begun()
    for at_s, failure in enumerate(("status-503", "status-503", None, "status-503", "slow"), start=1):
        clock.now = 1000 + at_s
        trace.add("backend", 0.5, failure, "not ready")
    track = trace.so_far().tracks["backend"]
    assert [(one.kind, one.times, one.from_s, one.until_s) for one in track.lapses] == [
        ("status-503", 2, 0.5, 2.0),
        ("status-503", 1, 3.5, 4.0),
        ("slow", 1, 4.5, 5.0),
    ]
    assert (track.tally, track.slowest_s) == ("4 of 5 failed", 0.5)


def test_it_stays_small_however_long_it_lasts() -> None:
    """A day of looks of which every second one fails is some tens of kB, and the count stays true."""
    clock, trace = begun(86_400.0)
    for number in range(8640):
        clock.now = 1000 + number * 10
        trace.add("backend", 0.123456, None if number % 2 else "status-503", "Service temporarily unavailable")
    track = trace.so_far().tracks["backend"]
    assert (track.count, track.failed, len(track.intervals)) == (8640, 4320, INTERVALS)
    assert (len(track.lapses), track.more_lapses) == (LAPSES_KEPT, 4320 - LAPSES_KEPT)
    assert len(track.model_dump_json()) < 60_000


def test_half_an_hour_is_some_tens_of_kb() -> None:
    """The plan's own half an hour of everything fits into thirty kB."""
    clock = Clock()
    trace = Trace(HALF_AN_HOUR_S, ("backend", "auth", "app", "sessions", "login", "socket"), clock)
    for number in range(180):
        clock.now = 1000 + number * 10
        for track in ("backend", "auth", "app", "sessions", "login", "socket"):
            trace.add(track, 0.123456)
    assert len(trace.so_far().model_dump_json()) < 30_000


def test_what_we_could_not_look_at_is_one_stretch() -> None:
    """Looks that came to nothing through us are joined, until something was seen again."""
    clock, trace = begun()
    for at_s in (10, 20, 30):
        clock.now = 1000 + at_s
        trace.blind("backend", 3.0, OURS)
    clock.now = 1040
    trace.add("backend", 0.1)
    clock.now = 1050
    trace.blind("backend", 3.0, OURS)
    trace.blind("this machine", 1.0, OURS)
    stretches = [(one.track, one.from_s, one.until_s) for one in trace.so_far().blind]
    assert stretches == [("backend", 7.0, 30.0), ("backend", 47.0, 50.0), ("this machine", 49.0, 50.0)]


def test_it_can_be_read_while_it_grows() -> None:
    """Many threads may add while another one reads, and nothing is lost."""
    trace = Trace(HALF_AN_HOUR_S, ("backend",))

    def fill() -> None:
        for _ in range(500):
            trace.add("backend", 0.001)

    threads = [threading.Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert trace.so_far().tracks["backend"].failed == 0
    assert trace.so_far().tracks["backend"].count == 2000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "0.25 s"), (40.0, "40 s"), (760.0, "12 min 40 s"), (1800.0, "30 min"), (5400.0, "1 h 30 min")],
)
def test_lengths_are_said_as_people_say_them(seconds: float, words: str) -> None:
    """Minutes and hours are named, and what is none of them is left out."""
    assert spell_length(seconds) == words


def test_progress_is_one_line() -> None:
    """How far, how many failures, and the slowest look, wherever it was."""
    clock, trace = begun()
    clock.now = 1760
    trace.add("backend", 0.31)
    trace.add("socket", 2.5)
    trace.add("socket", 9.0, "closed-1011")
    assert trace.so_far().progress == "12 min 40 s of 30 min, 1 failure, slowest 2.50 s (socket)"
    trace.blind("backend", 1.0, OURS)
    assert trace.so_far().progress.endswith("not all could be looked at")


SERVICES = load("staging").services


def call(**values: Any) -> Call:
    """Return the backend's healthy answer, changed."""
    body = {"service": SERVICES.backend.identifies_as, "status": "healthy"}
    return Call(**{"url": "https://x/health", "status": 200, "seconds": 0.1, "body": body, **values})


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (call(), None),
        (call(failure="timeout", status=None), "timeout"),
        (call(status=503), "status-503"),
        (call(status=301), "status-301"),
        (call(seconds=10.0), "slow"),
        (call(body={"service": "frontend", "status": "healthy"}), "other-service"),
        (call(body=None, html=True), "other-service"),
        (call(body={"service": SERVICES.backend.identifies_as, "status": "degraded"}), "unhealthy"),
    ],
)
def test_a_health_call_fails_as_its_own_criterion_would(answer: Call, failure: str | None) -> None:
    """No answer, another status, a slow one, another service and an unhealthy one are failures."""
    assert of_call(answer, SERVICES.backend, 10.0) == failure


def test_the_app_is_healthy_as_a_page() -> None:
    """What has no name to give must answer with a page."""
    assert of_call(call(html=True), SERVICES.app, 10.0) is None
    assert of_call(call(), SERVICES.app, 10.0) == "other-service"


@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ({}, None),
        ({"opened": False, "answered": False, "failure": "refused", "failed_phase": "tcp"}, "refused"),
        ({"connect_s": 35.0, "phases": Phases(tcp_s=34.0)}, "slow-tcp"),
        ({"answered": False, "failure": "query-slow", "failed_phase": "query"}, "query-slow"),
    ],
)
def test_a_session_fails_as_its_own_criteria_would(values: dict[str, Any], failure: str | None) -> None:
    """What does not open, opens too late, or does not answer is a failure."""
    good = {"opened": True, "answered": True, "connect_s": 0.1, "phases": Phases(tcp_s=0.1)}
    assert of_session(Session(**{**good, **values}), 35.0) == failure


# ---- the criterion

WELL = {name: Track(count=180, slowest_s=0.2, slowest_at_s=60.0) for name in ("backend", "sessions", "login", "socket")}


def judged(length: str | None = None, **values: Any) -> Judgement:
    """Return what SOAK makes of a soak."""
    began = datetime(2025, 9, 16, 12, 0, tzinfo=UTC)
    whole = {"began_at": began, "asked_s": HALF_AN_HOUR_S, "held_s": HALF_AN_HOUR_S, "tracks": WELL, "renewals": 2}
    attempt = Attempt(
        evidence=Soak(**{**whole, **values}), started_at=began - timedelta(seconds=2), seconds=1802.0, source="a test"
    )
    profile, expect = load("staging", {"soak": {"length": length}} if length else None), Expect()
    everything_holds(attempt, profile, Locked(profile.lock, "lock"), Locked(profile, ""), expect)
    return expect.judgement


def test_half_an_hour_without_a_failure_holds() -> None:
    """All of it held for as long as the plan asks, and the report shows how much was looked at."""
    judgement = judged()
    conclude(judgement, advisory=False)
    shown = {one.subject: (one.observed, one.key) for one in judgement.comparisons}
    assert shown["held for"] == ("1800 s", "lock.limits.soak")
    assert shown["health calls of netra-backend-staging"] == ("0 of 180 failed", None)
    assert (judgement.reservations, judgement.warnings) == ([], [])


def test_a_short_soak_says_so() -> None:
    """Where less than the plan's was asked for, it holds with a reservation that names both."""
    judgement = judged("60 s", asked_s=60.0, held_s=60.0)
    conclude(judgement, advisory=False)
    assert judgement.reservations == ["1 min asked, 30 min is the plan's"]
    assert judgement.comparisons[0].key == "soak.length"


def test_a_soak_that_was_cut_short_is_not_proven() -> None:
    """Without a failure it is blocked, and the sentence says how long it held."""
    with pytest.raises(Unobserved, match="held for 12 min 40 s of 30 min, with no failure until then: the run was"):
        conclude(judged(held_s=760.0), advisory=False)


def test_a_failure_outweighs_that_it_was_cut_short() -> None:
    """A failure that was seen fails, with its count, its kind and its time of day."""
    lapse = Lapse(from_s=61.0, until_s=81.0, times=3, kind="status-503", detail="not ready")
    judgement = judged(held_s=760.0, tracks={**WELL, "backend": Track(count=76, failed=3, lapses=(lapse,))})
    with pytest.raises(Violated, match="3 of 76 failed, expected 0 of 76 failed"):
        conclude(judgement, advisory=False)
    assert "backend: status-503 3 times from 12:01:01Z to 12:01:21Z (not ready)" in judgement.notes
    assert judgement.violations[0].symptom == "health-lapses"
    assert judgement.notes[0] == "held for 12 min 40 s of 30 min, with 3 failures until then"


def test_a_gap_in_the_trace_is_not_proven() -> None:
    """What could not be looked at for a while blocks, and says when that was."""
    gap = Blind(track="backend", from_s=180.0, until_s=300.0, why=OURS)
    with pytest.raises(Unobserved, match="could not look at backend from 12:03:00Z to 12:05:00Z: nothing at all"):
        conclude(judged(blind=(gap,)), advisory=False)


def test_what_was_never_looked_at_is_not_proven() -> None:
    """A thing without a single look blocks."""
    with pytest.raises(Unobserved, match="socket was not looked at once"):
        conclude(judged(tracks={**WELL, "socket": Track()}), advisory=False)


@pytest.mark.parametrize(("seconds", "warned"), [(19.0, 0), (22.0, 1), (27.0, 2)])
def test_slow_sessions_warn_at_the_alert_levels(seconds: float, warned: int) -> None:
    """A session inside the limit and past an alert level warns."""
    judgement = judged(tracks={**WELL, "sessions": Track(count=60, slowest_s=seconds, slowest_at_s=1.0)})
    conclude(judgement, advisory=False)
    assert [one.symptom for one in judgement.warnings] == ["sessions-slow"] * warned


def test_many_lapses_are_not_all_told() -> None:
    """The report tells the first of many, and how many more there are."""
    lapses = tuple(Lapse(from_s=n, until_s=n, times=1, kind="slow") for n in range(9))
    track = Track(count=99, failed=29, lapses=lapses, more_lapses=20)
    notes = [note for note in judged(tracks={**WELL, "backend": track}).notes if note.startswith("backend: ")]
    assert len(notes) == 6
    assert notes[-1] == "backend: and 24 more"
