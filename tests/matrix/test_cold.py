"""Runs that are forked say the same as runs that are started as a user starts them."""

from pathlib import Path

import pytest

from fixtures.replica.faults import FAULTS
from plugins.criteria import AREAS
from tests.matrix.runs import EVERYTHING, Verdict, cold, warm

SAMPLE = {
    "timeouts": "initialization-timeout-regressed",
    "vpc": "connector-in-error",
    "cloudsql": "instance-stopped",
    "environment": "environment-misnamed",
    "terraform": "connector-drifted",
    "cloudrun": "traffic-split",
    "pool": "pool-size-drifted",
    "health": "backend-health-delayed",
    "database": "connector-beyond-limit",
    "websocket": "messages-swallowed",
    "golden_path": "answer-canned",
    "logs": "log-flooded",
    "monitoring": "alert-policy-raised",
    "a wait of more than 20 s": "connector-slow",
    "a wait of more than 25 s": "connector-very-slow",
    "blindness": "gcp-all-403",
}
"""A fault of each area, and those that wait as long as the plan's own limits."""


@pytest.mark.matrix
@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("id", SAMPLE.values())
def test_a_warm_run_says_what_a_cold_one_says(id: str, tmp_path: Path) -> None:
    """Outcomes, symptoms, causes, what explains what, first hints and exit code are the same both ways."""
    (tmp_path / "cold").mkdir()
    (tmp_path / "warm").mkdir()
    asked = ("--fault", id, *EVERYTHING)
    assert said(warm(tmp_path / "warm", *asked)) == said(cold(tmp_path / "cold", *asked))


def said(verdict: Verdict) -> object:
    """Return what a run said, without what differs from run to run: addresses, times, measured values."""
    told = [
        (
            one["id"],
            one["outcome"],
            one["explained_by"],
            sorted({comparison["symptom"] for comparison in one["comparisons"] if not comparison["holds"]}),
            sorted({why["reason"] for why in one["blocked"]}),
            [hint["id"] for hint in one["hints"]],
        )
        for one in verdict.told["criteria"]
    ]
    causes = [
        (
            one["criterion"],
            one["confidence"],
            one["explains"],
            [against["criterion"] for against in one["contradictions"]],
        )
        for one in verdict.told["causes"]
    ]
    return told, causes, verdict.told["verdict"], verdict.exit_code


def test_the_sample_is_of_each_area() -> None:
    """The sample holds a fault for each area that a criterion can be of."""
    assert SAMPLE.keys() >= AREAS.keys()
    assert FAULTS.keys() >= set(SAMPLE.values())
