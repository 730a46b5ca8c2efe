"""A run in which every probe that is drawn saw failures, and every word that comes from outside is markup."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.chat import ChatRun, RunEvent
from fixtures.evidence.health import Call, Health
from fixtures.evidence.sessions import Phases, Session, Sessions
from fixtures.evidence.soak import Interval, Lapse, Soak, Track
from plugins.verdict import Verdict
from tests.test_reports import DENIED, compared, hint, result, verdict

EVIL = '<script>window.harmed = 1</script><img src=x onerror="window.harmed = 1"></title></svg><b onclick=1>"\'&'
LONG = "x" * 400
BEGAN = datetime(2025, 9, 16, 9, 15, tzinfo=UTC)


def attempt(seen: Any = None, blocked: Why | None = None, seconds: float = 1.0) -> Attempt[Any]:
    """Return a probe's answer."""
    return Attempt(evidence=seen, blocked=blocked, started_at=BEGAN, seconds=seconds, source=EVIL)


def evidence() -> dict[str, Attempt[Any]]:
    """Return answers of every probe that is drawn, with failures and hostile words in them."""
    failed = Session(
        opened=False, answered=False, connect_s=35.0, phases=Phases(tcp_s=10.0, tls_s=2.0), failure=EVIL, detail=EVIL
    )
    opened = Session(
        opened=True, answered=True, connect_s=22.5, phases=Phases(name_s=1.0, tcp_s=0.2, tls_s=20.0, query_s=0.004)
    )
    sessions = Sessions(address=EVIL, user=EVIL, database=EVIL, tls=None, sessions=(failed, opened) * 3)
    calls = {
        EVIL: attempt(Call(url=EVIL, status=503, seconds=12.0)),
        "auth": attempt(Call(url=EVIL, status=None, seconds=0.001, failure="bad-certificate", detail=EVIL)),
        "app": attempt(blocked=DENIED),
    }
    events = tuple(RunEvent(name=name, at_s=at) for name, at in (("agent_completed", 3.0), ("agent_started", 2.9)))
    run = ChatRun(url=EVIL, opened=True, events=events, answer=EVIL, answered_s=3.0)
    intervals = tuple(
        Interval(at_s=60.0 * n, count=6, failed=n % 7 == 0, **({} if n % 7 == 0 else dict.fromkeys(_TIMES, 0.1 * n)))
        for n in range(30)
    )
    lapse = Lapse(from_s=300, until_s=330, times=3, kind=EVIL, detail=EVIL)
    track = Track(count=180, failed=5, slowest_s=2.9, slowest_at_s=1.0, intervals=intervals, lapses=(lapse,))
    soak = Soak(began_at=BEGAN, asked_s=1800, held_s=1800, tracks={EVIL: track, "sessions": track, "login": Track()})
    late = attempt(soak, seconds=1800).model_copy(update={"started_at": BEGAN + timedelta(seconds=2)})
    return {
        "sessions": attempt(sessions),
        "health": attempt(Health(calls=calls)),
        "chat_run": attempt(run),
        "soak": late,
        "instance": attempt(blocked=DENIED),
    }


_TIMES = ("min_s", "median_s", "max_s")


def hostile() -> Verdict:
    """Return a verdict in which every word that comes from outside is markup, and some have no end."""
    why = Why(reason=Reason.DNS, detail=EVIL + LONG, looked_at=EVIL)
    shown = verdict(
        [
            result("VPC-STATE", "fail", compared(EVIL, LONG), notes=(EVIL,), sources=(EVIL,), probes=("sessions",)),
            result("SQL-DIRECT", "fail", compared(LONG), needs=("VPC-STATE",), probes=("sessions", "health")),
            result("VPC-CAP", "warn", compared(LONG, warning=True)),
            result("VPC-NET", "blocked", blocked=(why,)),
            result("SQL-STATE", "blocked", blocked=(DENIED,)),
            result("ENV-REDIS", "n/a", reason=EVIL),
            result("LOG-CRIT", "pass", compared("0", holds=True)),
        ],
        VPC_STATE=hint(run=f"echo {EVIL} {LONG}"),
        VPC_NET=hint(run=f"echo {LONG}"),
    )
    object.__setattr__(shown, "evidence", evidence())
    return shown
