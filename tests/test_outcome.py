"""The gate: which exit code a set of outcomes amounts to."""

import itertools

import pytest

from plugins.outcome import Gate, Outcome, Severity, gate

DECIDING = (Severity.CRITICAL, Severity.MAJOR)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["pass"], Gate.CLEAR),
        (["pass", "warn"], Gate.CLEAR),
        (["pass", "n/a"], Gate.CLEAR),
        (["pass", "fail"], Gate.NOT_CLEAR),
        (["fail", "blocked"], Gate.NOT_CLEAR),
        (["pass", "blocked"], Gate.UNPROVEN),
        (["blocked"], Gate.UNPROVEN),
        (["n/a"], Gate.UNPROVEN),
        ([], Gate.UNPROVEN),
    ],
)
@pytest.mark.parametrize("severity", DECIDING)
def test_the_gate(severity: Severity, outcomes: list[str], expected: Gate) -> None:
    """A failure outweighs blindness, and blindness outweighs success."""
    assert gate((severity, Outcome(outcome)) for outcome in outcomes) is expected


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_advisory_never_decides(outcome: Outcome) -> None:
    """Whatever becomes of an advisory, a critical criterion that holds stays clear."""
    assert gate([(Severity.CRITICAL, Outcome.PASS), (Severity.ADVISORY, outcome)]) is Gate.CLEAR


def test_never_clear_with_an_unobserved_criterion() -> None:
    """No combination that holds a blocked or failed critical criterion is clear."""
    for outcomes in itertools.product(Outcome, repeat=3):
        if Outcome.BLOCKED in outcomes or Outcome.FAIL in outcomes:
            assert gate((Severity.CRITICAL, outcome) for outcome in outcomes) is not Gate.CLEAR


def test_the_exit_codes_are_the_published_ones() -> None:
    """Pipelines rely on these numbers."""
    assert {one.name: int(one) for one in Gate} == {"CLEAR": 0, "NOT_CLEAR": 1, "UNPROVEN": 6}


@pytest.mark.parametrize(("outcome", "expected"), [("pass", 0), ("warn", 0), ("fail", 0), ("blocked", 6), ("n/a", 6)])
def test_advisories_alone(outcome: str, expected: int) -> None:
    """A run of advisories is clear once one was observed, whatever was seen, and else unproven."""
    assert gate([(Severity.ADVISORY, Outcome(outcome))]) == expected
