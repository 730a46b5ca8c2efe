"""Root cause first: which failure explains which."""

import sys
from pathlib import Path

from fixtures.evidence.base import Reason, Why
from plugins.diagnosis import CLEARANCES, LINKS, diagnose
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import ComparisonRecord, Criterion, Result

sys.path.insert(0, str(Path(__file__).parent))
from contract import ALL, rows


def result(id: str, outcome: str, *needs: str, severity: str = "critical", why: Why | None = None) -> Result:
    """Return a result with just what a diagnosis reads."""
    criterion = Criterion(
        id=id, title=id, section="-", severity=Severity(severity), needs=needs, nodeid=f"suites/x.py::{id}"
    )
    return Result(criterion=criterion, outcome=Outcome(outcome), blocked=() if why is None else (why,))


def saw(id: str, symptom: str, observed: str = "x", needs: tuple[str, ...] = ()) -> Result:
    """Return a failing result that compared something, with a symptom."""
    comparison = ComparisonRecord(
        subject=id, observed=observed, expected="y", key=None, holds=False, warning=False, symptom=symptom
    )
    return result(id, "fail", *needs).model_copy(update={"comparisons": (comparison,)})


def results(*items: Result) -> dict[str, Result]:
    """Return results by id."""
    return {item.criterion.id: item for item in items}


def test_a_failure_folds_under_the_failure_upstream() -> None:
    """What depends on a failing criterion is explained by it, and only the cause is named."""
    found = diagnose(results(result("DIRECT", "fail", "STATE"), result("STATE", "fail"), result("CIDR", "pass")))
    assert found.causes == ("STATE",)
    assert found.explained_by == {"DIRECT": "STATE"}


def test_the_farthest_upstream_is_the_cause() -> None:
    """Along a chain of failures the first link is the cause of all the others."""
    found = diagnose(results(result("C", "fail", "B"), result("B", "fail", "A"), result("A", "fail")))
    assert found.explained_by == {"C": "A", "B": "A"}


def test_a_link_that_holds_does_not_break_the_chain() -> None:
    """A failure explains what is downstream even where a criterion between them holds."""
    found = diagnose(results(result("C", "fail", "B"), result("B", "pass", "A"), result("A", "fail")))
    assert found.explained_by == {"C": "A"}


def test_independent_failures_stand_on_their_own() -> None:
    """Two failures without a path between them are two causes, the one that explains more first."""
    found = diagnose(results(result("X", "fail"), result("A", "fail"), result("B", "fail", "A")))
    assert found.causes == ("A", "X")


def test_critical_comes_before_major() -> None:
    """Among unexplained failures, severity decides what is named first."""
    found = diagnose(results(result("M", "fail", severity="major"), result("C", "fail")))
    assert found.causes == ("C", "M")


def test_what_is_blocked_by_a_failure_is_explained_by_it() -> None:
    """A criterion that says what stood in its way folds under that failure."""
    why = Why(reason=Reason.DEPENDENCY, detail="the secret is disabled", criterion="SEC-DB")
    found = diagnose(results(result("DIRECT", "blocked", why=why), result("SEC-DB", "fail")))
    assert found.explained_by == {"DIRECT": "SEC-DB"}


def test_blindness_is_not_a_cause() -> None:
    """A blocked criterion explains nothing, and a failure downstream of it stands on its own."""
    found = diagnose(results(result("A", "blocked"), result("B", "fail", "A")))
    assert found.causes == ("B",)
    assert found.explained_by == {}


def test_who_saw_the_same_thing_missing_says_it_once() -> None:
    """Criteria that read the same missing thing are one finding; another missing thing is another."""
    found = diagnose(
        results(saw("STATE", "not-found", "no c"), saw("NET", "not-found", "no c"), saw("SEC", "not-found", "no s"))
    )
    assert found.causes == ("STATE", "SEC")
    assert found.explained_by == {"NET": "STATE"}


def test_a_value_that_is_the_same_by_chance_is_no_link() -> None:
    """Equal values of different settings are two findings."""
    assert diagnose(results(saw("A", "below", "25 s"), saw("B", "below", "25 s"))).causes == ("A", "B")


def test_a_full_instance_explains_what_it_turned_away() -> None:
    """A refusal for want of a slot comes from the capacity, although counting depends on connecting."""
    found = diagnose(
        results(
            saw("SQL-CONNS", "above", needs=("DB-CONNECT",)),
            saw("SQL-DIRECT", "too-many-clients"),
            saw("DB-CONNECT", "too-many-clients"),
        )
    )
    assert found.causes == ("SQL-CONNS",)
    assert found.explained_by == {"SQL-DIRECT": "SQL-CONNS", "DB-CONNECT": "SQL-CONNS"}


def test_another_failure_to_connect_is_no_matter_of_capacity() -> None:
    """With another symptom, the declared dependency decides."""
    found = diagnose(results(saw("SQL-CONNS", "above", needs=("DB-CONNECT",)), saw("DB-CONNECT", "refused")))
    assert found.causes == ("DB-CONNECT",)


def test_every_session_refused_is_one_finding() -> None:
    """The direct session and the fresh sessions fail alike, and are told once."""
    found = diagnose(results(saw("SQL-DIRECT", "stalled"), saw("DB-CONNECT", "stalled")))
    assert found.causes == ("DB-CONNECT",)


def test_links_name_criteria_of_the_contract() -> None:
    """Every end of a link exists."""
    known = rows(ALL).keys()
    assert {id for link in LINKS for id in (link.cause, *link.effects)} <= known
    assert {id for one in CLEARANCES for id in (*one.effects, *one.clears)} <= known
