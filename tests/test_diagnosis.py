"""Root cause first: which failure explains which."""

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.evidence.base import Reason, Why
from plugins.diagnosis import Confidence, diagnose
from plugins.diagnosis.contradictions import contradictions
from plugins.diagnosis.graph import Graph, flaw
from plugins.diagnosis.links import CLEARANCES, LINKS, Clearance, Link
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import ComparisonRecord, Criterion, Result
from plugins.runbook import read

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


@pytest.fixture
def ceiling() -> Iterator[None]:
    """End a search that goes round for ever."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.mark.usefixtures("ceiling")
@pytest.mark.parametrize("order", ["PXZ", "PZX", "XPZ"])
def test_failures_that_go_back_to_each_other_have_one_cause(order: str) -> None:
    """A circle is cut where the run came to it first, and all that is on it goes back to that."""
    made = results(result("P", "fail", "X", "Z"), result("X", "fail", "Z", "P"), result("Z", "fail", "X"))
    found = diagnose({id: made[id] for id in order})
    assert found.causes == (order[0],)
    assert found.explained_by == dict.fromkeys(order[1:], order[0])


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


def test_an_effect_goes_back_to_the_cause_and_not_to_its_next_link() -> None:
    """What a failing session shows goes back to the instance, as the failing session itself does."""
    found = diagnose(
        results(
            result("SQL-STATE", "fail"),
            saw("SQL-DIRECT", "refused", needs=("SQL-STATE",)),
            saw("DB-CONNECT", "refused", needs=("SQL-STATE",)),
        )
    )
    assert found.explained_by == {"SQL-DIRECT": "SQL-STATE", "DB-CONNECT": "SQL-STATE"}


def test_the_log_is_the_echo_of_what_fails() -> None:
    """Lines of the outage, and the critical entries that are nothing but such lines, fold under what they tell of."""
    found = diagnose(
        results(
            saw("DB-CONNECT", "refused"), saw("LOG-CRIT", "critical-signatures"), saw("LOG-SIGN", "connection-refused")
        )
    )
    assert found.causes == ("DB-CONNECT",)


@pytest.mark.parametrize(
    ("crit", "sign"), [("critical-entries", "connection-refused"), ("critical-signatures", "module-missing")]
)
def test_what_the_log_tells_beyond_the_failure_stands_on_its_own(crit: str, sign: str) -> None:
    """A critical entry that no known line accounts for, and a line of something else, are findings of their own."""
    found = diagnose(results(saw("DB-CONNECT", "refused"), saw("LOG-CRIT", crit), saw("LOG-SIGN", sign)))
    assert len(found.causes) == 2


def test_an_effect_folds_only_when_all_that_it_shows_is_explained() -> None:
    """One line of the log that nothing explains keeps the whole finding among the causes."""
    both = saw("LOG-SIGN", "connection-refused")
    other = saw("LOG-SIGN", "module-missing").comparisons
    both = both.model_copy(update={"comparisons": both.comparisons + other})
    assert diagnose(results(saw("DB-CONNECT", "refused"), both)).causes == ("DB-CONNECT", "LOG-SIGN")


def test_what_runs_is_the_cause_where_the_source_is_right() -> None:
    """An old timeout in the log explains the failed start; where the source holds it too, the source explains both."""
    running = saw("LOG-SIGN", "initialisation-timeout-regressed")
    down = saw("HLT-BACKEND", "status-503")
    assert diagnose(results(result("TMO-INIT", "pass"), running, down)).causes == ("LOG-SIGN",)
    assert diagnose(results(saw("TMO-INIT", "below"), running, down)).causes == ("TMO-INIT",)


@pytest.mark.parametrize(
    ("symptom", "causes"), [("stalled", ("VPC-CAP",)), ("wrong-password", ("DB-CONNECT", "VPC-CAP"))]
)
def test_a_saturated_connector_explains_what_stalls_on_the_way(symptom: str, causes: tuple[str, ...]) -> None:
    """A handshake that stalls before the server's first word is the connector's, and a refused password is not."""
    sessions = saw("DB-CONNECT", symptom), saw("SQL-DIRECT", symptom)
    assert diagnose(results(saw("VPC-CAP", "at-max"), *sessions)).causes == causes


def test_what_the_server_says_has_come_all_the_way() -> None:
    """A password that the server refuses goes back neither to the connector nor to the instance's state."""
    needs = ("SQL-STATE", "VPC-STATE")
    found = diagnose(results(result("VPC-STATE", "fail"), saw("DB-CONNECT", "wrong-password", needs=needs)))
    assert found.causes == ("VPC-STATE", "DB-CONNECT")


def test_a_difference_that_is_told_is_not_told_again_by_terraform() -> None:
    """Terraform's difference folds under the criterion that saw the same value, and another one does not."""
    told = saw("VPC-NET", "different", "default")
    assert diagnose(results(told, saw("TF-DRIFT", "drifted", "default"))).causes == ("VPC-NET",)
    assert diagnose(results(told, saw("TF-DRIFT", "drifted", "e2-micro"))).causes == ("VPC-NET", "TF-DRIFT")


def test_what_a_failure_did_not_hide_from_us_is_no_effect_of_it() -> None:
    """A criterion that is blocked by a missing permission stays blocked when the failure upstream is mended."""
    why = Why(reason=Reason.PERMISSION_DENIED, detail="monitoring.timeSeries.list is missing")
    state, cap = result("VPC-STATE", "fail"), result("VPC-CAP", "blocked", "VPC-STATE", why=why)
    assert diagnose(results(state, cap)).explained_by == {}
    both = (why, Why(reason=Reason.DEPENDENCY, detail="no connector", criterion="VPC-STATE"))
    assert diagnose(results(state, cap.model_copy(update={"blocked": both}))).explained_by == {}
    assert diagnose(results(state, cap.model_copy(update={"blocked": both[1:]}))).explained_by == {
        "VPC-CAP": "VPC-STATE"
    }


def test_a_cause_is_as_grave_as_what_goes_back_to_it() -> None:
    """A major criterion that explains a critical one is named before a critical one that explains nothing."""
    found = diagnose(
        results(
            result("OTHER", "fail"),
            saw("LOG-SIGN", "initialisation-timeout-regressed").model_copy(
                update={"criterion": result("LOG-SIGN", "fail", severity="major").criterion}
            ),
            saw("HLT-BACKEND", "status-503"),
        )
    )
    assert found.causes == ("LOG-SIGN", "OTHER")


def holding(id: str, *needs: str, probe: str, said: str = "0.031 s", severity: str = "critical") -> Result:
    """Return a result that holds, read from a probe."""
    found = result(id, "pass", *needs, severity=severity)
    comparison = ComparisonRecord(
        subject="slowest of 5 sessions",
        observed=said,
        expected="< 35 s",
        key=None,
        holds=True,
        warning=False,
        symptom="",
    )
    criterion = found.criterion.model_copy(update={"probes": (probe,)})
    return found.model_copy(update={"criterion": criterion, "comparisons": (comparison,)})


def test_what_speaks_against_a_cause_is_shown() -> None:
    """A session that opens through a connector that is said to be down is told with the cause, and with what it saw."""
    state = result("VPC-STATE", "fail")
    found = diagnose(results(state, holding("DB-CONNECT", "VPC-STATE", probe="sessions")))
    (against,) = found.contradictions["VPC-STATE"]
    assert (against.criterion, against.observed) == ("DB-CONNECT", "slowest of 5 sessions: 0.031 s")


def test_what_is_not_there_is_told_by_what_was_hoped_for() -> None:
    """That a session did not fail reads as what it did, not as an absence."""
    held = holding("SQL-DIRECT", "VPC-STATE", probe="sessions", said="absent")
    (against,) = diagnose(results(result("VPC-STATE", "fail"), held)).contradictions["VPC-STATE"]
    assert against.observed == "slowest of 5 sessions: < 35 s"


def test_what_was_not_selected_explains_nothing() -> None:
    """A failure whose evidence would explain what it depends on stands alone in a run that did not select that."""
    found = diagnose(results(saw("SQL-CONNS", "above", needs=("DB-CONNECT",))))
    assert (found.causes, found.explained_by) == (("SQL-CONNS",), {})


@pytest.mark.parametrize(
    ("probe", "severity"),
    [("connector_load", "critical"), ("connection_count", "critical"), ("sessions", "advisory"), ("login", "critical")],
    ids=["control plane", "counted by Google", "advisory", "the failure's own look"],
)
def test_what_may_hold_all_the_same_is_no_contradiction(probe: str, severity: str) -> None:
    """Only the target at work, seen otherwise than the failure was, and by what decides, speaks against a cause."""
    failed = result("X", "fail")
    failed = failed.model_copy(update={"criterion": failed.criterion.model_copy(update={"probes": ("login",)})})
    assert diagnose(results(failed, holding("Y", "X", probe=probe, severity=severity))).contradictions == {}


def test_a_failure_that_is_contradicted_explains_nothing_by_declaration_alone() -> None:
    """Where one thing holds without what it depends on, another one's failure is not put down to it."""
    found = diagnose(
        results(
            result("HLT-BACKEND", "fail"),
            holding("WS-REJECT", "HLT-BACKEND", probe="socket_refusals"),
            result("WS-OPEN", "fail", "HLT-BACKEND"),
        )
    )
    assert found.causes == ("HLT-BACKEND", "WS-OPEN")


def test_a_cause_is_confirmed_where_nothing_else_can_be_it() -> None:
    """The only failure upstream is confirmed; of two that both can be it, the first is suspected."""
    state, other = result("SQL-STATE", "fail"), result("VPC-STATE", "fail")
    effect = saw("DB-CONNECT", "timeout", needs=("SQL-STATE", "VPC-STATE"))
    assert diagnose(results(state, effect)).confidence == {"SQL-STATE": Confidence.CONFIRMED}
    assert diagnose(results(state, other, effect)).confidence == {
        "SQL-STATE": Confidence.SUSPECTED,
        "VPC-STATE": Confidence.ALONE,
    }


def test_evidence_chooses_between_two_failures() -> None:
    """A connection that is refused is the instance's, one that stalls the connector's; either is then confirmed."""
    states = result("SQL-STATE", "fail"), result("VPC-STATE", "fail")
    for symptom, cause in (("refused", "SQL-STATE"), ("stalled", "VPC-STATE")):
        found = diagnose(results(*states, saw("DB-CONNECT", symptom, needs=("SQL-STATE", "VPC-STATE"))))
        assert (found.explained_by, found.causes[0]) == ({"DB-CONNECT": cause}, cause)
        assert found.confidence[cause] is Confidence.CONFIRMED


@given(
    st.lists(st.sampled_from(["fail", "pass", "blocked"]), min_size=2, max_size=9),
    st.data(),
)
def test_every_failure_goes_back_to_a_cause_or_is_one(outcomes: list[str], data: st.DataObject) -> None:
    """Whatever depends on whatever, round or not: each failure is a cause, or is explained by one."""
    ids = data.draw(st.permutations(["DB-CONNECT", "SQL-CONNS", "SQL-DIRECT", "SQL-STATE", "A", "B", "C", "D", "E"]))
    ids = ids[: len(outcomes)]
    made = {}
    for id, outcome in zip(ids, outcomes, strict=True):
        needs = tuple(data.draw(st.lists(st.sampled_from(ids), max_size=3, unique=True)))
        symptom = data.draw(st.sampled_from(["above", "too-many-clients", "refused", "not-found"]))
        made[id] = saw(id, symptom, needs=needs) if outcome == "fail" else result(id, outcome, *needs)
    found = diagnose(made)
    failing = [id for id, one in made.items() if one.outcome is Outcome.FAIL]
    assert sorted(failing) == sorted({*found.causes} | {id for id in found.explained_by if id in failing})
    assert {*found.explained_by.values()} <= {*found.causes}
    assert not {*found.causes} & {*found.explained_by}
    assert bool(found.causes) is bool(failing)


def test_the_page_tells_of_every_link() -> None:
    """docs/diagnosis.md has a row for each pair that a link joins."""
    page = (Path(__file__).parent.parent / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    told = [[re.compile(id.replace("*", ".+")) for id in re.findall(r"`([A-Z*-]+)`", line)] for line in lines]
    for link in LINKS:
        for effect in link.effects:
            assert any(all(any(id.fullmatch(end) for id in row) for end in (link.cause, effect)) for row in told), link


def needing(**needs: str) -> dict[str, Criterion]:
    """Return criteria by id, each with what it needs; the ids' dashes are left out."""
    return {id: result(id, "pass", *need.split()).criterion for id, need in needs.items()}


def test_needs_that_lead_nowhere_are_a_flaw() -> None:
    """A need that is no criterion, and a circle, are named; a part of the criteria may need what is not in it."""
    assert flaw(needing(A="B", B="C", C=""), whole=True) is None
    assert flaw(needing(A="B"), whole=True) == "suites/x.py::A: A needs B, which is no criterion"
    assert flaw(needing(A="B"), whole=False) is None
    circle = flaw(needing(A="B", B="A", C="A"), whole=False)
    assert circle in {
        f"criteria need each other in a circle: {way}" for way in ("A needs B needs A", "B needs A needs B")
    }


def test_links_name_criteria_of_the_contract() -> None:
    """Every end of a link exists, and every symptom is one that the runbook knows, or a reason for blindness."""
    symptoms = {symptom for hint in read().hints for symptom in hint.when} | {*Reason}
    for link in LINKS:
        assert {*link.symptoms, *link.effect_symptoms} <= symptoms, link
    assert {symptom for one in CLEARANCES for symptom in one.symptoms} <= symptoms
    known = rows(ALL).keys()
    assert {id for link in LINKS for id in (link.cause, *link.effects)} <= known
    assert {id for one in CLEARANCES for id in (*one.effects, *one.clears)} <= known


ENDS = {
    f"{link.cause} {'+'.join(link.symptoms)} > {effect} {'+'.join(link.effect_symptoms)}": (link, effect)
    for link in LINKS
    for effect in link.effects
}
CLEARED = {
    f"{effect} > {need} {'+'.join(one.symptoms)}": (one, effect, need)
    for one in CLEARANCES
    for effect in one.effects
    for need in one.clears
}


def showing(id: str, symptoms: tuple[str, ...], needs: tuple[str, ...] = ()) -> Result:
    """Return a failure with several symptoms."""
    comparisons = [one for symptom in symptoms or ("any",) for one in saw(id, symptom).comparisons]
    return saw(id, "", needs=needs).model_copy(update={"comparisons": tuple(comparisons)})


@pytest.mark.parametrize("outcome", ["fail", "blocked"])
@pytest.mark.parametrize("pair", ENDS)
def test_a_part_of_the_criteria_is_diagnosed(pair: str, outcome: str) -> None:
    """A run that selected only a link's cause, or only an effect, comes to a diagnosis, whatever the rest needs."""
    link, effect = ENDS[pair]
    cause = showing(link.cause, link.symptoms, needs=link.effects)
    assert diagnose(results(cause)).causes == (link.cause,)
    if outcome == "fail":
        alone = showing(effect, link.effect_symptoms or link.symptoms, needs=(link.cause,))
        assert diagnose(results(alone)).causes == (effect,)
    else:
        why = Why(reason=Reason.DEPENDENCY, detail="x", criterion=link.cause)
        assert diagnose(results(result(effect, "blocked", link.cause, why=why))).causes == ()


@pytest.mark.parametrize("pair", CLEARED)
def test_a_part_of_what_clears_is_diagnosed(pair: str) -> None:
    """A run that selected only one end of a clearance comes to a diagnosis; of both, neither explains the other."""
    one, effect, need = CLEARED[pair]
    for alone in (showing(effect, one.symptoms, needs=(need,)), showing(need, one.symptoms, needs=(effect,))):
        assert diagnose(results(alone)).causes == (alone.criterion.id,)
    for symptom in (one.symptoms[:1], one.symptoms):
        both = diagnose(results(result(need, "fail"), showing(effect, symptom, needs=(need,))))
        assert both.causes == (need, effect)
    # Something else beside it, nothing at all, and another need are explained by declaration.
    more = showing(effect, (*one.symptoms, "other"), needs=(need, "Z"))
    assert diagnose(results(result(need, "fail"), more)).explained_by == {effect: need}
    assert diagnose(results(result(need, "fail"), result(effect, "fail", need))).explained_by == {effect: need}
    assert diagnose(results(result("Z", "fail"), more)).explained_by == {effect: "Z"}
    assert diagnose(results(result(need, "fail"), showing("Z", one.symptoms, (need,)))).explained_by == {"Z": need}


@pytest.mark.parametrize("pair", ENDS)
def test_every_link_explains_what_it_says(pair: str) -> None:
    """The effect folds under the cause with each of the symptoms, and not with one that is of nobody's."""
    link, effect = ENDS[pair]
    for cause_symptom in link.symptoms or ("any",):
        alike = (cause_symptom,) if link.same else link.effect_symptoms or ("any",)
        for symptom in alike:
            reason = symptom in {*Reason}
            cause, shown = saw(link.cause, cause_symptom), saw(effect, symptom)
            if reason:
                shown = result(effect, "blocked", why=Why(reason=Reason(symptom), detail="x"))
            assert diagnose(results(cause, shown)).explained_by == {effect: link.cause}
            assert diagnose(results(shown, cause)).explained_by == {effect: link.cause}
    if link.is_particular:
        stranger = saw(effect, "stranger", "another")
        assert diagnose(results(showing(link.cause, link.symptoms), stranger)).explained_by == {}
    if link.symptoms:
        effects = showing(effect, link.effect_symptoms)
        found = diagnose(results(saw(link.cause, "stranger"), effects)).explained_by
        assert found == {} or any(not one.symptoms for one in LINKS if one.cause == link.cause)


def test_what_makes_a_link_particular() -> None:
    """Any of three; by default none, and it is worth more than a declaration."""
    plain = Link("A", (), ("B",))
    assert (plain.is_particular, plain.same, plain.same_value, plain.presumed) == (False, False, False, False)
    for link in (
        Link("A", (), ("B",), ("x",)),
        Link("A", (), ("B",), same=True),
        Link("A", (), ("B",), same_value=True),
    ):
        assert link.is_particular
    assert Clearance(("A",), ("x",), ("B",)).clears == ("B",)


def test_a_presumption_falls_when_it_is_contradicted() -> None:
    """Lines of the log go back to a state by presumption only, so not where a session shows the state to be right."""
    line = saw("LOG-SIGN", "initialisation-timeout")
    for id in ("SQL-STATE", "VPC-STATE"):
        state, open_ = result(id, "fail"), holding("DB-CONNECT", id, probe="sessions")
        assert diagnose(results(state, line)).explained_by == {"LOG-SIGN": id}
        assert diagnose(results(state, open_, line)).explained_by == {}
        assert not Graph(results(state, line)).is_seen("LOG-SIGN")


def test_what_is_seen_outweighs_a_contradiction() -> None:
    """An effect that evidence puts down to a contradicted cause confirms it; one that is declared does not explain."""
    state, open_ = result("SQL-STATE", "fail"), holding("Y", "SQL-STATE", probe="sessions")
    found = diagnose(results(state, open_, saw("DB-CONNECT", "refused")))
    assert found.confidence == {"SQL-STATE": Confidence.CONFIRMED}
    why = Why(reason=Reason.DNS, detail="x")
    assert Graph(results(state, open_, result("B", "blocked", "SQL-STATE", why=why))).roots("B") == ("SQL-STATE",)
    assert Graph(results(state, open_, result("B", "fail", "SQL-STATE"))).roots("B") == ()


def test_a_contradiction_holds_and_needs_the_cause() -> None:
    """What warns, what needs something else, and what nobody looked at, contradict nothing."""
    state = result("X", "fail")
    held = holding("Y", "X", probe="sessions").model_copy(update={"comparisons": ()})
    (against,) = contradictions("X", results(state, held))
    assert against.observed == "Y"
    two = holding("Y", "X", probe="sessions")
    two = two.model_copy(
        update={"comparisons": (*holding("Y", probe="sessions", said="first").comparisons, *two.comparisons)}
    )
    assert contradictions("X", results(state, two))[0].observed == "slowest of 5 sessions: 0.031 s"
    failed = held.model_copy(update={"outcome": Outcome.WARN})
    for other in (holding("Y", "Z", probe="sessions"), holding("Y", "X", probe="nobody's"), failed):
        assert contradictions("X", results(state, other)) == ()


def test_three_severities_are_named_in_their_order() -> None:
    """Critical, major, advisory; what is only blocked behind a cause makes it no graver."""
    made = [result(severity, "fail", severity=severity) for severity in ("advisory", "major", "critical")]
    assert diagnose(results(*made)).causes == ("critical", "major", "advisory")
    why = Why(reason=Reason.DEPENDENCY, detail="x", criterion="A")
    found = diagnose(
        results(
            result("B", "fail", severity="major"),
            result("A", "fail", severity="advisory"),
            result("C", "blocked", why=why),
        )
    )
    assert found.causes == ("B", "A")
    assert found.explains("A") == ("C",)
    assert found.explains("B") == ()


def test_a_circle_of_evidence_is_cut_where_the_run_came_first() -> None:
    """Two failures that each name the other leave one cause, the first in the run, and all else goes back to it."""
    named = {
        id: saw(id, "x").model_copy(update={"blocked": (Why(reason=Reason.DEPENDENCY, detail="x", criterion=other),)})
        for id, other in (("A", "B"), ("B", "C"), ("C", "B"), ("D", "A"))
    }
    for order in (("A", "B", "C", "D"), ("D", "C", "B", "A"), ("B", "C", "A", "D"), ("C", "A", "B", "D")):
        found = diagnose({id: named[id] for id in order})
        assert len(found.causes) == 1
        assert {*found.explained_by} == {*named} - {*found.causes}
        assert {*found.explained_by.values()} == {*found.causes}


def test_a_warning_is_nothing_that_a_link_must_explain() -> None:
    """What only warns beside a violation keeps nothing from folding, and makes nothing fold."""
    effect = saw("DB-CONNECT", "refused")
    warned = saw("DB-CONNECT", "slow").comparisons[0].model_copy(update={"warning": True})
    held = warned.model_copy(update={"warning": False, "holds": True})
    effect = effect.model_copy(update={"comparisons": (*effect.comparisons, warned, held)})
    assert diagnose(results(result("SQL-STATE", "fail"), effect)).explained_by == {"DB-CONNECT": "SQL-STATE"}


def test_a_difference_that_holds_is_not_told() -> None:
    """Terraform's difference does not fold under an equal value with which the other criterion was content."""
    told = saw("VPC-NET", "different", "default")
    held = told.comparisons[0].model_copy(update={"observed": "e2-micro", "holds": True})
    told = told.model_copy(update={"comparisons": (*told.comparisons, held)})
    assert diagnose(results(told, saw("TF-DRIFT", "drifted", "e2-micro"))).explained_by == {}
    why = Why(reason=Reason.DNS, detail="x")
    assert diagnose(results(told, result("TF-DRIFT", "blocked", why=why))).explained_by == {}


def test_only_failures_speak_for_a_shared_thing() -> None:
    """A failure without a comparison says nothing of it, and what is blocked or warns has no speaker."""
    bare, one = result("A", "fail"), saw("B", "not-found", "no c")
    assert diagnose(results(bare, one)).causes == ("A", "B")
    warned = saw("C", "not-found", "no c").model_copy(update={"outcome": Outcome.WARN})
    assert diagnose(results(one, warned)).explained_by == {}
    assert Graph(results(one, warned)).roots("C") == ()
