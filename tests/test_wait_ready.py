"""`--wait-ready`: a bounded wait for what was just deployed, judged by RUN-READY whatever else is selected."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.engine.readiness import unready
from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.cloud_run import Service, Traffic
from tests.test_whole_run import outcomes, run

SERVING: dict[str, Any] = {
    "kind": "Cloud Run service",
    "name": "api",
    "found": True,
    "latest_created": "api-2",
    "latest_ready": "api-2",
    "traffic": (Traffic(revision="api-2", percent=100),),
}
INNER = ("-o", "asyncio_default_fixture_loop_scope=function", "-p", "plugins.criteria", "-p", "plugins.readiness")


def seen(**changes: Any) -> Attempt[Service]:
    """Return what was seen of a service whose newest revision serves, with changes."""
    return Attempt(evidence=Service(**{**SERVING, **changes}), started_at=datetime.now(UTC), seconds=0.1, source="run")


@pytest.mark.parametrize(
    ("changes", "awaited"),
    [
        ({}, None),
        ({"latest_ready": "api-1"}, "api-2 to be ready"),
        ({"latest_ready": None}, "api-2 to be ready"),
        ({"latest_created": None, "latest_ready": None}, "api to be ready"),
        ({"traffic": (Traffic(revision="api-1", percent=100),)}, "api-2 to take all traffic, not 0 %"),
        (
            {"traffic": (Traffic(revision="api-1", percent=1), Traffic(revision="api-2", percent=99))},
            "api-2 to take all traffic, not 99 %",
        ),
        ({"reconciling": True}, "api to settle"),
        ({"found": False}, "api to exist"),
    ],
)
def test_what_is_awaited(changes: dict[str, Any], awaited: str | None) -> None:
    """Only a newest revision that is ready and takes all the traffic of a settled service ends the wait."""
    assert unready(seen(**changes)) == awaited


def test_no_answer_is_not_ready() -> None:
    """A service that could not be seen is not taken for one that serves."""
    why = Why(reason=Reason.API_UNAVAILABLE, detail="503")
    assert unready(Attempt(blocked=why, started_at=datetime.now(UTC), seconds=0.1, source="run")) is not None


@pytest.mark.parametrize(
    ("changes", "given_up"),
    [
        ({}, False),
        ({"latest_ready": "api-1"}, True),
        ({"latest_ready": None}, True),
        ({"latest_ready": "api-1", "reconciling": True}, False),
        ({"latest_ready": "api-1", "found": False}, False),
    ],
)
def test_only_cloud_run_gives_a_revision_up(changes: dict[str, Any], given_up: bool) -> None:
    """While Cloud Run is at work nothing is given up; when it is done and the newest is not ready, it is."""
    assert Service(**{**SERVING, **changes}).given_up is given_up


@pytest.mark.slow
def test_a_deployment_is_waited_for(tmp_path: Any) -> None:
    """A revision that becomes ready within the time is judged once it serves; what is awaited is said meanwhile."""
    options = ("--target", "replica", "--fault", "deployment-under-way", "--wait-ready", "300")
    code, said, verdict = run(tmp_path, "-m", "vpc", *options)
    assert code == 0
    assert set(outcomes(verdict).values()) == {"pass"}
    assert outcomes(verdict)["RUN-READY"] == "pass"
    assert "awaiting netra-backend-staging-00100-new to be ready" in " ".join(said.split())


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "seconds"), [("deployment-under-way", "1"), ("revision-not-ready", "300")])
def test_a_deployment_that_does_not_come_up_fails(tmp_path: Any, fault: str, seconds: str) -> None:
    """When the time is over, or Cloud Run has given up, the run fails, though nothing else that was selected does."""
    code, _, verdict = run(tmp_path, "-m", "vpc", "--target", "replica", "--fault", fault, "--wait-ready", seconds)
    assert code == 1
    failing = [id for id, outcome in outcomes(verdict).items() if outcome != "pass"]
    assert failing == ["RUN-READY"]


@pytest.mark.slow
def test_workers_wait_together(tmp_path: Any) -> None:
    """Under xdist there is one wait, and the same verdict."""
    options = ("--target", "replica", "--fault", "revision-not-ready", "--wait-ready", "300", "-n", "2")
    code, _, verdict = run(tmp_path, "-m", "vpc", *options)
    assert (code, [id for id, outcome in outcomes(verdict).items() if outcome != "pass"]) == (1, ["RUN-READY"])


@pytest.mark.slow
def test_who_may_not_look_does_not_wait(tmp_path: Any) -> None:
    """Where Cloud Run may not be read, no time is spent on waiting, and nothing is green for it."""
    options = ("--target", "replica", "--fault", "gcp-all-403", "--wait-ready", "3000")
    code, _, verdict = run(tmp_path, "-m", "vpc", *options)
    assert code == 6
    assert outcomes(verdict)["RUN-READY"] == "blocked"


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_nonsense_is_refused(pytester: pytest.Pytester, seconds: str) -> None:
    """What is no number of seconds above zero is a usage error of one line."""
    result = pytester.runpytest(*INNER, f"--wait-ready={seconds}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--wait-ready {seconds}: give a number of seconds above zero*"])


@pytest.mark.parametrize("arguments", [("test_one.py",), ("-m", "other")])
def test_nobody_waits_for_what_is_not_judged(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """A selection that cannot hold RUN-READY is a usage error: waiting would decide nothing."""
    pytester.makepyfile(test_one="import pytest\n@pytest.mark.other\ndef test_one(): pass\n")
    result = pytester.runpytest(*INNER, "--wait-ready=5", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*RUN-READY, which judges what is waited for, is not among the selected tests*"])
