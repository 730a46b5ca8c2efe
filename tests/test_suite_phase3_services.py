"""What the criteria of health, of the database's sessions and of the chat's socket say of made-up evidence."""

from datetime import UTC, datetime
from typing import Any

import pytest

import suites.phase3.test_3_1_database as database
import suites.phase3.test_3_1_health as health
import suites.phase3.test_3_1_websocket as websocket
from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.chat import ChatRun, Knock, RunEvent, SocketRefusals
from fixtures.evidence.health import Call, Certificate, Certificates, Health
from fixtures.evidence.sessions import Phases, Session, Sessions
from fixtures.expect import Comparison, Expect, Locked
from fixtures.profile import load
from tests.on_evidence import judged

PROFILE = load("staging")
LOCK = Locked(PROFILE.lock, "lock")
NOT_SEEN = Why(reason=Reason.NO_ROUTE, detail="no way there")
DAY = 86400.0


def saw(evidence: Any) -> Attempt[Any]:
    """Return a probe's answer."""
    return Attempt(evidence=evidence, started_at=datetime.now(UTC), seconds=1.0, source="a test")


UNSEEN: Attempt[Any] = Attempt(blocked=NOT_SEEN, started_at=datetime.now(UTC), seconds=1.0, source="a test")


def symptoms(comparisons: list[Comparison]) -> list[str]:
    """Return the symptoms of what does not hold."""
    return [one.symptom for one in comparisons]


def call(status: int | None = 200, seconds: float = 0.1, **more: Any) -> Call:
    """Return one answered call."""
    return Call(url="https://x.test/health", status=status, seconds=seconds, **more)


# ---- health

BACKEND = {"service": "netra-ai-platform", "status": "healthy"}
AUTH = {"service": "auth-service", "status": "healthy"}


@pytest.mark.parametrize(
    ("criterion", "key", "good"),
    [
        (health.test_backend_is_healthy, "backend", {"body": BACKEND}),
        (health.test_auth_is_healthy, "auth", {"body": AUTH}),
        (health.test_app_is_served, "app", {"html": True}),
    ],
    ids=["backend", "auth", "app"],
)
@pytest.mark.parametrize(
    ("change", "violated", "compared"),
    [
        ({}, [], True),
        ({"seconds": 9.999}, [], True),
        ({"seconds": 10.0}, ["slow"], True),
        ({"status": 201}, ["status-201"], False),
        ({"status": 302, "location": "https://y.test"}, ["status-302"], False),
        ({"status": None, "failure": "refused"}, ["refused"], False),
    ],
)
def test_health_answers(
    criterion: Any, key: str, good: dict[str, Any], change: dict[str, Any], violated: list[str], *, compared: bool
) -> None:
    """A service answers 200 in less than the limit; its body is judged only then, and a redirect is noted."""
    seen = saw(Health(calls={key: saw(call(**{**good, **change}))}))
    judgement = judged(criterion, seen, PROFILE, LOCK)
    assert symptoms(judgement.violations) == violated
    in_body = [one for one in judgement.comparisons if "body" in one.subject or "what answers" in one.subject]
    assert bool(in_body) is compared
    assert judgement.notes == ([f"redirects to {change['location']}"] if "location" in change else [])
    assert len(judgement.comparisons) == (1 if "failure" in change else 3 + len(in_body))


@pytest.mark.parametrize(
    "criterion", [health.test_backend_is_healthy, health.test_auth_is_healthy, health.test_app_is_served]
)
def test_health_that_was_not_seen_is_blocked(criterion: Any) -> None:
    """A call that could not be made blocks, and nothing is compared."""
    judgement = judged(criterion, saw(Health(calls=dict.fromkeys(("backend", "auth", "app"), UNSEEN))), PROFILE, LOCK)
    assert (judgement.blocked, judgement.comparisons) == ([NOT_SEEN], [])


@pytest.mark.parametrize(
    ("body", "violated"),
    [
        (AUTH, ["other-service"]),
        ({**BACKEND, "status": "degraded"}, ["unhealthy"]),
        (None, ["other-service", "unhealthy"]),
    ],
)
def test_health_body(body: dict[str, Any] | None, violated: list[str]) -> None:
    """The right service must say that it is healthy."""
    seen = saw(Health(calls={"backend": saw(call(body=body))}))
    assert symptoms(judged(health.test_backend_is_healthy, seen, PROFILE, LOCK).violations) == violated


def test_app_must_be_a_page() -> None:
    """A 200 that is no HTML page is another service."""
    seen = saw(Health(calls={"app": saw(call())}))
    assert symptoms(judged(health.test_app_is_served, seen, PROFILE, LOCK).violations) == ["other-service"]


@pytest.mark.parametrize(("body", "violated"), [({"vpc_connector": {"status": "ok"}}, []), ({}, ["missing"])])
def test_connector_status_is_reported(body: dict[str, Any], violated: list[str]) -> None:
    """The health body says something of the connector, or that is missing."""
    judgement = judged(health.test_health_reports_the_connector, saw(Health(calls={"backend": saw(call(body=body))})))
    assert symptoms(judgement.violations) == violated
    assert len(judgement.comparisons) == 1


@pytest.mark.parametrize(
    ("certificate", "violated", "compared"),
    [
        ({"left_s": 14 * DAY}, [], 2),
        ({"left_s": 20 * DAY}, [], 2),
        ({"left_s": 14 * DAY - 1}, ["expiring"], 2),
        ({"failure": "bad-certificate"}, ["bad-certificate"], 1),
    ],
)
def test_certificates(certificate: dict[str, Any], violated: list[str], compared: int) -> None:
    """A certificate is valid and lasts two weeks; the time of one that is not valid is not asked for."""
    seen = saw(Certificates(certificates={"app": saw(Certificate(host="x.test", **certificate))}))
    judgement = judged(health.test_certificates_last, seen, LOCK)
    assert symptoms(judgement.violations) == violated
    assert len(judgement.comparisons) == compared


def test_a_certificate_that_was_not_seen_blocks() -> None:
    """One host that could not be asked blocks, and the other is judged all the same."""
    seen = saw(Certificates(certificates={"a": UNSEEN, "b": saw(Certificate(host="x.test", left_s=1.0))}))
    judgement = judged(health.test_certificates_last, seen, LOCK)
    assert (judgement.blocked, symptoms(judgement.violations)) == ([NOT_SEEN], ["expiring"])


# ---- database


def session(seconds: float = 1.0, **more: Any) -> Session:
    """Return a session that opened, and answered unless said otherwise."""
    phases = Phases(tls_s=seconds)
    return Session(**{"opened": True, "answered": True, "connect_s": seconds, "phases": phases, **more})


def sessions(*all_: Session) -> Attempt[Sessions]:
    """Return the probe's answer."""
    return saw(Sessions(address="10.1.0.3:5432", user="u", database="d", tls=None, sessions=all_))


@pytest.mark.parametrize(
    ("seconds", "warned", "violated"),
    [
        (19.999, [], []),
        (20.0, ["20 s"], []),
        (25.0, ["25 s", "20 s"], []),
        (35.0, ["25 s", "20 s"], ["35 s"]),
    ],
)
def test_session_limits(seconds: float, warned: list[str], violated: list[str]) -> None:
    """Each limit is one that a session must stay below, the alert levels only warn, and the slowest one counts."""
    judgement = judged(database.test_every_session_opens_in_time, sessions(session(), session(seconds)), LOCK)
    assert [one.expected.removeprefix("< ").replace(".0", "") for one in judgement.warnings] == warned
    assert [one.expected.removeprefix("< ").replace(".0", "") for one in judgement.violations] == violated
    assert [one.subject for one in judgement.comparisons][:1] == ["0 of 2 sessions to 10.1.0.3:5432"]


def test_sessions_are_asked() -> None:
    """Sessions that opened must answer; the first silent one says why not, and each reason is noted once."""
    silent = [session(answered=False, failure=kind, detail=f"it was {kind}") for kind in ("cut", "stalled", "cut")]
    good = judged(database.test_every_session_answers, sessions(session()))
    assert (good.violations, good.notes, len(good.comparisons)) == ([], [], 1)
    bad = judged(database.test_every_session_answers, sessions(session(), *silent))
    assert [(one.symptom, one.subject) for one in bad.violations] == [("cut", "3 of 4 sessions")]
    assert bad.notes == ["it was cut", "it was stalled"]


CONNECTED = {"core_db": "connected"}


@pytest.mark.parametrize(
    ("seen", "violated", "compared", "notes"),
    [
        (call(body=CONNECTED), [], 3, []),
        (call(body={"core_db": "down", "message": "m"}), ["database-down"], 3, ["it says: m"]),
        (call(), ["database-down"], 3, []),
        (call(503, body={"detail": "d", "message": "m"}), ["status-503"], 2, ["it says: d"]),
        (call(503, body={"detail": "d"}), ["status-503"], 2, ["it says: d"]),
        (call(201, body=CONNECTED), ["status-201"], 2, []),
        (call(None, failure="timeout"), ["timeout"], 1, []),
    ],
)
def test_backend_readiness(seen: Call, violated: list[str], compared: int, notes: list[str]) -> None:
    """The backend answers, with 200, that its database is connected; what it says beside is noted."""
    judgement = judged(database.test_backend_sees_its_database, saw(seen))
    assert symptoms(judgement.violations) == violated
    assert (len(judgement.comparisons), judgement.notes) == (compared, notes)


def test_readiness_that_was_not_seen_blocks() -> None:
    """A readiness call that could not be made blocks."""
    judgement = judged(database.test_backend_sees_its_database, UNSEEN)
    assert (judgement.blocked, judgement.comparisons) == ([NOT_SEEN], [])


# ---- the socket


def event(name: str, at_s: float, *fields: str, tool: str | None = None) -> RunEvent:
    """Return an event of our run."""
    return RunEvent(name=name, at_s=at_s, fields=fields, tool=tool)


LEGAL = (
    event("agent_started", 1.0, "run_id", "agent_name"),
    event("agent_thinking", 2.0, "reasoning"),
    event("tool_executing", 3.0, "tool_name", tool="t"),
    event("tool_completed", 9.5, "tool_name", "results", tool="t"),
    event("agent_completed", 10.0, "final_response"),
)


def run(*events: RunEvent, **more: Any) -> Attempt[ChatRun]:
    """Return a run on an open socket."""
    opened = {"url": "wss://x.test/ws", "opened": True, "greeted": True, "ending": "completed", "events": events}
    return saw(ChatRun(**{**opened, **more}))


OTHER = "it greets another user than the token's: tokens are ignored here, see WS-REJECT"


@pytest.mark.parametrize(
    ("more", "violated", "compared", "notes"),
    [
        ({}, [], 2, []),
        ({"as_us": True}, [], 2, []),
        ({"as_us": False}, [], 2, [OTHER]),
        ({"greeted": False, "detail": "d", "control": "c"}, ["no-greeting"], 2, ["d", "c"]),
        ({"opened": False, "failure": "handshake-403", "greeted": False}, ["handshake-403"], 1, []),
    ],
)
def test_socket(more: dict[str, Any], violated: list[str], compared: int, notes: list[str]) -> None:
    """The socket opens and greets; a greeting of somebody else is noted."""
    judgement = judged(websocket.test_socket_opens, run(**more))
    assert symptoms(judgement.violations) == violated
    assert (len(judgement.comparisons), judgement.notes) == (compared, notes)


def test_strangers() -> None:
    """A token that is let in is named, one that is refused is noted, and one that was not tried blocks."""
    knocks = {
        "missing": saw(Knock(refused=True, how="closed 1008")),
        "forged": saw(Knock(refused=False, how="it opened")),
        "expired": UNSEEN,
    }
    judgement = judged(websocket.test_socket_refuses_strangers, saw(SocketRefusals(url="wss://x.test", knocks=knocks)))
    assert [(one.symptom, one.observed) for one in judgement.violations] == [("forged-accepted", "it opened")]
    assert (judgement.blocked, judgement.notes) == ([NOT_SEEN], ["missing: closed 1008"])
    assert len(judgement.comparisons) == 2


@pytest.mark.parametrize(
    ("name", "seen", "violated", "note"),
    [
        ("tool_completed", run(*LEGAL), [], "after 9.500 s"),
        ("agent_started", run(event("agent_started", 1.0, "run_id")), ["fields-missing"], "after 1.000 s"),
        ("agent_started", run(foreign=2), ["missing"], "0 events of our run arrived, and 2 of others"),
        ("agent_started", run(ending="unfinished", ending_detail="d"), ["missing"], "d"),
        ("agent_started", run(ending="silence", ending_detail="d"), ["silence"], "d"),
    ],
)
def test_events(name: str, seen: Attempt[ChatRun], violated: list[str], note: str) -> None:
    """An event arrives with its fields; an absent one says how the run ended."""
    expect = Expect()
    websocket.test_event_arrives(name, seen, LOCK, expect)
    assert symptoms(expect.judgement.violations) == violated
    assert (len(expect.judgement.comparisons), expect.judgement.notes) == (1, [note])


def test_order() -> None:
    """A legal order holds, and of another the broken rule is named and noted."""
    good = judged(websocket.test_events_are_in_order, run(*LEGAL))
    assert (good.violations, len(good.comparisons), len(good.notes)) == ([], 1, 1)
    bad = judged(websocket.test_events_are_in_order, run(*LEGAL[1:]))
    assert symptoms(bad.violations) == ["started-not-first"]
    assert bad.notes[1:] == ["the first event is agent_thinking"]


@pytest.mark.parametrize(
    ("times", "violated"), [((1.0, 9.5, 10.0), []), ((1.0, 2.0, 10.0), []), ((1.0, 9.5, 9.6, 10.0), ["burst"])]
)
def test_progress(times: tuple[float, ...], violated: list[str]) -> None:
    """Half of the events come before the run's end, or more."""
    judgement = judged(websocket.test_progress_is_told_while_it_happens, run(*[event("e", at) for at in times]), LOCK)
    assert symptoms(judgement.violations) == violated
    assert len(judgement.comparisons) == 1


CLOSED = run(opened=False, failure="handshake-403", ending=None)


@pytest.mark.parametrize(
    ("criterion", "evidence", "by"),
    [
        (websocket.test_events_are_in_order, (CLOSED,), "WS-OPEN"),
        (websocket.test_events_are_in_order, (run(),), "WS-STARTED"),
        (websocket.test_progress_is_told_while_it_happens, (run(LEGAL[0]), LOCK), "WS-COMPLETED"),
    ],
)
def test_what_cannot_be_told_of_a_run_blocks(criterion: Any, evidence: tuple[Any, ...], by: str) -> None:
    """Without a socket, an event, or a second one, the criterion that says so is named."""
    with pytest.raises(Blocked) as caught:
        judged(criterion, *evidence)
    assert (caught.value.why.reason, caught.value.why.criterion) == (Reason.DEPENDENCY, by)
