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


def test_a_leaf_at_the_top_of_the_profile_is_named_by_itself() -> None:
    """Without a key of its own a table adds none to its leaves' paths."""
    assert Locked(load("staging"), "").lock.connector.state.key == "lock.connector.state"


def test_a_table_that_the_profile_adds_is_found() -> None:
    """A service beside the plan's three is a table like theirs, and a key that neither has is refused."""
    services = load("staging").services
    more = type(services).model_validate({**dict(services), "search": services.backend})
    locked = Locked(more, "services")
    assert locked.search.name.key == "services.search.name"
    with pytest.raises(AttributeError, match="services has no 'serch'"):
        locked.serch  # noqa: B018 - reading it is the point


VIOLATED = [
    ("equals", 1, (2,), "below"),
    ("at_least", 1, (2,), "below"),
    ("at_most", 3, (2,), "above"),
    ("below", 3, (2,), "above"),
    ("below", 2, (2,), "above"),
    ("one_of", "c", (("a", "b"),), "different"),
    ("equals", "b", ("a",), "different"),
    ("equals", "b", (1,), "different"),
    ("equals", 1, ("a",), "different"),
    ("equals", True, (False,), "different"),
    ("equals", False, (1,), "different"),
    ("is_none", "refused", ("none",), "refused"),
    ("is_none", ("refused",), ("none",), "present"),
    ("is_set", "", (), "missing"),
    ("is_set", (), (), "missing"),
]


@pytest.mark.parametrize(("method", "value", "given", "symptom"), VIOLATED)
def test_a_violation_is_more_than_a_warning(method: str, value: Any, given: tuple[Any, ...], symptom: str) -> None:
    """Whatever the relation, what does not hold is a violation by its symptom, unless the test says otherwise."""
    expect = Expect()
    assert getattr(expect.value(value, "x"), method)(*given) is False
    assert [one.symptom for one in expect.judgement.violations] == [symptom]
    assert expect.judgement.warnings == []


@pytest.mark.parametrize(("method", "value", "given"), [(method, value, given) for method, value, given, _ in VIOLATED])
def test_a_symptom_that_the_test_gives_is_kept(method: str, value: Any, given: tuple[Any, ...]) -> None:
    """A test may name what a violation means."""
    expect = Expect()
    getattr(expect.value(value, "x"), method)(*given, symptom="own")
    assert [one.symptom for one in expect.judgement.violations] == ["own"]


@pytest.mark.parametrize("value", [None, False, 1, "yes"])
def test_only_true_is_true(value: Any) -> None:
    """What is merely like true is a violation, and the report says in words what was expected."""
    expect = Expect()
    assert expect.value(value, "x").is_true("switched on", symptom="off") is False
    assert [(one.symptom, one.expected) for one in expect.judgement.violations] == [("off", "switched on")]
    assert expect.value(True, "x").is_true("switched on", symptom="off") is True


@pytest.mark.parametrize("method", ["equals", "at_least", "at_most", "below", "one_of"])
def test_a_missing_value_holds_nothing(method: str) -> None:
    """A value that is not there violates every relation, even to a list that allows for it."""
    expect = Expect()
    given = (None, 2) if method == "one_of" else None if method == "equals" else 2
    assert getattr(expect.value(None, "x"), method)(given) is False
    assert [(one.symptom, one.observed) for one in expect.judgement.violations] == [("missing", "absent")]


@pytest.mark.parametrize(("value", "holds"), [("a", True), (0, True), (None, False)])
def test_what_is_set(value: Any, holds: bool) -> None:
    """Zero is a value; nothing is none."""
    assert Expect().value(value, "x").is_set() is holds


@pytest.mark.parametrize("method", ["equals", "at_least", "below"])
def test_a_warning_is_no_violation(method: str) -> None:
    """A comparison that only warns is a warning when it does not hold, and nothing when it does."""
    expect = Expect()
    wrong, right = {"equals": (1, 2), "at_least": (1, 2), "below": (2, 1)}[method]
    for value in (wrong, right):
        getattr(expect.value(value, "x"), method)(2, warning=True)
    assert [one.observed for one in expect.judgement.warnings] == [str(wrong)]
    assert expect.judgement.violations == []


def test_true_may_only_warn() -> None:
    """`is_true` warns where the test says so."""
    expect = Expect()
    expect.value(False, "x").is_true("on", symptom="off", warning=True)
    assert (len(expect.judgement.warnings), expect.judgement.violations) == (1, [])


def test_nothing_is_not_seen_on_what_does_not_exist() -> None:
    """Of a resource that does not exist not even the absence of something is seen; alone, it has no neighbours."""
    expect = Expect()
    assert expect(connector(found=False), "state").is_none("none", symptom="own") is False
    (comparison,) = expect.judgement.violations
    assert (comparison.symptom, comparison.observed) == ("not-found", "no VPC connector c")


def test_what_is_blocked_holds_nothing() -> None:
    """A comparison with what could not be seen does not hold, and its reason is noted once."""
    expect = Expect()
    assert expect(blocked(), "state").is_none("none") is False
    assert expect(blocked(), "state", "its state").equals(None) is False
    empty = seen(ConnectorLoad(window_s=1, instances=None, cpu=0.1, throughput_mbps=1))
    assert expect(empty, "instances", if_none="no point").is_none("none") is False
    assert expect.judgement.blocked[0] == DENIED
    assert [why.reason for why in expect.judgement.blocked] == [Reason.PERMISSION_DENIED, Reason.UNKNOWABLE]


def test_a_subject_is_called_by_its_label_or_its_path() -> None:
    """What was compared is called as the test says, else by its path, and a resource by its name too."""
    expect = Expect()
    load_seen = seen(ConnectorLoad(window_s=600, instances=2, cpu=0.2, throughput_mbps=1.0))
    expect(load_seen, "throughput_mbps", if_none="no point").equals(1.0)
    expect(load_seen, "cpu", "its CPU").equals(0.2)
    expect(connector(state="READY"), "state").equals("READY")
    expect(connector(state="READY"), "state", "its state").equals("READY")
    expect(connector(found=False), "state", "its state").equals("READY")
    subjects = [one.subject for one in expect.judgement.comparisons]
    assert subjects == ["throughput mbps", "its CPU", "state of VPC connector c", "its state", "its state"]


@pytest.mark.parametrize(("path", "observed"), [("a.b", "1"), ("a.c", "absent"), ("none.b", "absent")])
def test_a_path_leads_through_tables(path: str, observed: str) -> None:
    """A path goes through keys as well as attributes, and breaks off at what is not there."""
    expect = Expect()
    expect(seen({"a": {"b": 1}, "none": None}), path).equals(1)
    assert [one.observed for one in expect.judgement.comparisons] == [observed]


@pytest.mark.parametrize(("value", "words"), [((), "none"), ({"b", "a"}, "a, b"), (["a"], "a"), ("", "none"), (2, "2")])
def test_what_is_expected_is_said_in_words(value: Any, words: str) -> None:
    """Several values are a list in order; nothing is `none`; and what the criterion says itself has no key."""
    expect = Expect()
    assert expect.value(value, "x").equals(value)
    (comparison,) = expect.judgement.comparisons
    assert (comparison.expected, comparison.key, comparison.holds, comparison.symptom) == (words, None, True, "")


def test_notes_and_reservations_are_kept() -> None:
    """A reservation is a note as well; a note is no reservation."""
    expect = Expect()
    expect.note("a note")
    expect.reserve("a reservation")
    assert expect.judgement.notes == ["a note", "a reservation"]
    assert expect.judgement.reservations == ["a reservation"]


@pytest.mark.parametrize("advisory", [True, False])
def test_what_holds_raises_nothing(advisory: bool) -> None:
    """A criterion whose comparisons hold is concluded without a word."""
    expect = Expect()
    expect.value(1, "x").equals(1)
    conclude(expect.judgement, advisory=advisory)


def test_an_advisory_that_was_not_seen_says_so() -> None:
    """An advisory that could not be observed is unobserved; one that compared nothing is an error."""
    expect = Expect()
    expect.block(DENIED)
    with pytest.raises(Unobserved):
        conclude(expect.judgement, advisory=True)
    with pytest.raises(ComparedNothing):
        conclude(Expect().judgement, advisory=True)
