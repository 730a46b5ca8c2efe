"""What the criteria of database sessions say of made-up sessions: whose fault a failure or a slowness is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Blocked, Reason
from fixtures.evidence.cloud_sql import Instance
from fixtures.evidence.sessions import Phases, Session, Sessions
from fixtures.expect import Expect, Judgement, Locked
from fixtures.profile import load
from suites.phase1.test_1_3_cloud_sql import test_direct_session as direct_session
from suites.phase1.test_1_3_cloud_sql import test_instance_is_runnable as instance_is_runnable
from suites.phase3.test_3_1_database import test_every_session_answers as every_session_answers
from suites.phase3.test_3_1_database import test_every_session_opens_in_time as every_session_opens

LOCK = Locked(load("staging").lock, "lock")


def session(**phases: float) -> Session:
    """Return a session that opened and answered, with those seconds in its phases."""
    spent = {"tcp": 0.001, "tls": 0.02, "authentication": 0.03, **phases}
    seconds = {f"{name}_s": value for name, value in spent.items() if value}
    return Session(opened=True, answered=True, connect_s=sum(spent.values()), phases=Phases(**seconds, query_s=0.002))


def failed(failure: str, phase: str, **seconds: float) -> Session:
    """Return a session that did not open."""
    phases = Phases(**{f"{name}_s": value for name, value in seconds.items()})
    detail = f"{failure} in {phase}"
    return Session(
        opened=False, answered=False, connect_s=35, phases=phases, failure=failure, failed_phase=phase, detail=detail
    )


GOOD = session()


def seen(*sessions: Session, **more: Any) -> Attempt[Sessions]:
    """Return the probe's answer."""
    evidence = Sessions(address="10.1.0.3:5432", user="u", database="d", tls=None, sessions=sessions, **more)
    return Attempt(evidence=evidence, started_at=datetime.now(UTC), seconds=1.0, source="a test")


def judged(*sessions: Session, **more: Any) -> Judgement:
    """Return what DB-CONNECT makes of the sessions."""
    expect = Expect()
    every_session_opens(seen(*sessions, **more), LOCK, expect)
    return expect.judgement


def test_sessions_in_time_hold() -> None:
    """Fast sessions hold, every sample, the spread and each phase's median are shown."""
    judgement = judged(*[session(tls=seconds) for seconds in (0.02, 0.03, 0.04, 0.05, 0.06)])
    assert not judgement.violations + judgement.warnings
    assert judgement.notes == [
        "sessions: 0.051 s, 0.061 s, 0.071 s, 0.081 s, 0.091 s",
        "medians of the phases: tcp 0.001 s, tls 0.040 s, authentication 0.030 s, query 0.002 s",
        "min 0.051 s, median 0.071 s, max 0.091 s",
    ]


@pytest.mark.parametrize(
    ("slow", "symptom"),
    [
        ({"name": 22.0}, "slow-name"),
        ({"tcp": 22.0}, "slow-tcp"),
        ({"tls": 22.0}, "slow-tls"),
        ({"authentication": 22.0}, "slow-authentication"),
        ({"tls": 0.0, "authentication": 22.0}, "slow"),
    ],
    ids=["name", "tcp", "tls", "authentication", "behind a proxy"],
)
def test_slowness_is_put_down_to_its_phase(slow: dict[str, float], symptom: str) -> None:
    """One slow session of five warns, with the phase that took longest; where a proxy hides it, with none."""
    judgement = judged(*[GOOD] * 4, session(**slow))
    assert not judgement.violations
    assert [one.symptom for one in judgement.warnings] == [symptom]


@pytest.mark.parametrize(
    ("seconds", "warnings", "violations"), [(19.0, 0, 0), (22.0, 1, 0), (27.0, 2, 0), (36.0, 2, 1)]
)
def test_each_level_is_said(seconds: float, warnings: int, violations: int) -> None:
    """Below both alert levels nothing is said; past each one warning; past the limit it fails."""
    judgement = judged(*[session(tls=seconds)] * 5)
    assert (len(judgement.warnings), len(judgement.violations)) == (warnings, violations)


@pytest.mark.parametrize(
    ("session", "symptom"),
    [
        (failed("stalled", "tls", tcp=0.001, tls=35.0), "stalled"),
        (failed("cut", "tls", tcp=0.001, tls=0.1), "cut"),
        (failed("stalled", "authentication", tcp=0.001, tls=0.02, authentication=34.0), "stalled-authentication"),
        (failed("cut", "authentication", tcp=0.001, tls=0.02, authentication=0.1), "cut-authentication"),
        (failed("stalled", "authentication", tcp=0.001, authentication=34.0), "stalled-behind-proxy"),
        (failed("refused", "tcp"), "refused"),
        (failed("too-many-clients", "authentication", tls=0.02), "too-many-clients"),
        (failed("wrong-password", "authentication", tls=0.02), "wrong-password"),
        (failed("bad-certificate", "tls"), "bad-certificate"),
    ],
)
def test_a_failure_is_put_down_to_whom_it_belongs(session: Session, symptom: str) -> None:
    """One failing session of five fails DB-CONNECT by its symptom, and not SQL-DIRECT; five fail both."""
    assert [one.symptom for one in judged(GOOD, GOOD, session, GOOD, GOOD).violations] == [symptom]
    for sessions, expected in (([GOOD, session], []), ([session] * 5, [symptom])):
        expect = Expect()
        direct_session(seen(*sessions), expect)
        assert [one.symptom for one in expect.judgement.violations] == expected


def test_a_stalled_handshake_shows_where_the_time_went() -> None:
    """When no session opens, the phases of the failed ones are shown."""
    notes = judged(*[failed("stalled", "tls", tcp=0.001, tls=35.0)] * 5).notes
    assert notes[0].startswith("sessions: failed (tls) after 35.000 s, ")
    assert "medians of the phases: tcp 0.001 s, tls 35.000 s" in notes


def test_what_the_connector_asked_google_is_told_apart() -> None:
    """The time that Google's connector took before the sessions is a note of its own."""
    assert "Google's connector had address and certificate after 0.412 s" in judged(GOOD, prepared_s=0.412).notes


def test_no_session_is_no_answer() -> None:
    """Where no session opened, DB-QUERY is blocked by DB-CONNECT, never passed."""
    with pytest.raises(Blocked) as caught:
        every_session_answers(seen(failed("refused", "tcp")), Expect())
    assert (caught.value.why.reason, caught.value.why.criterion) == (Reason.DEPENDENCY, "DB-CONNECT")


@pytest.mark.parametrize(("policy", "symptoms"), [("ALWAYS", []), ("NEVER", ["stopped"])])
def test_a_stopped_instance_is_not_runnable(policy: str, symptoms: list[str]) -> None:
    """RUNNABLE with an activation policy of NEVER is a stopped instance."""
    instance = Instance(kind="Cloud SQL instance", name="db", found=True, state="RUNNABLE", activation_policy=policy)
    expect = Expect()
    answer = Attempt(evidence=instance, started_at=datetime.now(UTC), seconds=1.0, source="a test")
    instance_is_runnable(answer, LOCK, expect)
    assert [one.symptom for one in expect.judgement.violations] == symptoms
