"""A replay in whole: a run against the replica, and the same verdict from its recording, offline."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.recording import NAME, read
from fixtures.replica.box import Box
from fixtures.replica.handout import write_target
from plugins.reporting.record import DISCLAIMER
from plugins.runs.history import strangers
from plugins.runs.stored import runs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
INCIDENT = ("--incident", "1278", "--incident-start", "2025-09-15T20:45Z")


def pytest_of_ours(reports: Path, *options: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the suite as a user does, reporting into a directory."""
    command = [sys.executable, "-m", "pytest", f"--reports={reports}", "-p", "no:cacheprovider", *options]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env = inherited | ({} if path is None else {"PATH": path})
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def looked(reports: Path, *options: str) -> tuple[int, Path]:
    """Look at the replica; return the exit code and the run's directory."""
    done = pytest_of_ours(reports, "--target", "replica", *options)
    directory = (reports / "latest").resolve()
    assert (directory / "verdict.json").is_file(), done.stdout + done.stderr
    return done.returncode, directory


def replayed(reports: Path, recording: Path, *options: str) -> tuple[int, Path, str]:
    """Judge a recording again, without a program on the path; return exit code, directory and output."""
    (reports / "empty").mkdir(parents=True)
    done = pytest_of_ours(reports, f"--replay={recording}", *options, path=str(reports / "empty"))
    (verdict,) = reports.glob("*-replay/verdict.json")
    return done.returncode, verdict.parent, done.stdout


def said(directory: Path) -> dict[str, Any]:
    """Return the verdict.json of a run."""
    verdict: dict[str, Any] = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    return verdict


def same(run: Path, replay: Path) -> bool:
    """Whether two verdict.json are the same bytes, save that one says that it is of a replay."""
    assert said(replay)["replay"]["seen_at"] == said(run)["started_at"]
    known = json.dumps(said(replay) | {"replay": None}, indent=2, ensure_ascii=False) + "\n"
    return known.encode() == (run / "verdict.json").read_bytes()


@pytest.mark.parametrize(
    ("options", "again"),
    [
        (["-m", "not soak"], []),
        (["-m", "not soak", "--fault", "connector-in-error"], ["-n", "2"]),
        (["-m", "phase1", "-n", "2", "--fault", "gcp-all-403"], []),
        (["-m", "phase1", "--fault", "initialization-timeout-regressed", *INCIDENT], ["-m", "phase1"]),
        (["-m", "phase3", "--fault", "socket-does-not-greet"], []),
    ],
    ids=["healthy", "connector", "refused", "timeouts", "socket"],
)
def test_a_replay_says_the_same(tmp_path: Path, options: list[str], again: list[str]) -> None:
    """The verdict and the exit code of a replay are those of the run, byte for byte save that it is a replay."""
    code, run = looked(tmp_path / "run", *options)
    code_again, replay, printed = replayed(tmp_path / "again", run / NAME, *again)
    assert code_again == code
    assert same(run, replay)
    lines = printed.strip().splitlines()
    assert lines[0] == DISCLAIMER
    assert lines[1].startswith("REPLAY: judged again at ")
    assert sum(line.startswith("REPLAY: ") for line in lines) == 2
    assert (run / NAME).stat().st_size < 200_000
    assert not (replay / NAME).exists()


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a healthy run of phase 1."""
    return looked(tmp_path_factory.mktemp("healthy"), "-m", "phase1")[1]


def test_a_part_is_judged_as_in_the_whole(healthy: Path, tmp_path: Path) -> None:
    """A selection of a recording has the same entries as in the whole; what is not in it is blocked, never green."""
    code, replay, _ = replayed(tmp_path, healthy, "-m", "vpc or health")
    whole = {one["id"]: one for one in said(healthy)["criteria"]}
    part = {one["id"]: one for one in said(replay)["criteria"]}
    both = part.keys() & whole.keys()
    assert "VPC-STATE" in both
    assert [part[id] for id in both] == [whole[id] for id in both]
    others = [one for id, one in part.items() if id not in whole]
    assert {one["outcome"] for one in others} <= {"blocked", "pass"}
    unseen = [one for one in others if one["outcome"] == "blocked"]
    assert {why["reason"] for one in unseen for why in one["blocked"]} == {"not-recorded"}
    assert unseen
    assert code == 6


def test_another_lock_is_said_everywhere(healthy: Path, tmp_path: Path) -> None:
    """With another lock the verdict changes, and each report says that it is a replay, and with which lock."""
    change = "lock.timeouts.initialization_timeout=60s"
    code, replay, printed = replayed(tmp_path, healthy, "--lock", change, "--lock", "lock.revision.min_instances=1")
    verdict = said(replay)
    assert (code, verdict["verdict"]) == (1, "NOT CLEAR")
    assert "lock.timeouts.initialization_timeout 60 s instead of 75 s" in verdict["replay"]["changes"]
    known = {one["id"]: one for one in verdict["criteria"]}
    assert known["TMO-INIT"]["expected"] == "60 s"
    notice = "REPLAY WITH lock.timeouts.initialization_timeout 60 s instead of 75 s"
    assert " ".join(printed.split()).count(notice) == 2
    page = (replay / "report.html").read_text(encoding="utf-8")
    assert f'<title id="head-title">{DISCLAIMER} {notice}' in page
    for name in ("report.html", "junit.xml", "summary.md", "plan.sh"):
        text = (replay / name).read_text(encoding="utf-8").replace("\\_", "_").replace("\n# ", " ")
        assert notice in text, name
    assert {DISCLAIMER} == {verdict["disclaimer"]}


def test_the_latest_run_is_one_that_looked(healthy: Path, tmp_path: Path) -> None:
    """A replay beside the run that it judges leaves `latest` where it was."""
    shutil.copytree(healthy, tmp_path / healthy.name)
    (tmp_path / "latest").symlink_to(healthy.name)
    replayed(tmp_path, tmp_path / "latest")
    assert (tmp_path / "latest").resolve().name == healthy.name


def test_a_run_that_was_killed_stays_cut_short(healthy: Path, tmp_path: Path) -> None:
    """A recording without its end is CUT SHORT when it is judged, however well all holds that was seen."""
    recording = tmp_path / NAME
    recording.write_bytes(b"\n".join((healthy / NAME).read_bytes().split(b"\n")[:-2]) + b"\n")
    code, replay, printed = replayed(tmp_path / "again", recording)
    verdict = said(replay)
    assert (code, verdict["verdict"], verdict["ended_by"]) == (2, "CUT SHORT", "the run was killed")
    assert "CUT SHORT" in printed
    assert {one["outcome"] for one in verdict["criteria"]} == {"pass", "warn"}


WARM = """
import json, multiprocessing, sys
import pytest

def judged(number):
    where = f"--reports={sys.argv[2]}/{number}"
    return int(pytest.main([f"--replay={sys.argv[1]}", where, "-q", "-p", "no:cacheprovider"]))

codes = [judged(1), judged(2), multiprocessing.get_context("fork").Pool(1).apply(judged, [3])]
imported = {name.partition(".")[0] for name in sys.modules} & {"google", "asyncpg", "websockets"}
open(sys.argv[2] + "/said.json", "w").write(json.dumps([codes, sorted(imported)]))
"""


def test_a_warm_process_judges_again_and_again(healthy: Path, tmp_path: Path) -> None:
    """In one process, and in a fork of it, each replay says the same; no client library is imported for it."""
    command = [sys.executable, "-c", WARM, str(healthy), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads((tmp_path / "said.json").read_text(encoding="utf-8")) == [[0, 0, 0], []]
    assert "warnings summary" not in done.stdout
    assert all(same(healthy, written.parent) for written in tmp_path.glob("*/*/verdict.json"))
    assert len(list(tmp_path.glob("*/*/verdict.json"))) == 3


WITNESS = """
import json, os
from pathlib import Path
import pytest
from plugins.verdict import VERDICT

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    verdict = session.config.stash.get(VERDICT, None)
    if verdict is not None:
        seen = {name: attempt.model_dump(mode="json") for name, attempt in verdict.evidence.items()}
        Path(os.environ["WITNESS"]).write_text(json.dumps(seen))
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_reports_have_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: list[str]) -> None:
    """A report finds what each probe saw in the verdict, of a run and of its replay alike; what is recorded is that."""
    (tmp_path / "witness.py").write_text(WITNESS, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = []
    for name in ("run", "again"):
        monkeypatch.setenv("WITNESS", str(tmp_path / name))
        recording = [f"--replay={tmp_path / 'reports' / 'latest'}"] if told else ["--target=replica", "-m", "vpc"]
        done = pytest_of_ours(tmp_path / "reports", *recording, "-p", "witness", *workers)
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(json.loads((tmp_path / name).read_text(encoding="utf-8")))
    assert told[0] == told[1]
    assert {"connector", "connector_load", "vantage", "identity"} <= told[0].keys()
    recorded = read(str(tmp_path / "reports" / "latest")).attempts
    assert told[0] == {name: attempt.model_dump(mode="json") for name, attempt in recorded.items()}


def test_pruning_knows_what_a_run_writes(healthy: Path) -> None:
    """Every file of a run is told from one that somebody else has put beside it, so that a run can be deleted."""
    (run,) = runs(healthy.parent)
    assert strangers(run) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--replay=nowhere.jsonl"], "--replay nowhere.jsonl: No such file or directory"),
        (["--replay=README.md"], "--replay README.md: not a recording of a run (line 1)"),
        (["--lock", "lock.limits.health_max=1s"], "--lock is for --replay"),
        (["--replay={}", "--target", "staging"], "--target: not with --replay"),
        (["--replay={}", "--fault", "x", "--source=."], "--source, --fault: not with --replay"),
        (["--replay={}", "--lock", "timeouts.pool_timeout=60s"], "write a key as the reports do"),
        (["--replay={}", "--lock", "lock.timeouts.pool_timeout=60"], "--lock: lock.timeouts.pool_timeout: 60 is not a"),
        (["--replay={}", "--lock", "lock.timeouts.pool=1s"], "--lock: lock.timeouts.pool: no such key (nearest:"),
    ],
)
def test_a_users_mistake_is_one_line(healthy: Path, tmp_path: Path, options: list[str], message: str) -> None:
    """What cannot be replayed, or not so, is a usage error in words, without a traceback."""
    done = pytest_of_ours(tmp_path, *(option.format(healthy) for option in options))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.asyncio
async def test_a_recording_of_a_run_holds_no_secret(tmp_path: Path) -> None:
    """Nothing that is a secret of the environment looked at is in what a whole run writes, the recording included."""
    box = Box(["google", "postgres", "redis", "services"])
    try:
        await box.start()
        target = write_target(box.overlay(), tmp_path)
        # The replica answers from this process, which therefore has to go on meanwhile.
        done = await asyncio.to_thread(pytest_of_ours, tmp_path, f"--target={target}", "-m", "phase1 or phase3")
        written = [path for path in (tmp_path / "latest").resolve().iterdir() if path.is_file()]
        assert NAME in {path.name for path in written}, done.stdout + done.stderr
        payloads = [version.payload for secret in box.world.secrets.values() for version in secret.versions]
        kept = [*payloads, box.world.database.password, box.world.redis.password, box.world.synthetic_user.password]
        secrets = {secret for secret in kept if len(secret) > 12}
        assert len(secrets) > 4
        for path in written:
            text = path.read_text(encoding="utf-8")
            assert [secret for secret in secrets if secret in text] == [], path.name
    finally:
        await box.stop()
