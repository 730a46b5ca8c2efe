"""What the criteria of the golden path, of the logs and of the alerts say of made-up evidence."""

from datetime import UTC, datetime
from typing import Any

import pytest

import suites.phase3.test_3_1_logs as logs
import suites.phase3.test_3_2_golden_path as path
import suites.phase3.test_3_3_monitoring as monitoring
from fixtures.evidence.alerts import AlertHandler, AlertPolicies, Fired, Level
from fixtures.evidence.base import Attempt, Blocked, Reason
from fixtures.evidence.chat import Agreement, Asset, Browsed, ChatPage, ChatRun, Exchange, Login, Opinion
from fixtures.evidence.logs import Logs, Quote, Signature, Window
from fixtures.expect import Comparison, Expect, Judgement, Locked
from fixtures.profile import load

PROFILE = load("staging")
LOCK = Locked(PROFILE.lock, "lock")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def saw(evidence: Any) -> Attempt[Any]:
    """Return a probe's answer."""
    return Attempt(evidence=evidence, started_at=AT, seconds=1.0, source="a test")


def judged(criterion: Any, evidence: Any, *more: Any) -> Judgement:
    """Return what a criterion makes of its evidence."""
    expect = Expect()
    criterion(saw(evidence), *more, expect)
    return expect.judgement


def said(comparisons: list[Comparison]) -> list[tuple[str, str]]:
    """Return symptom and subject of what does not hold."""
    return [(one.symptom, one.subject) for one in comparisons]


def answer(status: int = 200, **more: Any) -> Exchange:
    """Return one exchange."""
    return Exchange(what="GET x", status=status, seconds=0.1, **more)


# ---- the golden path


def login(**more: Any) -> Login:
    """Return a login whose token everybody accepts."""
    good = {"method": "password", "credentials": "a file", "login": answer(), "token": True, "auth": answer()}
    good |= {"backend": answer(), "at_auth": True, "at_backend": True, "lifetime_s": 60.0, "told_lifetime_s": 60.0}
    return Login(**{**good, **more})


SIMULATED = "the simulated login asks no database: that users can log in with a password is not shown by it"
AUTH, BACKEND = "the token at auth", "the token at the backend"


@pytest.mark.parametrize(
    ("more", "violated", "compared", "notes"),
    [
        ({}, [], 5, []),
        ({"method": "e2e-key"}, [], 5, [SIMULATED]),
        ({"login": answer(401, detail="no", control="c")}, [("status-401", "GET x")], 1, ["GET x: no", "GET x: c"]),
        ({"token": False}, [("no-token", "in the answer")], 5, []),
        ({"auth": None}, [], 2, []),
        ({"backend": None}, [], 2, []),
        ({"told_lifetime_s": 90.0}, [], 5, ["the token lives 60.0 s by its claims and 90.0 s by the answer"]),
        ({"auth": answer(500)}, [("status-500", "GET x")], 4, []),
        ({"at_auth": False}, [("auth-refuses", AUTH)], 5, []),
        ({"at_backend": False}, [("backend-refuses", BACKEND)], 5, []),
        ({"at_backend": False, "backend": answer(401)}, [("backend-refuses", BACKEND)], 5, []),
        ({"at_backend": None}, [("no-verdict", BACKEND)], 6, []),
        ({"at_backend": None, "backend": answer(500)}, [("status-500", "GET x")], 5, []),
    ],
)
def test_login(more: dict[str, Any], violated: list[tuple[str, str]], compared: int, notes: list[str]) -> None:
    """A login answers with a token that auth and backend accept; what stops on the way is not judged further."""
    judgement = judged(path.test_user_logs_in, login(**more))
    assert said(judgement.violations) == violated
    assert judgement.notes == ["credentials from a file", *notes]
    assert len(judgement.comparisons) == compared


YES, NO = Opinion(at_auth=True, at_backend=True), Opinion(at_auth=False, at_backend=False)


@pytest.mark.parametrize(
    ("more", "violated", "compared"),
    [
        ({}, [], 7),
        (
            {"ours": NO},
            [("auth-refuses", "our token at auth"), ("backend-refuses", "our token at the backend")],
            7,
        ),
        (
            {"forged": YES},
            [("forged-accepted", "a forged token at auth"), ("forged-accepted", "a forged token at the backend")],
            7,
        ),
        (
            {"logged_out": YES},
            [
                ("logout-unheeded", "our token after its logout at auth"),
                ("logout-unheeded", "our token after its logout at the backend"),
            ],
            7,
        ),
        ({"logout": answer(500), "logged_out": YES}, [("status-500", "GET x")], 5),
    ],
)
def test_agreement(more: dict[str, Any], violated: list[tuple[str, str]], compared: int) -> None:
    """Both accept ours, refuse the forged one, and refuse ours after a logout that went well."""
    good = {"ours": YES, "forged": NO, "logout": answer(), "logged_out": NO}
    judgement = judged(path.test_auth_and_backend_agree, Agreement(**{**good, **more}))
    assert said(judgement.violations) == violated
    assert len(judgement.comparisons) == compared


GOOD = Asset(url="/a.js", kind="script")
BAD = tuple(Asset(url=f"/{n}.js", kind="script", problem=f"status-{n}") for n in (404, 500))
SERVED = "scripts and styles that the page names"


@pytest.mark.parametrize(
    ("more", "violated", "compared", "note"),
    [
        ({}, [], 4, "no browser"),
        ({"assets": (GOOD, GOOD)}, [], 4, "no browser"),
        ({"page": answer(500)}, [("status-500", "GET x")], 1, None),
        ({"html": False}, [("no-page", "the body")], 2, None),
        ({"assets": ()}, [("no-assets", SERVED)], 4, "no browser"),
        ({"assets": (GOOD, BAD[0])}, [("asset-missing", "1 of 2 scripts and styles")], 4, "no browser"),
        ({"assets": BAD}, [("asset-missing", "2 of 2 scripts and styles")], 4, "no browser"),
        ({"browsed": Browsed(browser="C")}, [], 6, "also loaded in a real browser, C"),
        (
            {"browsed": Browsed(browser="C", problem="hang")},
            [("not-loaded", "the page in a browser")],
            6,
            "also loaded in a real browser, C",
        ),
        (
            {"browsed": Browsed(browser="C", errors=("oops",))},
            [("browser-errors", "errors of the page in a browser")],
            6,
            "also loaded in a real browser, C",
        ),
    ],
)
def test_page(more: dict[str, Any], violated: list[tuple[str, str]], compared: int, note: str | None) -> None:
    """The page is one, names assets that are all served, and loads in a browser, where there is one."""
    good = {"page": answer(), "html": True, "assets": (GOOD,), "browser_note": "no browser"}
    judgement = judged(path.test_chat_page_loads, ChatPage(**{**good, **more}))
    assert said(judgement.violations) == violated
    assert len(judgement.comparisons) == compared
    assert judgement.notes[-1:] == ([note] if note else [])
    broken = [one for one in judgement.violations if one.symptom == "asset-missing"]
    assert [one.observed for one in broken] == ["status-404"] * len(broken)


def run(**more: Any) -> ChatRun:
    """Return a run with a good answer."""
    good = {"url": "wss://x.test", "opened": True, "thread": answer(), "ending": "completed", "answer": "42"}
    return ChatRun(**{**good, "answered_s": 1.0, "found": ("42",), "wanted": ("42",), **more})


@pytest.mark.parametrize(
    ("more", "violated", "compared"),
    [
        ({}, [], 4),
        ({"thread": None}, [], 3),
        ({"thread": answer(500)}, [("status-500", "GET x")], 4),
        ({"answer": None}, [("missing", "the answer")], 2),
        ({"answer": None, "ending": None}, [("missing", "the answer")], 2),
        ({"answer": None, "ending": "silence"}, [("silence", "the answer")], 2),
        ({"answer": "  "}, [("empty", "the answer")], 2),
        ({"canned": "sorry"}, [("canned", "a canned or fallback text in it")], 4),
        ({"found": ()}, [("unrelated", "what only an answer to this question holds")], 4),
    ],
)
def test_reply(more: dict[str, Any], violated: list[tuple[str, str]], compared: int) -> None:
    """An answer arrives, is not empty, not canned, and belongs to the question."""
    judgement = judged(path.test_answer_is_meaningful, run(**more))
    assert said(judgement.violations) == violated
    assert len(judgement.comparisons) == compared


@pytest.mark.parametrize(
    ("more", "violated"),
    [
        ({"answered_s": 29.999}, []),
        ({"answered_s": 30.0}, [("slow", "time to the complete answer")]),
        ({"answered_s": None, "ending": "silence"}, [("silence", "the answer")]),
    ],
)
def test_latency(more: dict[str, Any], violated: list[tuple[str, str]]) -> None:
    """The answer is complete in less than the limit, or it did not come."""
    judgement = judged(path.test_answer_is_in_time, run(**more), LOCK)
    assert said(judgement.violations) == violated
    assert len(judgement.comparisons) == 1


def test_a_closed_socket_blocks_the_answer() -> None:
    """Where the socket did not open nothing was asked."""
    with pytest.raises(Blocked) as caught:
        judged(path.test_answer_is_meaningful, run(opened=False))
    assert (caught.value.why.reason, caught.value.why.criterion) == (Reason.DEPENDENCY, "WS-OPEN")


# ---- the logs


def quote(**more: Any) -> Quote:
    """Return an entry."""
    return Quote(**{"at": AT, "service": "s", "revision": "s-1", "severity": "ERROR", "text": "t", **more})


def log(*, newest_at: datetime | None = AT, **more: Any) -> Logs:
    """Return a window in which nothing was found."""
    windows = {
        key: Window(service=one.name, since=AT, reason="r", newest_at=newest_at) for key, one in PROFILE.services
    }
    none = {"critical": {}, "unsigned": {}, "noise": {}, "signatures": {}}
    return Logs(windows=windows, until=AT, read=0, without_severity=0, without_payload=0, **none | more)


def sign(**more: Any) -> Signature:
    """Return a signature that was seen."""
    seen = {"count": 2, "services": ("s",), "first_at": AT, "last": quote(), "points_to": "p"}
    return Signature(**{**seen, **more})


NAME = PROFILE.services.backend.name


@pytest.mark.parametrize(
    ("more", "violated", "warned"),
    [
        ({}, [], []),
        ({"critical": {"backend": 1}}, [("critical-signatures", f"CRITICAL entries of {NAME}")], []),
        (
            {"critical": {"backend": 1}, "unsigned": {"backend": 1}},
            [("critical-entries", f"CRITICAL entries of {NAME}")],
            [],
        ),
    ],
)
def test_critical(more: dict[str, Any], violated: list[Any], warned: list[Any]) -> None:
    """A single critical entry violates, by whether it is known."""
    judgement = judged(logs.test_nothing_critical_was_logged, log(**more), PROFILE)
    assert (said(judgement.violations), said(judgement.warnings), judgement.blocked) == (violated, warned, [])
    assert len(judgement.comparisons) == 5


@pytest.mark.parametrize("criterion", [logs.test_nothing_critical_was_logged, logs.test_outage_is_not_in_the_log])
def test_untold_entries_and_gaps(criterion: Any) -> None:
    """One untold entry warns; a window not read whole and a silent service block, each in its own words."""
    more = PROFILE if criterion is logs.test_nothing_critical_was_logged else LOCK
    field = "without_payload"
    untold = Logs(**{**dict(log()), field: 1})
    judgement = judged(criterion, untold, more)
    assert ([one.symptom for one in judgement.warnings], judgement.violations) == (["without-payload"], [])
    assert [why.detail for why in judged(criterion, log(unread="cut off"), more).blocked] == ["cut off"]
    silent = judged(criterion, log(newest_at=None), more).blocked
    assert len(silent) == 3
    assert all("holds no entry at all" in why.detail and why.reason is Reason.UNKNOWABLE for why in silent)


def test_quotes_are_shown() -> None:
    """A quote shows its severity, or that it has none."""
    notes = judged(
        logs.test_nothing_critical_was_logged, log(quotes=(quote(), quote(severity=None, text=""))), PROFILE
    ).notes
    assert "2026-01-02 03:04:05Z s ERROR: t" in notes
    assert "2026-01-02 03:04:05Z s no severity: no payload" in notes


@pytest.mark.parametrize(
    ("more", "violated", "numbers"),
    [
        ({}, ["x"], 0),
        ({"setting": "connection_timeout"}, ["x"], 0),
        ({"seconds": (8.0,)}, ["x"], 0),
        ({"setting": "connection_timeout", "seconds": (35.0,)}, ["x"], 0),
        ({"setting": "connection_timeout", "seconds": (35.0, 8.0)}, ["x"], 1),
        ({"setting": "connection_timeout", "seconds": (34.9,)}, ["x-regressed", "x-regressed"], 0),
        ({"setting": "connection_timeout", "seconds": (8.0, 35.0, 9.0)}, ["x-regressed", "x-regressed"], 1),
    ],
)
def test_signatures(more: dict[str, Any], violated: list[str], numbers: int) -> None:
    """A signature violates; where its newest number is below the lock's, the setting has regressed."""
    judgement = judged(logs.test_outage_is_not_in_the_log, log(signatures={"x": sign(**more)}), LOCK)
    assert [one.symptom for one in judgement.violations] == violated
    assert len([note for note in judgement.notes if "the newest first" in note]) == numbers
    assert len(judgement.comparisons) == len(violated) + 1


def test_consequences_are_noted() -> None:
    """What follows from another line is noted only; without any line that is a comparison of its own."""
    both = log(signatures={"x": sign(), "y": sign(consequence=True)})
    judgement = judged(logs.test_outage_is_not_in_the_log, both, LOCK)
    assert [one.symptom for one in judgement.violations] == ["x"]
    assert [note for note in judgement.notes if "consequence" in note] == ["in consequence: y, 2 entries"]
    none = judged(logs.test_outage_is_not_in_the_log, log(), LOCK)
    assert [one.subject for one in none.comparisons][:1] == ["lines by which the outage is known"]
    assert (len(none.comparisons), none.violations) == (2, [])


# ---- the alerts


def level(seconds: float, **more: Any) -> Level:
    """Return a condition."""
    return Level(**{"policy": "p", "seconds": seconds, "comparison": ">", "duration_s": 0, "channels": ("c",), **more})


@pytest.mark.parametrize(
    ("levels", "more", "violated", "blocked", "compared"),
    [
        ((level(20.0), level(25.0)), {}, [], 0, 4),
        ((level(20.0), level(25.0)), {"not_understood": ("odd",)}, [], 0, 4),
        ((level(20.0), level(25.0, flaw="disabled")), {}, ["disabled"], 0, 4),
        ((level(20.0),), {}, ["missing"], 0, 3),
        ((level(20.0),), {"not_understood": ("odd",)}, [], 1, 2),
        ((), {"channels_unseen": "denied"}, ["missing", "missing"], 0, 2),
        ((level(20.0), level(30.0)), {}, ["above"], 0, 4),
    ],
)
def test_policies(
    levels: tuple[Level, ...], more: dict[str, Any], violated: list[str], blocked: int, compared: int
) -> None:
    """Both levels stand at their values without a flaw; what was not understood blocks only what is not there."""
    seen = AlertPolicies(metrics=("m",), policies=1, levels=levels, **more)
    judgement = judged(monitoring.test_alert_policies_exist, seen, LOCK)
    assert [one.symptom for one in judgement.violations] == violated
    assert (len(judgement.blocked), len(judgement.comparisons)) == (blocked, compared)
    assert any("switched on is not known" in note for note in judgement.notes) is ("channels_unseen" in more)


WARN = Fired(level="warning", silent_until=20.0, fires_from=20.5)
CRIT = Fired(level="critical", silent_until=25.0, fires_from=25.5)
SILENT = ["warning: silent at 20.0 s, fired at 20.5 s", "critical: silent at 25.0 s, fired at 25.5 s"]


@pytest.mark.parametrize(
    ("more", "violated", "warned", "compared", "notes"),
    [
        ({}, [], [], 4, SILENT),
        ({"deadlock": False}, [], [], 5, SILENT),
        ({"deadlock": True}, [], ["deadlock"], 5, SILENT),
        ({"gaps": (30.0,)}, ["gaps"], [], 4, SILENT),
        ({"heard": {"21": "warning"}}, [], [], 4, ["fired: warning at 21 s", *SILENT]),
        ({"failure": "hang", "detail": "d"}, ["hang"], [], 1, ["d"]),
        ({"fired": {"critical": CRIT}}, ["never-fires"], [], 4, SILENT[1:]),
        ({"fired": {"warning": Fired(level="warning"), "critical": CRIT}}, ["never-fires"], [], 4, SILENT[1:]),
        (
            {"fired": {"warning": Fired(level="warning", silent_until=21.0, fires_from=22.0), "critical": CRIT}},
            ["above"],
            [],
            4,
            ["warning: silent at 21.0 s, fired at 22.0 s", SILENT[1]],
        ),
    ],
)
def test_handler(more: dict[str, Any], violated: list[str], warned: list[str], compared: int, notes: list[str]) -> None:
    """Each level fires past its value, there are no gaps, and a handler that never returns warns."""
    good = {"source": "checkout", "where": "w", "environment": "e", "fired": {"warning": WARN, "critical": CRIT}}
    judgement = judged(monitoring.test_alert_handler_fires, AlertHandler(**{**good, **more}), LOCK)
    assert [one.symptom for one in judgement.violations] == violated
    assert [one.symptom for one in judgement.warnings] == warned
    assert (len(judgement.comparisons), judgement.notes) == (compared, notes)
