"""The runs that are kept: what a killed one leaves is rebuilt, two are compared, all are listed, old ones go."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.recording import NAME, read
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import DISCLAIMER
from plugins.runs import said
from plugins.runs.compare import changes
from plugins.runs.history import history, strangers, surplus
from plugins.runs.stored import Compared, Entry, Said, Target, Unseen, runs

ROOT = Path(__file__).parent.parent
SILENT = ("-m", "phase1", "--target", "replica", "--fault", "gcp-all-silent")
"""Google does not answer, so the run waits for many criteria when the first have been judged."""


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "plugins.runs", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def begun(reports: Path, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a run; return its process and directory once it has judged something."""
    words = [sys.executable, "-m", "pytest", f"--reports={reports}", "-p", "no:cacheprovider", *SILENT, *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    process = subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for record in reports.glob("*-replica/results.jsonl"):
            if b'"event": "result"' in record.read_bytes():
                return process, record.parent
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the run judged nothing")


def finished(directory: Path) -> dict[str, str]:
    """Return the outcomes that a run's own record holds."""
    lines = (directory / "results.jsonl").read_bytes().split(b"\n")[:-1]
    events = [json.loads(line) for line in lines]
    return {event["criterion"]["id"]: event["outcome"] for event in events if event["event"] == "result"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_killed_run_is_rebuilt(tmp_path: Path, workers: list[str]) -> None:
    """After kill -9, all reports can be made; each says that the run was cut short, and what was judged is kept."""
    process, directory = begun(tmp_path, *workers)
    process.kill()
    process.wait()
    assert not (directory / "verdict.json").exists()
    record = (directory / "results.jsonl").read_bytes()
    judged = finished(directory)
    done = command("rebuild", str(directory))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CUT SHORT  the run was killed: ")
    assert "the run itself had said" not in done.stdout
    verdict = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    assert (verdict["verdict"], verdict["exit_code"], verdict["ended_by"]) == ("CUT SHORT", 2, "the run was killed")
    outcomes = {one["id"]: one["outcome"] for one in verdict["criteria"]}
    assert judged.items() <= outcomes.items()
    assert set(outcomes) == set(read(str(directory)).header.selected)
    assert "blocked" in {outcomes[id] for id in outcomes.keys() - judged.keys()}
    for name in ("report.html", "junit.xml"):
        text = (directory / name).read_text(encoding="utf-8")
        assert "the run was killed" in text, name
        assert DISCLAIMER in text, name
    assert (directory / "results.jsonl").read_bytes() == record
    assert [path.name for path in directory.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_run_that_is_told_to_end_loses_nothing(tmp_path: Path, workers: list[str], number: int) -> None:
    """Ctrl-C, SIGTERM and SIGHUP leave every report and a sealed recording, which is judged as cut short again."""
    process, directory = begun(tmp_path, *workers)
    process.send_signal(number)
    assert process.wait(timeout=120) == pytest.ExitCode.INTERRUPTED
    assert {"report.html", "junit.xml", "verdict.json"} <= {path.name for path in directory.iterdir()}
    recording = read(str(directory))
    assert recording.end is not None
    assert recording.ended_by == "the run was interrupted"
    assert recording.end.exit_code == 2
    done = command("rebuild", str(directory))
    assert done.returncode == 2
    assert "came to its end" in done.stderr


@pytest.mark.slow
def test_there_is_nothing_to_rebuild_from(tmp_path: Path) -> None:
    """A directory without a recording is named, without a traceback."""
    done = command("rebuild", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"python -m plugins.runs: nothing to rebuild from: {tmp_path / NAME}: No such file")


def compared(observed: str, expected: str = "READY", **rest: Any) -> Compared:
    """Return a comparison of the connector's state, or of another subject."""
    values = {"subject": "state", "key": "lock.connector.state", "holds": observed == expected, "warning": False}
    return Compared(observed=observed, expected=expected, **(values | rest))


def entry(id: str, outcome: str, *comparisons: Compared, by: str | None = None, why: str = "") -> Entry:
    """Return a criterion of a verdict."""
    return Entry(
        id=id,
        outcome=Outcome(outcome),
        severity=Severity.CRITICAL,
        comparisons=comparisons,
        blocked=(Unseen(reason=why),) if why else (),
        explained_by=by,
    )


def verdict(*entries: Entry, word: str = "ALL CLEAR", **rest: Any) -> Said:
    """Return a verdict of the replica."""
    values = {
        "disclaimer": DISCLAIMER,
        "exit_code": 0,
        "ended_by": None,
        "started_at": datetime(2025, 9, 15, tzinfo=UTC),
    }
    target = Target(name="replica", title="the embedded replica")
    return Said(schema_version=1, verdict=word, target=target, criteria=entries, **(values | rest))


BROKEN = verdict(
    entry("VPC-STATE", "fail", compared("ERROR")),
    entry("SQL-DIRECT", "blocked", by="VPC-STATE", why="dependency"),
    entry("VPC-CIDR", "pass", compared("10.8.0.0/28", "10.8.0.0/28", subject="range", key="lock.connector.range")),
    word="NOT CLEAR",
    exit_code=1,
)
MENDED = verdict(
    entry("VPC-STATE", "pass", compared("READY")),
    entry("SQL-DIRECT", "pass", compared("none", "none", subject="session", key=None)),
    entry("VPC-CIDR", "pass", compared("10.8.0.0/28", "10.8.0.0/28", subject="range", key="lock.connector.range")),
)


def test_what_moved_is_said_under_what_moved_it() -> None:
    """A criterion that another one explained is told under it; what is the same is not told."""
    lines = list(said.difference(BROKEN, MENDED))
    assert "VPC-STATE  fail -> pass" in lines
    assert lines.index("    with it, blocked (dependency) -> pass: SQL-DIRECT") > lines.index(
        "    state: ERROR -> READY"
    )
    assert "VPC-CIDR" not in "\n".join(lines)
    assert lines[-1] == "2 of 3 criteria moved, 0 more have other values"
    assert said.differs(BROKEN, MENDED)
    assert DISCLAIMER in "\n".join(lines)
    assert max(len(line) for line in lines) < 80


def test_the_same_is_the_same() -> None:
    """A verdict compared with itself has no difference."""
    assert not said.differs(BROKEN, BROKEN)
    assert list(said.difference(BROKEN, BROKEN))[-1] == "0 of 3 criteria moved, 0 more have other values"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (compared("0.2 s", "< 10 s", holds=True), compared("0.9 s", "< 10 s", holds=True), False),
        (compared("0.2 s", "< 10 s", holds=True), compared("11 s", "< 10 s", holds=False), True),
        (compared("75 s", "75 s"), compared("60 s", "60 s"), True),
        (compared("20", "< 80", holds=True), compared("79", "< 80", holds=True), True),
        (compared("4711", key="redis.port", expected="4711"), compared("815", key="redis.port", expected="815"), False),
        (compared("Hello there", "set", holds=True), compared("Good morning", "set", holds=True), False),
        (compared("healthy", "set", holds=True), compared("unhealthy", "set", holds=True), True),
        (compared("ERROR"), compared("DELETING"), True),
    ],
    ids=["time-in-limit", "time-past-limit", "a-setting", "a-count", "an-address", "a-text", "a-word", "both-fail"],
)
def test_noise_is_no_difference(before: Compared, after: Compared, told: bool) -> None:
    """Times within their limits and what each run declares for itself are no difference; any other value is one."""
    found = changes(verdict(entry("A", "pass", before)), verdict(entry("A", "pass", after)))
    assert bool(found) is told


def kept(reports: Path, when: datetime, *entries: Entry, replay: bool = False, target: str = "staging") -> Path:
    """Keep a run, or without entries what is left of a killed one."""
    directory = reports / f"{when:%Y%m%dT%H%M%SZ}-{target}"
    directory.mkdir(parents=True)
    first = {"event": "run", "target": target, "replay": {"of": "x"} if replay else None}
    (directory / "results.jsonl").write_text(json.dumps(first) + "\n", encoding="utf-8")
    if entries:
        text = verdict(*entries).model_dump_json()
        (directory / "verdict.json").write_text(text, encoding="utf-8")
    return directory


DAY = datetime(2025, 9, 15, 9, tzinfo=UTC)


def course(reports: Path, *outcomes: str) -> None:
    """Keep a run a day with these outcomes of one criterion."""
    for number, outcome in enumerate(outcomes):
        kept(reports, DAY + timedelta(days=number), entry("A", outcome), entry("B", "pass"))


@pytest.mark.parametrize(
    ("outcomes", "flaps", "held"),
    [
        (["pass", "fail"], False, 0),
        (["pass", "fail", "warn"], True, 2),
        (["pass", "blocked", "pass"], False, 2),
        (["fail", "blocked", "n/a"], False, None),
    ],
)
def test_the_course_of_a_criterion(tmp_path: Path, outcomes: list[str], flaps: bool, held: int | None) -> None:
    """When a criterion last held is told, and whether it came and went; what was not observed says neither."""
    course(tmp_path, *outcomes)
    found = history(runs(tmp_path))["staging"].courses["A"]
    assert found.flaps is flaps
    assert found.held_at == (None if held is None else DAY + timedelta(days=held))


def test_replays_and_strangers_are_no_history(tmp_path: Path) -> None:
    """A replay says nothing new; a killed run is listed without a verdict; other folders are passed over."""
    course(tmp_path, "pass")
    kept(tmp_path, DAY + timedelta(days=2), entry("A", "fail"), replay=True)
    kept(tmp_path, DAY + timedelta(days=3))
    (tmp_path / "notes").mkdir()
    (tmp_path / "20250916T090000Z-mine").mkdir()
    of = history(runs(tmp_path))["staging"]
    assert (len(of.runs), of.courses["A"].outcome) == (2, Outcome.PASS)
    lines = list(said.listing("staging", of, every=False))
    assert any("no verdict: killed, or still running" in line for line in lines)
    assert lines[-1] == "  2 held whenever they were last observed"


@pytest.mark.slow
def test_pruning_is_explicit(tmp_path: Path) -> None:
    """Nothing goes without --yes; then only runs of ours, never the latest, and none with a file of someone else."""
    course(tmp_path, "pass", "pass", "pass", "pass", "pass")
    oldest, noted, latest, *_ = [run.directory for run in runs(tmp_path)]
    (noted / "notes.txt").write_text("what we did", encoding="utf-8")
    (tmp_path / "latest").symlink_to(latest.name)
    (tmp_path / "mine").mkdir()
    before = sorted(tmp_path.iterdir())
    shown = command("prune", "--keep", "2", f"--reports={tmp_path}")
    assert sorted(tmp_path.iterdir()) == before
    assert f"delete  {oldest.name}" in shown.stdout
    assert "notes.txt" in shown.stdout
    assert "would be deleted; --yes deletes them" in shown.stdout
    assert command("prune", "--keep", "2", "--yes", f"--reports={tmp_path}").returncode == 0
    assert set(before) - set(tmp_path.iterdir()) == {oldest}
    assert command("prune", f"--reports={tmp_path}").returncode == 2
    assert command("prune", "--keep", "0", f"--reports={tmp_path}").returncode == 2


def test_what_may_still_run_is_not_surplus(tmp_path: Path) -> None:
    """A run without a verdict is left for a day, and a file of someone else is told apart from ours."""
    going = kept(tmp_path, DAY)
    found = runs(tmp_path)
    assert surplus(found, None, 0.1, now=DAY + timedelta(hours=12)) == []
    assert surplus(found, None, 0.1, now=DAY + timedelta(days=2)) == found
    (going / "report.html").touch()
    assert strangers(found[0]) == []
    (going / "shot.png").touch()
    assert strangers(found[0]) == ["shot.png"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "nowhere", "README.md"], "nowhere: No such file or directory"),
        (["compare", "README.md", "README.md"], "README.md: no verdict.json that this allclear reads"),
        (["list", "--reports=nowhere"], "nowhere: no such folder of reports"),
    ],
)
def test_a_users_mistake_is_one_line(words: list[str], message: str) -> None:
    """What cannot be read is named in one line; the exit code is neither that of the same nor of a difference."""
    done = command(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
