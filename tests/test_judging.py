"""How a criterion's test becomes a result, and what its report says."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Blocked, Evidence, Reason, Why
from fixtures.expect import Expect, Unobserved, Violated
from fixtures.observe import SEEN
from plugins import judging
from plugins.criteria import CRITERION
from plugins.judging import carried
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Criterion

WHY = Why(reason=Reason.DNS, detail="no such name")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Seen(Evidence):
    """Something that was seen."""

    value: int


def criterion(severity: str = "critical") -> Criterion:
    """Return a criterion."""
    return Criterion(id="X", title="It is so.", section="-", severity=Severity(severity), nodeid="suites/x.py::x")


def item(*, marked: bool = True, severity: str = "critical", expect: Expect | None = None) -> Any:
    """Return as much of a test as is looked at."""
    stash = pytest.Stash()
    if marked:
        stash[CRITERION] = criterion(severity)
    if expect is not None:
        stash[judging._EXPECT] = expect
    return SimpleNamespace(stash=stash)


def ended(error: BaseException | None = None) -> Any:
    """Return how a phase of a test ended."""
    return SimpleNamespace(excinfo=None if error is None else SimpleNamespace(value=error))


def report(when: str = "call", outcome: str = "passed", **more: Any) -> Any:
    """Return pytest's report of a phase."""
    is_ = {name: name == outcome for name in ("passed", "failed", "skipped")}
    return SimpleNamespace(when=when, outcome=outcome, longrepr="a traceback", **is_, **more)


def sent(wrapper: Any, value: Any) -> Any:
    """Return what a hook wrapper makes of a value, or of an error that is raised inside it."""
    next(wrapper)
    try:
        wrapper.throw(value) if isinstance(value, BaseException) else wrapper.send(value)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a wrapper yields once")


def reported(test: Any, how: Any, of: Any) -> Any:
    """Return a report as it leaves us."""
    return sent(judging.pytest_runtest_makereport(test, how), of)


def failing() -> Expect:
    """Return a comparison that does not hold."""
    expect = Expect()
    expect.value(1, "one").equals(2)
    return expect


@pytest.mark.parametrize(
    ("error", "outcome", "blocked", "reason"),
    [
        (None, Outcome.PASS, [], ""),
        (Violated(""), Outcome.FAIL, [], ""),
        (Unobserved(""), Outcome.BLOCKED, [Reason.DNS], ""),
        (pytest.skip.Exception("no such thing"), Outcome.NOT_APPLICABLE, [], "no such thing"),
        (KeyError("y"), Outcome.BLOCKED, [Reason.SUITE_ERROR], "the test of X broke: KeyError: 'y'"),
    ],
)
def test_how_a_test_ends_decides_the_outcome(
    error: BaseException | None, outcome: Outcome, blocked: list[Reason], reason: str
) -> None:
    """A violation fails, what was not seen or broke of ours is blocked, a skip with a reason is not applicable."""
    expect = Expect()
    expect.block(WHY)
    found = carried(reported(item(expect=expect), ended(error), report(outcome="failed" if error else "passed")))
    assert found is not None
    assert (found.outcome, [why.reason for why in found.blocked], found.reason) == (outcome, blocked, reason)


def test_what_is_past_an_alert_level_or_against_an_advisory_warns() -> None:
    """A test that ends well with a comparison that does not hold has warned."""
    found = carried(reported(item(expect=failing()), ended(), report()))
    assert found is not None
    assert found.outcome is Outcome.WARN
    assert [one.symptom for one in found.comparisons] == ["below"]


@pytest.mark.parametrize(
    ("when", "outcome", "has"),
    [("setup", "passed", False), ("setup", "failed", True), ("call", "passed", True), ("call", "failed", True)],
)
def test_one_phase_carries_the_result(when: str, outcome: str, has: bool) -> None:
    """The call carries the result, or whichever phase broke; one that went well before it does not."""
    error = KeyError("y") if outcome == "failed" else None
    assert (carried(reported(item(), ended(error), report(when, outcome))) is not None) is has


def test_what_is_no_criterion_is_left_alone() -> None:
    """A test of somebody's own carries nothing, fails as pytest has it, and returns what it returned."""
    found = reported(item(marked=False), ended(KeyError("y")), report(outcome="failed"))
    assert (carried(found), found.longrepr, found.when) == (None, "a traceback", "call")
    assert sent(judging.pytest_pyfunc_call(item(marked=False)), "returned") == "returned"


def test_what_could_not_be_observed_is_an_error_and_not_a_failure() -> None:
    """A blocked criterion's report is of the set-up, a failed one's of the call, and both say it in a sentence."""
    expect = Expect()
    expect.block(WHY)
    found = reported(item(expect=expect), ended(Unobserved("")), report(outcome="failed"))
    assert (found.when, found.outcome, found.longrepr) == (
        "setup",
        "failed",
        "X: It is so.\nblocked (dns): no such name",
    )
    found = reported(item(expect=failing()), ended(Violated("")), report(outcome="failed"))
    assert (found.when, found.longrepr) == ("call", "X: It is so.\none: 1, expected 2")


def test_what_holds_keeps_its_report_and_what_breaks_its_traceback() -> None:
    """Only what fails or is blocked, and is no crash of ours, is told in a sentence of ours."""
    assert reported(item(), ended(), report()).longrepr == "a traceback"
    assert reported(item(), ended(), report()).when == "call"
    broken = reported(item(), ended(KeyError("y")), report(outcome="failed"))
    assert (broken.longrepr, broken.when) == ("a traceback", "setup")
    assert reported(item(), ended(KeyError("y")), report("teardown", "failed")).when == "teardown"


def test_an_expected_failure_is_an_error_all_the_same() -> None:
    """pytest.xfail() in a body breaks off a criterion, and does not make its report a skip."""
    found = reported(item(), ended(pytest.xfail.Exception("known")), report(outcome="skipped", wasxfail="known"))
    assert (found.outcome, hasattr(found, "wasxfail")) == ("failed", False)


def test_a_sentence_names_what_does_not_hold_and_where_it_is_written() -> None:
    """What holds is left out, and a profile's key stands behind what it asks."""
    one = {"observed": "1", "expected": "2", "warning": False, "symptom": "different"}
    comparisons = [
        {"subject": "a", "key": None, "holds": True, **one},
        {"subject": "b", "key": "lock.b", "holds": False, **one},
        {"subject": "c", "key": None, "holds": False, **one},
    ]
    found = judging.Result(criterion=criterion(), outcome=Outcome.FAIL, comparisons=comparisons)
    assert judging._sentence(found) == "X: It is so.\nb: 1, expected 2 (lock.b)\nc: 1, expected 2"


def test_a_result_says_what_was_seen_and_when() -> None:
    """Sources, the slowest probe's seconds, the last start and the evidence are there; of no probe, nothing is."""
    test = item()
    assert (none := carried(reported(test, ended(), report()))) is not None
    assert (none.seconds, none.observed_at, none.evidence) == (0.0, None, {})
    test.stash[SEEN] = {
        "a": Attempt[Seen](evidence=Seen(value=3), blocked=None, started_at=NOW, seconds=0.5, source="s"),
        "b": Attempt[Seen](evidence=None, blocked=WHY, started_at=NOW, seconds=0.25, source="t"),
    }
    left = reported(test, ended(), report())
    assert (found := carried(left)) is not None
    assert (found.seconds, found.observed_at, found.sources) == (0.5, NOW.isoformat(), ("s", "t"))
    assert found.evidence == {"a": {"value": 3}}
    assert [*judging.answers(left)] == ["a", "b"]


def test_a_body_that_hits_a_block_is_concluded_as_blocked() -> None:
    """Evidence that is not there ends the body, and is noted; pytest takes the function for called."""
    test = item(expect=failing())
    wrapper = judging.pytest_pyfunc_call(test)
    next(wrapper)
    with pytest.raises(Violated):
        wrapper.throw(Blocked(WHY))
    assert test.stash[judging._EXPECT].judgement.blocked == [WHY]
    with pytest.raises(Unobserved):
        sent(judging.pytest_pyfunc_call(item()), Blocked(WHY))
    assert sent(judging.pytest_pyfunc_call(item(severity="advisory", expect=failing())), Blocked(WHY)) is True


@pytest.mark.parametrize("severity", ["critical", "major"])
def test_only_an_advisory_fails_without_a_failure(severity: str) -> None:
    """The same comparison fails what decides, and warns in an advisory."""
    wrapper = judging.pytest_pyfunc_call(item(severity=severity, expect=failing()))
    next(wrapper)
    with pytest.raises(Violated):
        wrapper.send(True)
    assert sent(judging.pytest_pyfunc_call(item(severity="advisory", expect=failing())), True) is True
