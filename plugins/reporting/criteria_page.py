"""docs/criteria.md: every criterion with what it reads, needs and proves."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from io import StringIO

import pytest

from fixtures.probes.registry import PROBES
from fixtures.replica.faults import FAULTS
from plugins.criteria import PHASES, criteria
from plugins.remediation import catalogue
from plugins.reporting.record import Criterion

_HEAD = """# The criteria

Made by `python -m plugins.reporting.criteria_page > docs/criteria.md`; a test compares. `pytest --list-criteria` prints
the short form, for the selection that `-m` and `-k` make.

*Vantage* says from where a criterion can be proven: `anywhere` (with credentials), `vpc` (only from inside the target's
network; elsewhere it is `blocked`, never green), `checkout` (needs a checkout of the backend and no network at all).
*Faults* are those of the replica under which the criterion is not `pass`: `pytest --target replica --fault ID`.
"""


class _Collected:
    """Keeps the criteria that a collection finds."""

    def __init__(self) -> None:
        self.criteria: list[Criterion] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take them."""
        self.criteria = criteria(session.items)


def collected() -> list[Criterion]:
    """Return every criterion of the suites, soak and parity included."""
    found = _Collected()
    everything = " or ".join(PHASES)
    with redirect_stdout(StringIO()) as said:
        code = pytest.main(["--collect-only", "-qq", "-m", everything], [found])
    if code is not pytest.ExitCode.OK:
        raise SystemExit(f"the suites could not be collected (pytest's exit code {int(code)}):\n{said.getvalue()}")
    return found.criteria


def render(found: Iterable[Criterion]) -> str:
    """Return the page."""
    by_phase: dict[str, list[Criterion]] = {}
    for criterion in found:
        phase = next(name for name in PHASES if name in criterion.markers)
        by_phase.setdefault(phase, []).append(criterion)
    lines = [_HEAD]
    for phase, meaning in PHASES.items():
        if phase in by_phase:
            lines += [f"## `-m {phase}`: {meaning}", ""]
            for criterion in by_phase[phase]:
                lines += _entry(criterion)
    return "\n".join(lines)


def _entry(criterion: Criterion) -> Iterator[str]:
    areas = [f"`{name}`" for name in criterion.markers]
    probes = [PROBES[name] for name in criterion.probes]
    permissions = sorted({(one.name, one.role) for probe in probes for one in probe.permissions})
    hints = [hint.id for hint in catalogue() if criterion.id in hint.criteria]
    turned = [f"`{fault.id}` ({fault.turns[criterion.id]})" for fault in FAULTS.values() if criterion.id in fault.turns]
    yield f'<a id="{criterion.id.lower()}"></a>'
    yield f"### {criterion.id}"
    yield ""
    yield criterion.title
    yield ""
    facts = {
        "section": criterion.section if criterion.section.strip("-") else "beyond the plan",
        "severity": criterion.severity,
        "depends on": ", ".join(criterion.needs),
        "markers": ", ".join(areas),
        "observed from": "; ".join(dict.fromkeys(probe.source for probe in probes)),
        "vantage": criterion.vantage,
        "permissions": ", ".join(f"`{name}` ({role})" for name, role in permissions),
        "hints": ", ".join(f"`{id}`" for id in hints),
        "faults": ", ".join(turned),
    }
    yield from (f"- {name}: {value}" for name, value in facts.items() if value)
    yield ""


if __name__ == "__main__":
    sys.stdout.write(render(collected()))
