"""Plan 3.1, 3.2 and success metrics: the chat's socket, who may open it, and the events of a real run on it."""

import pytest

from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.chat import ChatRun, SocketRefusals
from fixtures.evidence.run_order import disorder, early
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase3, pytest.mark.websocket]


def _run(chat_run: Attempt[ChatRun]) -> ChatRun:
    """Return the run, if the socket was open to it.

    Raises:
        Blocked: it was not.
    """
    if not chat_run.value.opened:
        detail = f"the socket did not open ({chat_run.value.failure}), so nothing was asked"
        raise Blocked(Why(reason=Reason.DEPENDENCY, detail=detail, looked_at=chat_run.value.url, criterion="WS-OPEN"))
    return chat_run.value


@pytest.mark.criterion("WS-OPEN", section="3.1", severity="critical", needs=["HLT-BACKEND", "GP-LOGIN"])
def test_socket_opens(chat_run: Attempt[ChatRun], expect: Expect) -> None:
    """The socket opens with a valid token, and greets."""
    seen = chat_run.value
    for said in (seen.detail, seen.control):
        if said:
            expect.note(said)
    expect.value(seen.failure, f"socket {seen.url}").is_none("opens with a valid token")
    if seen.opened:
        expect(chat_run, "greeting", "its first word").equals("a greeting", symptom="no-greeting")
    if seen.as_us is False:
        expect.note("it greets another user than the token's: tokens are ignored here, see WS-REJECT")


@pytest.mark.criterion("WS-REJECT", section="3.2", severity="critical", needs=["HLT-BACKEND"])
def test_socket_refuses_strangers(socket_refusals: Attempt[SocketRefusals], expect: Expect) -> None:
    """The socket refuses a missing, an expired, a forged and an unsigned token."""
    for kind, knock in socket_refusals.value.knocks.items():
        expect(knock, "outcome", f"a token that is {kind}").equals("refused", symptom=f"{kind}-accepted")
        if knock.blocked is None and knock.value.refused:
            expect.note(f"{kind}: {knock.value.how}")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "agent_started",
            marks=pytest.mark.criterion("WS-STARTED", section="metrics", severity="critical", needs=["WS-OPEN"]),
        ),
        pytest.param(
            "agent_thinking",
            marks=pytest.mark.criterion("WS-THINKING", section="metrics", severity="critical", needs=["WS-OPEN"]),
        ),
        pytest.param(
            "tool_executing",
            marks=pytest.mark.criterion("WS-TOOL-EXEC", section="metrics", severity="critical", needs=["WS-OPEN"]),
        ),
        pytest.param(
            "tool_completed",
            marks=pytest.mark.criterion("WS-TOOL-DONE", section="metrics", severity="critical", needs=["WS-OPEN"]),
        ),
        pytest.param(
            "agent_completed",
            marks=pytest.mark.criterion("WS-COMPLETED", section="metrics", severity="critical", needs=["WS-OPEN"]),
        ),
    ],
)
def test_event_arrives(name: str, chat_run: Attempt[ChatRun], lock: Locked, expect: Expect) -> None:
    """Each of the five business-critical events arrives on our own run, with its fields."""
    run = _run(chat_run)
    event = run.event(name)
    if event is None:
        absent = run.ending if run.ending not in ("completed", "unfinished") else "missing"
        expect.note(run.ending_detail or f"{len(run.events)} events of our run arrived, and {run.foreign} of others")
        expect.value(absent, name).is_none("arrives")
        return
    fields = getattr(lock.chat.events, name)
    held = tuple(field for field in fields.value if set(field.split("|")) & set(event.fields))
    expect.note(f"after {event.at_s:.3f} s")
    expect.value(held, f"fields of {name}").equals(fields, symptom="fields-missing")


def _events(chat_run: Attempt[ChatRun]) -> ChatRun:
    """Return the run, if it said anything.

    Raises:
        Blocked: it did not.
    """
    run = _run(chat_run)
    if not run.events:
        detail = f"no event of our run arrived ({run.ending}), so there is no order in them"
        raise Blocked(Why(reason=Reason.DEPENDENCY, detail=detail, looked_at=run.url, criterion="WS-STARTED"))
    return run


@pytest.mark.criterion(
    "WS-ORDER",
    section="metrics",
    severity="critical",
    needs=["WS-STARTED", "WS-THINKING", "WS-TOOL-EXEC", "WS-TOOL-DONE", "WS-COMPLETED"],
)
def test_events_are_in_order(chat_run: Attempt[ChatRun], expect: Expect) -> None:
    """The events come in a legal order: started first, completed last, each tool executing before it is completed."""
    run = _events(chat_run)
    expect.note(", ".join(f"{event.name} {event.at_s:.3f} s" for event in run.events))
    broken = disorder(run.events)
    if broken is not None:
        expect.note(broken.detail)
    expect.value(broken.kind if broken is not None else None, "order of the events").is_none("legal")


@pytest.mark.criterion("WS-LIVE", section="3.2", severity="major", needs=["WS-ORDER"])
def test_progress_is_told_while_it_happens(chat_run: Attempt[ChatRun], lock: Locked, expect: Expect) -> None:
    """Progress is told in real time, not in one burst at the end of the run."""
    run = _events(chat_run)
    share = early(run.events, lock.chat.tail.value)
    expect.note(f"{', '.join(f'{event.at_s:.3f} s' for event in run.events)} after the question")
    if share is None:
        detail = "only one event of our run arrived, so nothing can be said of the time between them"
        raise Blocked(Why(reason=Reason.DEPENDENCY, detail=detail, looked_at=run.url, criterion="WS-COMPLETED"))
    told = expect.value(share, "events before the answer that come before the run's end", unit="share")
    told.at_least(lock.chat.early_progress, symptom="burst")
