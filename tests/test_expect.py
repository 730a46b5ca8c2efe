"""`expect`: comparisons are recorded, told apart, and concluded."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.vpc import Connector, ConnectorLoad
from fixtures.expect import ComparedNothing, Expect, Locked, Unobserved, Violated, conclude
from fixtures.profile import load

LOCK = Locked(load("staging").lock, "lock")
DENIED = Why(reason=Reason.PERMISSION_DENIED, detail="vpcaccess.connectors.get is missing")


def seen(evidence: Any) -> Attempt[Any]:
    """Return an answer that holds evidence."""
    return Attempt(evidence=evidence, started_at=datetime.now(UTC), seconds=0.1, source="a test")


def blocked(why: Why = DENIED) -> Attempt[Any]:
    """Return an answer that holds a reason."""
    return Attempt(blocked=why, started_at=datetime.now(UTC), seconds=0.1, source="a test")


def connector(**values: Any) -> Attempt[Any]:
    """Return an answer that holds a connector."""
    return seen(Connector(**{"kind": "VPC connector", "name": "c", "found": True, **values}))


def test_a_violation_names_the_key_and_both_values() -> None:
    """A violated comparison carries observed, expected and the profile's key."""
    expect = Expect()
    expect(connector(state="CREATING"), "state").equals(LOCK.connector.state)
    (comparison,) = expect.judgement.comparisons
    assert (comparison.observed, comparison.expected, comparison.key) == ("CREATING", "READY", "lock.connector.state")
    with pytest.raises(Violated, match="state of VPC connector c: CREATING, expected READY"):
        conclude(expect.judgement, advisory=False)


@pytest.mark.parametrize(("seconds", "symptom"), [(25.0, "below"), (90.0, "above"), (None, "missing"), (75.0, "")])
def test_regression_and_drift_are_told_apart(seconds: float | None, symptom: str) -> None:
    """A value below the lock, above it, missing, and on it are four different things."""
    expect = Expect()
    holds = expect.value(seconds, "initialization_timeout").equals(LOCK.timeouts.initialization_timeout)
    assert holds is (symptom == "")
    assert expect.judgement.comparisons[0].symptom == symptom


def test_values_are_written_in_the_unit_of_the_lock() -> None:
    """An observed value is written in the expected value's unit."""
    expect = Expect()
    expect.value(2 * 2**30, "memory").equals(LOCK.revision.memory)
    expect.value(0.93, "CPU").below(LOCK.connector.max_cpu)
    written = [(comparison.observed, comparison.expected) for comparison in expect.judgement.comparisons]
    assert written == [("2Gi", "4Gi"), ("93 %", "< 80 %")]


def test_a_missing_resource_is_a_violation_that_names_its_neighbours() -> None:
    """A resource that does not exist violates whatever is asked of it, and those that exist are named."""
    expect = Expect()
    gone = connector(found=False, existing=("other-connector",))
    expect(gone, "state").equals(LOCK.connector.state)
    (comparison,) = expect.judgement.comparisons
    assert comparison.symptom == "not-found"
    assert comparison.observed == "no VPC connector c; those that exist: other-connector"


def test_what_is_blocked_is_not_a_violation() -> None:
    """A blocked answer leads to no comparison, and the criterion is unobserved."""
    expect = Expect()
    expect(blocked(), "state").equals(LOCK.connector.state)
    assert expect.judgement.comparisons == []
    with pytest.raises(Unobserved, match=r"connectors\.get is missing"):
        conclude(expect.judgement, advisory=False)


def test_a_violation_outweighs_what_was_not_seen() -> None:
    """When one half violates and the other half is blocked, the criterion fails, in either order."""
    for first, second in ((blocked(), connector(state="ERROR")), (connector(state="ERROR"), blocked())):
        expect = Expect()
        expect(first, "state").equals(LOCK.connector.state)
        expect(second, "state").equals(LOCK.connector.state)
        with pytest.raises(Violated):
            conclude(expect.judgement, advisory=False)


def test_half_a_look_is_not_a_pass() -> None:
    """When one half holds and the other half is blocked, the criterion is unobserved."""
    expect = Expect()
    expect(connector(state="READY"), "state").equals(LOCK.connector.state)
    expect(blocked(), "cpu").below(LOCK.connector.max_cpu)
    with pytest.raises(Unobserved):
        conclude(expect.judgement, advisory=False)


def test_a_value_that_was_not_there_to_see_blocks_where_the_test_says_so() -> None:
    """An empty metric is a reason why, not a violation."""
    expect = Expect()
    load_seen = seen(ConnectorLoad(window_s=600, instances=None, cpu=0.2, throughput_mbps=1.0))
    expect(load_seen, "instances", if_none="no point in the window").below(10)
    with pytest.raises(Unobserved, match="no point in the window"):
        conclude(expect.judgement, advisory=False)


def test_comparing_nothing_is_an_error() -> None:
    """A criterion that compared nothing proves nothing, and says so."""
    with pytest.raises(ComparedNothing):
        conclude(Expect().judgement, advisory=False)


def test_an_advisory_does_not_raise_on_a_violation() -> None:
    """An advisory's violation stays in the judgement and raises nothing."""
    expect = Expect()
    expect.value(90, "pool wait").below(75)
    conclude(expect.judgement, advisory=True)
    assert len(expect.judgement.violations) == 1


def test_an_unknown_name_in_the_lock_is_refused() -> None:
    """A test that misspells a key of the lock breaks at once."""
    with pytest.raises(AttributeError, match="the profile's lock has no 'conector'"):
        LOCK.conector  # noqa: B018 - reading it is the point


@pytest.mark.parametrize(
    ("method", "value", "bound", "holds"),
    [
        ("at_least", 2, 2, True),
        ("at_least", 1, 2, False),
        ("at_most", 2, 2, True),
        ("at_most", 3, 2, False),
        ("below", 1.999, 2, True),
        ("below", 2, 2, False),
        ("one_of", "a", ("a", "b"), True),
        ("one_of", "c", ("a", "b"), False),
    ],
)
def test_each_relation_at_its_edge(method: str, value: Any, bound: Any, holds: bool) -> None:
    """Each relation holds on the right side of its bound, and not on the other."""
    assert getattr(Expect().value(value, "x"), method)(bound) is holds


@pytest.mark.parametrize(("value", "holds"), [(None, True), ((), True), ("refused", False), (("0.0.0.0/0",), False)])
def test_none_of_a_kind(value: Any, holds: bool) -> None:
    """`is_none` holds for nothing seen, and names the kind otherwise."""
    expect = Expect()
    assert expect.value(value, "failure").is_none("none") is holds
    if value == "refused":
        assert expect.judgement.comparisons[0].symptom == "refused"
