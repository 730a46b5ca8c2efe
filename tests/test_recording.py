"""The file of a recording: what it holds, what it refuses, and that no secret is in it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.vpc import Connector
from fixtures.profile import Declared
from fixtures.profile import read as declare
from fixtures.recording import NAME, Header, Recorder, RecordingError, Replayed, read
from fixtures.secret import Secret

NOW = datetime(2025, 9, 15, tzinfo=UTC)


def seen(state: str) -> Attempt[Any]:
    """Return what was seen of a connector."""
    evidence = Connector(kind="VPC connector", name="c", found=True, state=state)
    return Attempt(evidence=evidence, started_at=NOW, seconds=0.25, source="a test")


def record(directory: Path, *states: str, ends: bool = True) -> Path:
    """Record a run that saw a connector, and return its file."""
    recorder = Recorder(directory / NAME)
    profile = dict(declare("staging").tables)
    recorder.begin(
        Header(
            disclaimer="",
            allclear="0.1.0 (abc)",
            target="staging",
            profile=profile,
            options={},
            command="pytest",
            started_at=NOW.isoformat(),
            selected=("VPC-STATE",),
        )
    )
    recorder.lay({"redis": {"port": 1234}})
    for state in states:
        recorder.add("connector", seen(state).model_dump_json())
    if ends:
        recorder.end(0, None, 1.5)
    return directory / NAME


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Answers, overlay, profile and end come back as they were, from the file and from its directory."""
    path = record(tmp_path, "READY")
    for given in (path, tmp_path):
        recording = read(str(given))
        assert recording.attempts == {"connector": seen("READY")}
        assert Declared(path, recording.header.profile, {}).profile(recording.overlay).redis is not None
        assert Declared(path, recording.header.profile, {}).profile() == declare("staging").profile()
        assert (recording.ended_by, recording.header.selected) == (None, ("VPC-STATE",))


def test_the_first_answer_of_a_probe_counts(tmp_path: Path) -> None:
    """A probe is asked once in a run, so what a second criterion was given of it is not written again."""
    path = record(tmp_path, "READY", "ERROR")
    assert read(str(path)).attempts["connector"].value.state == "READY"


def test_a_killed_run_leaves_all_but_the_line_in_flight(tmp_path: Path) -> None:
    """A recording that breaks off, within a line and within a character, holds what came before it."""
    path = record(tmp_path, "READY", ends=False)
    whole = path.read_bytes()
    path.write_bytes(whole + '{"event": "attempt", "probe": "identity", "attempt": "\N{EURO SIGN}'.encode()[:-1])
    recording = read(str(path))
    assert recording.attempts.keys() == {"connector"}
    assert recording.ended_by == "the run was killed"


def test_what_was_not_recorded_is_blocked(tmp_path: Path) -> None:
    """A probe that the recording does not hold is blocked, and the reason names it and what cut the run short."""
    answers = Replayed(read(str(record(tmp_path, ends=False))))
    (why,) = [answers.see("connector").blocked]
    assert why is not None
    assert why.reason is Reason.NOT_RECORDED
    assert "connector" in why.detail
    assert "the run was killed" in why.detail
    assert (answers.awaited(), answers.told(), answers.so_far("connector")) == ({}, {}, None)


def edited(path: Path, line: int, **changes: Any) -> None:
    """Change the values of one line of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | changes)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "changes", "message"),
    [
        (0, {"schema_version": 2}, "a recording of schema version 2, by allclear 0.1.0 (abc); this allclear reads"),
        (0, {"event": "run"}, "not a recording of a run (line 1)"),
        (0, {"selected": []}, "it was changed after it was written, so it proves nothing"),
        (2, {"attempt": seen("ERROR").model_dump(mode="json")}, "it was changed after it was written"),
        (2, {"probe": "conector"}, "line 3: a probe or key that this allclear does not know: 'conector'"),
        (2, {"attempt": {"evidence": {"kind": 7}}}, "line 3: another shape than this allclear reads (evidence"),
        (2, {"event": "recording"}, "line 3: damaged (it stands where it cannot)"),
        (2, {"event": "answer"}, "line 3: damaged (it says 'answer')"),
        (3, {"sha256": "0" * 64}, "it was changed after it was written"),
    ],
)
def test_a_recording_that_is_not_as_written_is_refused(
    tmp_path: Path, line: int, changes: dict[str, Any], message: str
) -> None:
    """Another version, a change, and damage are each refused in one line that names the file."""
    path = record(tmp_path, "READY")
    edited(path, line, **changes)
    with pytest.raises(RecordingError) as refused:
        read(str(path))
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a recording: it is empty"),
        (b'{"event"', "not a recording: it is empty"),
        (b"\xff\xfe\n", "not a recording of a run (line 1)"),
        (b"[]\n", "not a recording of a run (line 1)"),
        (b"{}\n", "not a recording of a run (line 1)"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """A file of anything else is refused in words."""
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=message.replace("(", r"\(").replace(")", r"\)")):
        read(str(path))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing file, and a directory without a recording, are named."""
    for given in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(RecordingError, match="No such file"):
            read(str(given))


def test_a_line_holds_no_secret(tmp_path: Path) -> None:
    """A known secret, and what looks like one, are redacted in evidence, reasons and profile alike."""
    canary = Secret("canary", "correct-horse-battery").reveal()
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5"
    path = tmp_path / NAME
    recorder = Recorder(path)
    recorder.lay({"redis": {"host": canary}})
    why = Why(reason=Reason.DNS, detail=f"{canary} {token}")
    recorder.add("connector", Attempt(blocked=why, started_at=NOW, seconds=0, source=canary).model_dump_json())
    text = path.read_text(encoding="utf-8")
    assert canary not in text
    assert token not in text
    assert text.count("[redacted canary]") == 3
