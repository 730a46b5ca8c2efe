"""Why criteria could not be observed: each root reason once, whatever Google says of each thing that was asked."""

from typing import Any

import pytest

from fixtures.evidence.base import Reason, Why
from plugins.gaps import Gap, find_gaps, merged
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Criterion, Result
from plugins.runbook import Command, Hint


def blocked(id: str, *whys: Why, vantage: str = "anywhere") -> Result:
    """Return a blocked criterion's result."""
    criterion = Criterion(
        id=id, title=id, section="-", severity=Severity.CRITICAL, nodeid=f"suites/x.py::{id}", vantage=vantage
    )
    return Result(criterion=criterion, outcome=Outcome.BLOCKED, blocked=whys)


def why(reason: Reason, detail: str = "x", **rest: Any) -> Why:
    """Return a reason."""
    return Why(reason=reason, detail=detail, **rest)


def lacking(permission: str, role: str) -> Why:
    """Return the reason that a permission is missing, in words of its own."""
    return why(Reason.PERMISSION_DENIED, f"Permission {permission} denied", permission=permission, role=role)


def hint(*runs: str, id: str = "grant", cause: str = "It lacks a role.") -> Hint:
    """Return a hint with commands that read."""
    commands = tuple(Command(run=run, risk="read") for run in runs)
    texts = {"section": "-", "takes": "1 minute", "owner": "x", "verify": "pytest"}
    return Hint(id=id, reasons=(Reason.PERMISSION_DENIED,), cause=cause, commands=commands, **texts)


def found(*results: Result) -> list[Gap]:
    """Return the gaps of some results that no failure explains."""
    return find_gaps(results, (), {})


def ids(gap: Gap) -> list[str]:
    """Return the criteria of a gap."""
    return [result.criterion.id for result in gap.results]


def test_permissions_are_one_gap_by_role() -> None:
    """All that is missing is one gap, which names each permission once, under the role that grants it."""
    run, get = lacking("run.services.get", "roles/run.viewer"), lacking("run.revisions.get", "roles/run.viewer")
    sql = lacking("cloudsql.instances.get", "roles/cloudsql.viewer")
    (gap,) = found(blocked("A", run), blocked("B", sql), blocked("ALL", sql, run, get))
    assert ids(gap) == ["A", "B", "ALL"]
    assert gap.sentence == "3 permissions are missing"
    assert gap.roles == {
        "roles/cloudsql.viewer": ("cloudsql.instances.get",),
        "roles/run.viewer": ("run.services.get", "run.revisions.get"),
    }
    assert gap.said == (run.detail, sql.detail, get.detail)


def test_one_permission_is_named_at_once() -> None:
    """A single missing permission is the sentence itself; two are counted."""
    run, get = lacking("run.services.get", "roles/run.viewer"), lacking("run.revisions.get", "roles/run.viewer")
    assert found(blocked("A", run))[0].sentence == "the permission run.services.get is missing"
    assert found(blocked("A", run), blocked("B", get))[0].sentence == "2 permissions are missing"


def test_what_no_grant_helps_is_a_gap_of_its_own() -> None:
    """A policy of the organisation is not among the missing permissions."""
    policy = why(Reason.PERMISSION_DENIED, "a policy of the organisation forbids it from here")
    gaps = found(blocked("A", policy), blocked("B", lacking("run.services.get", "roles/run.viewer")))
    assert [gap.sentence for gap in gaps] == [policy.detail, "the permission run.services.get is missing"]


@pytest.mark.parametrize(
    "reason",
    [Reason.CREDENTIALS_REFUSED, Reason.API_UNAVAILABLE, Reason.QUOTA, Reason.API_DISABLED, Reason.DNS],
)
def test_one_act_settles_them_all(reason: Reason) -> None:
    """What each API says in its own name is one gap, whose sentence is true of all; what was said is kept."""
    first, second = why(reason, "run.googleapis.com said no"), why(reason, "sqladmin.googleapis.com said no")
    (gap,) = found(blocked("A", first), blocked("B", second), blocked("C", first))
    assert ids(gap) == ["A", "B", "C"]
    assert gap.sentence not in gap.said
    assert gap.said == (first.detail, second.detail)


def test_apis_are_named() -> None:
    """What is switched off is named, once, however it was found out."""
    found_out = why(Reason.API_DISABLED, "the API run.googleapis.com is switched off in the project")
    told = why(Reason.API_DISABLED, "the API run.googleapis.com is switched off: Cloud Run has not been used")
    other = why(Reason.API_DISABLED, "the API logging.googleapis.com is switched off in the project")
    assert (
        found(blocked("A", found_out), blocked("B", told))[0].sentence == "the API run.googleapis.com is switched off"
    )
    (both,) = found(blocked("A", found_out, other), blocked("B", told))
    assert both.sentence == "the APIs logging.googleapis.com, run.googleapis.com are switched off"


@pytest.mark.parametrize("reason", [Reason.NOT_CONFIGURED, Reason.UNKNOWABLE, Reason.SUITE_ERROR])
def test_what_needs_acts_of_its_own_stays_apart(reason: Reason) -> None:
    """Two reasons that nothing settles together are two gaps, each in its own words."""
    gaps = found(blocked("A", why(reason, "one thing")), blocked("B", why(reason, "another")))
    assert [(gap.sentence, gap.said) for gap in gaps] == [("one thing", ()), ("another", ())]


def test_addresses_without_a_way_are_one_gap() -> None:
    """Private addresses have one remedy, so they are one gap, in the first one's words."""
    text = "{} is a private address, which this machine has no way to"
    gaps = found(
        *(
            blocked(id, why(Reason.NO_ROUTE, text.format(address)), vantage="vpc")
            for id, address in (("DB-CONNECT", "10.1.0.3:5432"), ("SQL-DIRECT", "10.107.0.3:6379"))
        ),
        blocked("HLT-APP", why(Reason.NO_ROUTE, "nothing at all answers from here")),
    )
    assert [ids(gap) for gap in gaps] == [["DB-CONNECT", "SQL-DIRECT"], ["HLT-APP"]]
    assert gaps[0].sentence == text.format("10.1.0.3:5432")
    assert [gap.is_of_the_vantage for gap in gaps] == [True, False]


def test_what_blocks_most_comes_first() -> None:
    """Gaps are in the order of how much they block; where that is equal, in the order of the run."""
    quota, dns, few = why(Reason.QUOTA), why(Reason.DNS), why(Reason.NOT_CONFIGURED)
    gaps = found(blocked("A", few), blocked("B", quota), blocked("C", dns), blocked("D", dns))
    assert [gap.reason for gap in gaps] == [Reason.DNS, Reason.NOT_CONFIGURED, Reason.QUOTA]


def test_what_a_failure_explains_is_left_out() -> None:
    """A criterion downstream of a failure is mended by mending that."""
    assert find_gaps([blocked("A", why(Reason.DEPENDENCY))], {"A": "B"}, {}) == []


def test_a_hint_is_filled_in_for_what_is_missing() -> None:
    """Two roles are two commands; two criteria that lack the same are one, however the second one's would read."""
    run, sql = lacking("run.services.get", "roles/run.viewer"), lacking("sql.x.get", "roles/cloudsql.viewer")
    hints = {
        "A": (hint("bind run"),),
        "B": (hint("bind run, phase 3"), hint("look", id="own")),
        "C": (hint("bind sql"),),
    }
    (gap,) = find_gaps([blocked("A", run), blocked("B", run), blocked("C", sql)], (), hints)
    assert [[command.run for command in one.commands] for one in gap.hints] == [["bind run", "bind sql"], ["look"]]


def test_what_is_granted_one_by_one_is_missing_one_by_one() -> None:
    """One role on two secrets, or in two projects, is missing twice."""
    role = "roles/secretmanager.secretAccessor"
    one, two = (
        why(Reason.PERMISSION_DENIED, f"denied on projects/p/secrets/{id}", permission="a.b.access", role=role)
        for id in ("x", "y")
    )
    elsewhere = one.model_copy(update={"project": "q"})
    blind = [blocked("A", one), blocked("B", two), blocked("C", one), blocked("D", elsewhere)]
    hints = {id: (hint(f"bind {id}"),) for id in "ABCD"}
    (gap,) = find_gaps(blind, (), hints)
    assert [command.run for command in gap.hints[0].commands] == ["bind A", "bind B", "bind D"]


def test_a_hint_is_said_once_with_all_its_commands() -> None:
    """Two fillings of one hint are one hint, each of whose commands stands once; a cause that differs is left out."""
    one, two = hint("bind a", "check"), hint("bind b", "check", cause="It lacks another.")
    (same,) = merged([one, one])
    assert same == one
    (both, other) = merged([one, two, hint("ask", id="other")])
    assert [command.run for command in both.commands] == ["bind a", "check", "bind b"]
    assert (both.cause, other.id) == ("", "other")


def test_a_permission_of_no_known_role_is_missing_all_the_same() -> None:
    """Where no role is known, the permission is named; roles stand in their order, the unknown first."""
    unknown = why(Reason.PERMISSION_DENIED, "denied", permission="a.b.get")
    (gap,) = found(blocked("A", lacking("run.services.get", "roles/run.viewer")), blocked("B", unknown))
    assert gap.roles == {"": ("a.b.get",), "roles/run.viewer": ("run.services.get",)}
    assert next(iter(gap.roles)) == ""


@pytest.mark.parametrize("reason", [Reason.DNS, Reason.QUOTA, Reason.API_DISABLED])
def test_one_answer_is_the_sentence(reason: Reason) -> None:
    """What was answered in the same words throughout is the sentence itself, and not said twice."""
    (gap,) = found(blocked("A", why(reason, "no")), blocked("B", why(reason, "no")))
    assert (gap.sentence, gap.said) == ("no", ())


def test_apis_without_a_name_are_switched_off() -> None:
    """Where no answer names an API, the sentence names none either."""
    (gap,) = found(blocked("A", why(Reason.API_DISABLED, "off")), blocked("B", why(Reason.API_DISABLED, "is off")))
    assert gap.sentence == "APIs are switched off"


def test_an_api_in_another_reason_is_not_switched_off() -> None:
    """Only what is switched off is said to be."""
    (gap,) = found(blocked("A", why(Reason.QUOTA, "run.googleapis.com refuses")))
    assert gap.sentence == "run.googleapis.com refuses"


@pytest.mark.parametrize(
    ("reason", "vantages", "expected"),
    [
        (Reason.NO_ROUTE, ("vpc", "vpc"), True),
        (Reason.NO_ROUTE, ("vpc", "anywhere"), False),
        (Reason.DNS, ("vpc", "vpc"), False),
    ],
)
def test_what_the_vantage_would_settle(reason: Reason, vantages: tuple[str, ...], expected: bool) -> None:
    """A run from inside the VPC closes a gap that is of routes, and of nothing that is seen from elsewhere."""
    (gap,) = found(*(blocked(f"A{n}", why(reason), vantage=vantage) for n, vantage in enumerate(vantages)))
    assert gap.is_of_the_vantage is expected


def test_the_first_reason_is_the_root() -> None:
    """A criterion belongs to the gap of its first reason; other reasons are not of that gap, nor one of their own."""
    first, second = why(Reason.QUOTA, "too many"), why(Reason.NOT_CONFIGURED, "not told")
    (gap,) = found(blocked("A", first, second), blocked("B", first, second))
    assert (gap.whys, ids(gap)) == ((first,), ["A", "B"])


def test_a_result_without_a_reason_is_no_gap() -> None:
    """What is not blocked has no gap, whether a failure explains it or not."""
    assert found(blocked("A")) == []
    assert [ids(gap) for gap in find_gaps([blocked("A"), blocked("B", why(Reason.DNS))], {"A": "C"}, {})] == [["B"]]


def test_a_hint_is_filled_in_for_each_api() -> None:
    """Two APIs that are off are two commands; what an answer names beside the API that is off asks for none."""
    whys = [
        why(Reason.API_DISABLED, f"the API {one}.googleapis.com is off{more}")
        for one, more in (("run", ""), ("sqladmin", ""), ("run", ", see console.googleapis.com"))
    ]
    results = [blocked(id, one) for id, one in zip("ABC", whys, strict=True)]
    hints = {"A": (hint("enable run"),), "B": (hint("enable sqladmin"),), "C": (hint("enable run again"),)}
    (gap,) = find_gaps(results, (), hints)
    assert [[command.run for command in one.commands] for one in gap.hints] == [["enable run", "enable sqladmin"]]
