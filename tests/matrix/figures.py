"""What the runs of a matrix amount to, in figures: noted run by run, added up by the process that reports."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.matrix.runs import Outcomes, Verdict

FILE = Path(__file__).parent / "measured.json"
Note = Callable[..., None]


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """Note a run's figures, before anything is asserted of it."""

    def take(kind: str, verdict: Verdict, outcomes: Outcomes, *, first_is_right: bool) -> None:
        """Count a run.

        Args:
            kind: `fault` or `pair`.
            verdict: what it said.
            outcomes: what it should have said of the criteria that are not to be `pass`.
            first_is_right: whether the first cause that it named is a right one.
        """
        turned = verdict.turned
        figures = {
            "runs": 1,
            "outcomes": len(verdict.told["criteria"]),
            "turned": len(outcomes),
            "exact": int(turned == outcomes),
            "missed": len(outcomes.keys() - turned.keys()),
            "other": sum(turned.get(id, outcome) != outcome for id, outcome in outcomes.items()),
            "false_alarms": len(turned.keys() - outcomes.keys()),
            "first_cause_right": int(first_is_right),
        }
        record_property(kind, figures)

    return take


class Figures:
    """A plugin that adds up what the tests of a matrix noted."""

    def __init__(self) -> None:
        self.sums: dict[str, Counter[str]] = {"fault": Counter(), "pair": Counter()}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's figures."""
        if report.when == "call":
            for name, value in report.user_properties:
                if name in self.sums and isinstance(value, dict):
                    self.sums[name].update(value)

    def write(self, **course: Any) -> None:
        """Write all sums, and how the matrix was run, for the page."""
        figures = course | {kind: dict(sums) for kind, sums in self.sums.items()}
        FILE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
