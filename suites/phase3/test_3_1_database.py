"""Plan 3.1 and success metrics: real database sessions, and the backend's own view of its database."""

from collections.abc import Sequence
from statistics import median

import pytest

from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.health import Call
from fixtures.evidence.sessions import Phases, Session, Sessions
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase3, pytest.mark.database]

OK = 200
PHASES = tuple(Phases.model_fields)


def _sample(session: Session) -> str:
    failed = "" if session.opened else f"failed ({session.failed_phase}) after "
    return f"{failed}{session.connect_s:.3f} s"


def _medians(sessions: Sequence[Session]) -> str:
    """Say how long each phase took; a phase that no session went through has no time."""
    times = {name: [seconds for one in sessions if (seconds := dict(one.phases)[name]) is not None] for name in PHASES}
    return ", ".join(f"{name.removesuffix('_s')} {median(all_):.3f} s" for name, all_ in times.items() if all_)


@pytest.mark.criterion(
    "DB-CONNECT", section="metrics", severity="critical", needs=["SQL-STATE", "VPC-STATE"], vantage="vpc"
)
def test_every_session_opens_in_time(sessions: Attempt[Sessions], lock: Locked, expect: Expect) -> None:
    """Every one of several fresh sessions opens within the limit."""
    seen = sessions.value.sessions
    failed = [session for session in seen if not session.opened]
    expect.note("sessions: " + ", ".join(_sample(session) for session in seen))
    if sessions.value.prepared_s is not None:
        expect.note(f"Google's connector had address and certificate after {sessions.value.prepared_s:.3f} s")
    for detail in dict.fromkeys(session.detail for session in failed):
        expect.note(detail)
    label = f"{len(failed)} of {len(seen)} sessions to {sessions.value.address}"
    worst = failed[0] if failed else None
    told = expect.value(worst.failure if worst else None, label)
    told.is_none("every session opens", symptom=worst.symptom if worst else None)
    opened = [session for session in seen if session.opened]
    expect.note(f"medians of the phases: {_medians(opened or seen)}")
    if not opened:
        return
    times = [session.connect_s for session in opened]
    expect.note(f"min {min(times):.3f} s, median {median(times):.3f} s, max {max(times):.3f} s")
    slowest = max(opened, key=lambda session: session.connect_s)
    time = expect.value(slowest.connect_s, f"slowest of {len(opened)} sessions", unit="seconds")
    time.below(lock.limits.connect_max, symptom=slowest.slow_symptom)
    time.below(lock.limits.connect_critical, warning=True, symptom=slowest.slow_symptom)
    time.below(lock.limits.connect_warning, warning=True, symptom=slowest.slow_symptom)


@pytest.mark.criterion("DB-QUERY", section="3.1", severity="critical", needs=["DB-CONNECT"], vantage="vpc")
def test_every_session_answers(sessions: Attempt[Sessions], expect: Expect) -> None:
    """A read-only transaction answers on each session."""
    opened = [session for session in sessions.value.sessions if session.opened]
    if not opened:
        detail = "no session opened, so none could be asked"
        raise Blocked(Why(reason=Reason.DEPENDENCY, detail=detail, criterion="DB-CONNECT"))
    silent = [session for session in opened if not session.answered]
    label = f"{len(silent)} of {len(opened)} sessions"
    for detail in dict.fromkeys(session.detail for session in silent):
        expect.note(detail)
    expect.value(silent[0].failure if silent else None, label).is_none("each answers SELECT 1")


@pytest.mark.criterion("DB-BACKEND", section="3.1", severity="critical", needs=["DB-CONNECT"])
def test_backend_sees_its_database(readiness: Attempt[Call], expect: Expect) -> None:
    """The backend's own view of its database is healthy."""
    expect(readiness, "failure", "the readiness call").is_none("answers")
    if readiness.blocked is None and readiness.value.failure is None:
        call = readiness.value
        said = call.said("detail") or call.said("message")
        if said is not None:
            expect.note(f"it says: {said}")
        expect.value(call.status, "HTTP status of readiness").equals(OK, symptom=f"status-{call.status}")
        if call.status == OK:
            expect.value(call.said("core_db"), "core_db").equals("connected", symptom="database-down")
