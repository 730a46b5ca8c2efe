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
