"""Pairs of faults at once: what either turns is never green, nothing else is turned, and a right cause comes first."""

from pathlib import Path

import pytest

from fixtures.replica.faults import FAULTS
from tests.matrix.figures import Note
from tests.matrix.pairs import MISNAMED, TOGETHER, Pair, in_order, sample, visible
from tests.matrix.runs import EVERYTHING, GRAVITY, Verdict, expected, warm

PAIRS = [pair for pair, reason in sample().items() if not reason]
SEVERITIES = ("critical", "major", "advisory")


@pytest.mark.matrix
@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("pair", PAIRS, ids=" + ".join)
def test_neither_of_two_faults_is_lost(pair: Pair, tmp_path: Path, note: Note) -> None:
    """Both causes are named or explained, or one is blocked by the other; no criterion of either is green."""
    broken = (word for id in in_order(pair) for word in ("--fault", id))
    verdict = warm(tmp_path, *broken, *EVERYTHING)
    outcomes, right = expected(*pair) | TOGETHER.get(pair, {}), first_is_right(verdict, pair)
    note("pair", verdict, outcomes, first_is_right=right)
    turned = verdict.turned
    assert turned.keys() == outcomes.keys(), verdict.reasons()
    # Where one hides the other, what the other turns cannot be seen; what either shows outweighs what the other hides;
    # and a wait on top of a wait can be too long.
    for id, outcome in outcomes.items():
        assert turned[id] in (outcome, "blocked", *worse(outcome), *(FAULTS[one].turns.get(id) for one in pair))
    failing = {id for id, outcome in turned.items() if outcome == "fail"}
    for cause in causes(pair) & failing:
        assert cause in verdict.causes or verdict.of(cause)["explained_by"] in failing
    assert right is (pair not in MISNAMED)
    assert all(verdict.hint_fits(id) for id in verdict.causes)
    assert verdict.exit_code == verdict.gate()


def causes(pair: Pair) -> set[str]:
    """Return the causes that the two faults declare, as far as a run sees them that looks once."""
    return {cause for cause in (FAULTS[id].cause for id in pair) if cause is not None and cause != "SOAK"}


def worse(outcome: str) -> tuple[str, ...]:
    """Return the outcomes that are graver."""
    return GRAVITY[GRAVITY.index(outcome) + 1 :]


def first_is_right(verdict: Verdict, pair: Pair) -> bool:
    """Whether the first cause is one of the two, the graver one; none is right where neither can be seen."""
    standing = [id for id in verdict.causes if id in causes(pair)]
    if not standing:
        return not verdict.causes
    return verdict.causes[0] in standing and gravity(verdict, verdict.causes[0]) == min(
        gravity(verdict, id) for id in standing
    )


def gravity(verdict: Verdict, cause: str) -> int:
    """Return how grave the gravest failure is that goes back to a cause; the least is the gravest."""
    failing = (one for one in verdict.told["criteria"] if one["outcome"] == "fail")
    return min(SEVERITIES.index(one["severity"]) for one in failing if cause in (one["id"], one["explained_by"]))


def test_the_first_cause_of_pairs_is_right() -> None:
    """In at least 95 of 100 pairs the cause that is named first is a right one; each that is not, is accounted for."""
    assert len(PAIRS) >= 200
    assert set(PAIRS) >= MISNAMED.keys()
    assert len(MISNAMED) <= 0.05 * len(PAIRS)


def test_each_fault_is_in_a_pair() -> None:
    """Each fault that a run sees which looks once is in a pair that is run."""
    assert {id for pair in PAIRS for id in pair} == set(visible())
