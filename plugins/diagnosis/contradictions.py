"""What speaks against a cause: what could not hold without it, and was seen to hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from fixtures.probes.registry import PROBES
from fixtures.profile.units import spell
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Result

NOTHING = spell(None, None)
"""How it is written that there is nothing, such as no failure."""


@dataclass(frozen=True)
class Contradiction:
    """A criterion that holds although what it depends on fails.

    Attributes:
        criterion: its id.
        observed: what was seen of it, in words.
    """

    criterion: str
    observed: str


def contradictions(cause: str, results: Mapping[str, Result]) -> tuple[Contradiction, ...]:
    """Return what depends on a failing criterion and holds all the same, in the order of the run.

    It counts when the target itself was seen at work, and not what Google's APIs say of it: a setting can be right
    without the connector, a session cannot. And it counts when it was seen otherwise than the failure was: of one and
    the same look, a part may well hold.
    """
    looked = set(results[cause].criterion.probes)
    return tuple(
        Contradiction(id, _said(result))
        for id, result in results.items()
        if cause in result.criterion.needs
        and result.outcome is Outcome.PASS
        and result.criterion.severity is not Severity.ADVISORY
        and any(name in PROBES and PROBES[name].is_of_the_thing for name in {*result.criterion.probes} - looked)
    )


def _said(result: Result) -> str:
    """Return the last thing that was compared, which is the most that was asked; for an absence, what was hoped for."""
    if not result.comparisons:
        return result.criterion.title
    last = result.comparisons[-1]
    return f"{last.subject}: {last.expected if last.observed == NOTHING else last.observed}"
