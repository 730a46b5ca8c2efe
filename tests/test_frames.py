"""Frames of the chat's socket: what they say in each emitter's envelope, and whose they are."""

import json
from typing import Any

import pytest

from fixtures.probes.frames import EVENTS, Frame, Mine, present, read
from fixtures.replica.services.agent import work
from fixtures.replica.services.events import Run, error_message, frame, server_message

RUN = Run(
    "run_1", "thread_1", "user-1", "2 and 3", work("the sum of 2 and 3"), "The sum of 2 and 3 is 5.", "calculator"
)


@pytest.mark.parametrize("envelope", ["bridge", "manager", "handlers"])
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_the_same_in_every_envelope(envelope: Any, event: str) -> None:
    """Name, run, tool and answer of an event are found wherever an emitter puts them."""
    seen = read(json.dumps(frame(envelope, RUN, event, frozenset())))
    assert (seen.kind, seen.name, seen.text("run_id"), seen.text("agent_name")) == (
        "event",
        event,
        "run_1",
        "data_agent",
    )
    assert seen.text("tool_name") == ("calculator" if event.startswith("tool") else None)
    assert (seen.answer == RUN.answer) == (event == "agent_completed")


@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        ({"type": "tool_executing", "data": {}}, "event", "tool_executing"),
        ({"type": "agent_progress", "data": {"event": "agent_thinking"}}, "event", "agent_thinking"),
        ({"type": "agent_progress", "data": {"type": "agent_thinking"}}, "event", "agent_thinking"),
        ({"type": "update", "payload": {"type": "agent_started"}}, "event", "agent_started"),
        ({"type": "connection_established", "data": {"golden_path_events": list(EVENTS)}}, "greeting", None),
        ({"type": "connection_established", "data": {"event": "agent_started"}}, "greeting", None),
        ({"type": "ack", "received_type": "agent_started"}, "ack", None),
        ({"type": "heartbeat", "data": {"connection_id": "x"}}, "heartbeat", None),
        ({"type": "error", "data": {"error_code": "CONNECTION_ERROR"}}, "error", None),
        (error_message("AGENT_REQUEST_ERROR", "no"), "error", "error_message"),
        ({"type": "agent_failed", "data": {"error": "no model"}}, "error", "agent_failed"),
        ({"type": "partial_result"}, "other", "partial_result"),
        ({"type": ["agent_started"]}, "other", ""),
        ({"data": {"event": {"a": 1}}}, "other", ""),
        ([1], "other", ""),
    ],
)
def test_kind_and_name(body: Any, kind: str, name: str | None) -> None:
    """A frame's kind is told by what it is; a greeting that lists the events delivers none."""
    seen = read(json.dumps(body))
    assert seen.kind == kind
    assert name is None or seen.name == name


@pytest.mark.parametrize("text", ["", "{", "null", b"\xff\xfe"])
def test_what_is_no_json_is_of_no_kind(text: Any) -> None:
    """A frame that cannot be read is kept as one of no kind."""
    assert read(text) == Frame("other", "")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (error_message("AUTH_FAILED", "Authentication failed"), "AUTH_FAILED: Authentication failed"),
        ({"type": "error", "data": {"error_code": "X", "message": "lost"}}, "X: lost"),
        ({"type": "agent_error", "data": {"error": "no model"}}, "no model"),
        ({"type": "error"}, "it says nothing more"),
    ],
)
def test_an_error_says_what_it_complains_of(body: Any, complaint: str) -> None:
    """The code and the message of an error are found beside `data` and in it."""
    assert read(json.dumps(body)).complaint == complaint


def test_defaults_and_empty_values_are_no_fields() -> None:
    """What an emitter fills in for want of a value does not count, save an answer that is empty."""
    told = server_message("tool_executing", {"tool_name": "unknown_tool", "parameters": {}, "status": "x", "n": 0})
    held = present(read(json.dumps(told)), ("unknown_tool",))
    assert {"tool_name", "parameters"}.isdisjoint(held)
    assert {"status", "n"} <= set(held)
    assert "result" in present(read('{"type": "agent_completed", "data": {"result": ""}}'), ())


def test_an_answer_that_is_no_text_is_json() -> None:
    """A structured result can be searched like text."""
    assert read('{"type": "agent_completed", "data": {"result": {"value": 6}}}').answer == '{"value": 6}'


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({"run_id": "r1"}, True),
        ({"run_id": "r2"}, False),
        ({"thread_id": "t1", "run_id": "r1"}, True),
        ({"thread_id": "t2", "run_id": "r1"}, False),
        ({"user_id": "u2"}, False),
        ({}, True),
    ],
)
def test_events_of_other_runs_are_not_ours(fields: dict[str, str], *, ours: bool) -> None:
    """Run, thread and user must be ours where a frame names them."""
    assert Mine("t1", "u1", "r1").claims(Frame("event", "agent_thinking", fields)) is ours


def test_the_first_event_names_the_run() -> None:
    """The run's id comes from its first event in our thread; a later event of another run is refused."""
    mine = Mine("t1", None)
    assert not mine.claims(Frame("event", "agent_started", {"run_id": "r9", "thread_id": "t9"}))
    assert mine.claims(Frame("event", "agent_started", {"run_id": "r1", "thread_id": "t1"}))
    assert not mine.claims(Frame("event", "agent_thinking", {"run_id": "r9"}))
