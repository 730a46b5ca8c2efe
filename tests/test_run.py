"""A whole run in an inner pytest: exit codes, outcomes, order, files. The criteria are two-liners."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
HEAD = """
import pytest
from datetime import UTC, datetime
from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.vpc import Connector

def seen(**values):
    evidence = Connector(**{"kind": "VPC connector", "name": "c", "found": True, **values})
    return Attempt(evidence=evidence, started_at=datetime.now(UTC), seconds=0.1, source="a test")

def blocked(reason="permission-denied"):
    why = Why(reason=Reason(reason), detail="vpcaccess.connectors.get is missing", looked_at="x")
    return Attempt(blocked=why, started_at=datetime.now(UTC), seconds=0.1, source="a test")

def criterion(id, severity="critical", needs=()):
    return pytest.mark.criterion(id, section="1.2", severity=severity, needs=needs)
"""


class Inner:
    """Runs criteria in an inner pytest with all the plugins, and reads what it left behind."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        plugins = (ROOT / "conftest.py").read_text(encoding="utf-8")
        pytester.makeconftest(plugins)
        settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.pytest]")[1].split("\n[tool.")[0]
        pytester.makepyprojecttoml(f"[tool.pytest]{settings}".replace('["."]', f'["{ROOT}"]'))
        (pytester.path / "suites").mkdir()

    def run(self, body: str, *args: str) -> pytest.RunResult:
        """Run the criteria of a module."""
        (self._pytester.path / "suites" / "test_inner.py").write_text(HEAD + body, encoding="utf-8")
        return self._pytester.runpytest_subprocess(*args)

    def verdict(self) -> dict[str, Any]:
        """Return the verdict.json of the latest run."""
        latest = self._pytester.path / "reports" / "latest" / "verdict.json"
        loaded: dict[str, Any] = json.loads(latest.read_text(encoding="utf-8"))
        return loaded

    def lines(self) -> list[dict[str, Any]]:
        """Return the events of the latest run's results.jsonl."""
        latest = self._pytester.path / "reports" / "latest" / "results.jsonl"
        return [json.loads(line) for line in latest.read_text(encoding="utf-8").splitlines()]

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each criterion of the latest run."""
        return {line["criterion"]["id"]: line["outcome"] for line in self.lines() if line["event"] == "result"}


@pytest.fixture
def inner(pytester: pytest.Pytester) -> Inner:
    """An inner pytest with all the plugins."""
    return Inner(pytester)


HOLDS = """
@pytest.mark.phase1
@criterion("A-HOLDS")
def test_a(expect):
    '''The connector is READY.'''
    expect(seen(state="READY"), "state").equals("READY")
"""
FAILS = """
@pytest.mark.phase1
@criterion("B-FAILS")
def test_b(expect, lock):
    '''The connector is READY.'''
    expect(seen(state="ERROR"), "state").equals(lock.connector.state)
"""
BLOCKED = """
@pytest.mark.phase1
@criterion("C-BLOCKED")
def test_c(expect):
    '''The connector can be seen.'''
    expect(blocked(), "state").equals("READY")
"""
ADVISES = """
@pytest.mark.phase1
@criterion("D-ADVISES", severity="advisory")
def test_d(expect):
    '''The limits nest.'''
    expect.value(90, "pool wait").below(75)
"""
EMPTY = """
@pytest.mark.phase1
@criterion("E-EMPTY")
def test_e():
    '''Something is so.'''
"""
CRASHES = """
@pytest.mark.phase1
@criterion("F-CRASHES")
def test_f():
    '''Something is so.'''
    raise ZeroDivisionError("canary")
"""
SKIPS = """
@pytest.mark.phase1
@criterion("G-SKIPS")
def test_g():
    '''Redis answers.'''
    pytest.skip("the profile declares no redis: there is none")
"""
EXCUSES = """
@pytest.mark.phase1
@criterion("H-EXCUSES")
def test_h(expect):
    '''The connector is READY.'''
    pytest.xfail("known")
"""
STRANGER = """
@pytest.mark.phase1
def test_stranger():
    assert False
"""


@pytest.mark.parametrize(
    ("body", "code", "outcomes"),
    [
        (HOLDS, 0, {"A-HOLDS": "pass"}),
        (HOLDS + ADVISES, 0, {"A-HOLDS": "pass", "D-ADVISES": "warn"}),
        (HOLDS + FAILS, 1, {"A-HOLDS": "pass", "B-FAILS": "fail"}),
        (HOLDS + FAILS + BLOCKED, 1, {"A-HOLDS": "pass", "B-FAILS": "fail", "C-BLOCKED": "blocked"}),
        (HOLDS + BLOCKED, 6, {"A-HOLDS": "pass", "C-BLOCKED": "blocked"}),
        (HOLDS + EMPTY, 6, {"A-HOLDS": "pass", "E-EMPTY": "blocked"}),
        (HOLDS + CRASHES, 6, {"A-HOLDS": "pass", "F-CRASHES": "blocked"}),
        (HOLDS + EXCUSES, 6, {"A-HOLDS": "pass", "H-EXCUSES": "blocked"}),
        (SKIPS, 6, {"G-SKIPS": "n/a"}),
        (HOLDS + SKIPS, 0, {"A-HOLDS": "pass", "G-SKIPS": "n/a"}),
        (HOLDS + STRANGER, 1, {"A-HOLDS": "pass"}),
    ],
    ids=[
        "holds",
        "advises",
        "fails",
        "fails+blocked",
        "blocked",
        "empty",
        "crash",
        "xfail",
        "n/a",
        "holds+n/a",
        "stranger",
    ],
)
def test_exit_codes(inner: Inner, body: str, code: int, outcomes: dict[str, str]) -> None:
    """The exit code follows from the outcomes, and the record holds exactly them."""
    result = inner.run(body, "-m", "phase1")
    assert result.ret == code
    assert inner.outcomes() == outcomes


def test_nothing_selected_is_exit_5(inner: Inner) -> None:
    """A selection that matches nothing keeps pytest's own exit code."""
    assert inner.run(HOLDS, "-m", "phase2").ret == 5


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--target", "stagin"], "*target 'stagin' is not known (nearest: staging)*"),
        (["--source", "nowhere"], "*--source nowhere: no such directory*"),
        (["--fault", "connector-deleted"], "*--fault is for --target replica*"),
        (["--target", "replica", "--fault", "connector-delete"], "*no such fault; nearest: connector-deleted*"),
    ],
)
def test_a_users_mistake_is_one_line(inner: Inner, args: list[str], message: str) -> None:
    """A mistake on the command line is a usage error in words, without a traceback."""
    result = inner.run(HOLDS, "-m", "phase1", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ("needs=['NO-SUCH']", "*B-FAILS needs NO-SUCH, which is no criterion*"),
        ("needs=['B-FAILS']", "*criteria need each other in a circle: B-FAILS needs B-FAILS*"),
        ("needs='A-HOLDS'", "*needs is a list of ids*"),
    ],
    ids=["unknown", "circle", "text"],
)
def test_criteria_that_need_what_leads_nowhere_are_refused(inner: Inner, needs: str, message: str) -> None:
    """A user's own criterion with a wrong dependency is a usage error in one line, before anything is looked at."""
    result = inner.run(HOLDS + FAILS.replace('("B-FAILS"', f'("B-FAILS", {needs}'), "-m", "phase1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stderr.str()


def test_a_failure_cannot_be_expected(inner: Inner) -> None:
    """A criterion that is marked xfail would be passed over when it fails, so it is refused."""
    result = inner.run(HOLDS + FAILS.replace("@criterion", "@pytest.mark.xfail\n@criterion"), "-m", "phase1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*a criterion is not marked xfail*"])


def test_stopping_early_is_never_clear(inner: Inner) -> None:
    """With -x, criteria that never ran are blocked, not forgotten."""
    result = inner.run(BLOCKED + HOLDS, "-m", "phase1", "-x")
    assert result.ret == 6
    verdict = inner.verdict()
    by_id = {criterion["id"]: criterion["outcome"] for criterion in verdict["criteria"]}
    assert by_id == {"C-BLOCKED": "blocked", "A-HOLDS": "blocked"}


def test_under_xdist_the_verdict_is_the_same(inner: Inner) -> None:
    """Two workers give the same exit code, outcomes and files as none."""
    body = HOLDS + FAILS + BLOCKED + ADVISES + SKIPS
    alone = inner.run(body, "-m", "phase1").ret
    expected = inner.outcomes()
    assert inner.run(body, "-m", "phase1", "-n", "2").ret == alone == 1
    assert inner.outcomes() == expected
    assert {criterion["id"] for criterion in inner.verdict()["criteria"]} == set(expected)


def test_a_plain_run_leaves_out_soak_and_parity(inner: Inner) -> None:
    """Without -m, preflight and the phases run, and nothing else; preflight first."""
    soak = HOLDS.replace("phase1", "soak").replace("A-HOLDS", "SOAK").replace("test_a", "test_soak")
    first = HOLDS.replace("phase1", "preflight").replace("A-HOLDS", "PRE").replace("test_a", "test_pre")
    assert inner.run(HOLDS + soak + first).ret == 0
    assert list(inner.outcomes()) == ["PRE", "A-HOLDS"]


def test_a_secret_in_a_failing_test_reaches_no_file(inner: Inner) -> None:
    """A canary in an assertion, in output, in a parameter and in evidence is in no output of any kind."""
    canary = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5"
    body = f'''
@pytest.mark.phase1
@criterion("S-CANARY")
@pytest.mark.parametrize("token", ["{canary}"])
def test_s(expect, token):
    """No secret is shown."""
    print("out", token)
    expect(seen(state=token), "state").equals("READY")

@pytest.mark.phase1
@criterion("S-CRASH")
def test_t():
    """No secret is shown."""
    raise RuntimeError("Authorization: Bearer {canary}")
'''
    result = inner.run(body, "-m", "phase1", "--alluredir=allure", "--tb=long", "-rA")
    written = [path for path in inner._pytester.path.rglob("*") if path.is_file() and "suites" not in path.parts]
    assert {"report.html", "junit.xml", "verdict.json", "results.jsonl"} <= {path.name for path in written}
    leaks = [path.name for path in written if canary.encode() in path.read_bytes() and ".pytest_cache" not in str(path)]
    assert leaks == []
    assert canary not in result.stdout.str() + result.stderr.str()
