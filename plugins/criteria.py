"""The `criterion` marker: a test's id, section, severity and dependencies; which tests a run selects."""

import inspect

import pytest

from fixtures.probes.registry import PROBES
from plugins.diagnosis import flaw
from plugins.outcome import Severity
from plugins.reporting.record import Criterion

PHASES = {
    "preflight": "what this machine can verify at all; runs first",
    "phase1": "immediate emergency fixes (plan 1, 0-2 hours)",
    "phase2": "infrastructure restoration (plan 2, 2-4 hours)",
    "phase3": "system restoration validation (plan 3, 4-6 hours)",
    "prevention": "needs a checkout of the backend (--source) and nothing else: no cloud, no network",
    "parity": "compares this target with another",
    "soak": "continuous operation for half an hour",
}
AREAS = {
    "timeouts": "database timeouts (plan 1.1)",
    "vpc": "the Serverless VPC Access connector (plan 1.2)",
    "cloudsql": "the Cloud SQL instance (plan 1.3)",
    "environment": "environment variables and secrets (plan 1.4)",
    "terraform": "infrastructure as declared (plan 2.1)",
    "cloudrun": "the Cloud Run revision (plan 2.2)",
    "pool": "the connection pool (plan 2.3)",
    "health": "health endpoints (plan 3.1)",
    "database": "real database sessions (plan 3.1)",
    "websocket": "the chat socket and its events (plan 3.1)",
    "golden_path": "login to AI answer (plan 3.2)",
    "logs": "Cloud Logging (plan 3.1)",
    "monitoring": "alert policies and handlers (plan 3.3)",
}
CRITERION = pytest.StashKey[Criterion]()
PLAIN_RUN = ("preflight", "phase1", "phase2", "phase3")
_VANTAGES = ("anywhere", "vpc", "checkout")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name, meaning in (PHASES | AREAS).items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.addinivalue_line(
        "markers",
        "criterion(id, section=, severity=, needs=(), vantage='anywhere'): one checkable statement of the plan",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read the criteria off the tests; keep preflight and the phases in a plain run; put preflight first.

    Raises:
        pytest.UsageError: a criterion is declared wrongly, or twice, or needs what leads nowhere.
    """
    seen: dict[str, str] = {}
    for item in items:
        mark = item.get_closest_marker("criterion")
        if mark is None:
            continue
        criterion = _read(item, mark)
        if criterion.id in seen:
            raise pytest.UsageError(f"criterion {criterion.id} is declared twice: {seen[criterion.id]}, {item.nodeid}")
        seen[criterion.id] = item.nodeid
        item.stash[CRITERION] = criterion
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    # A module that cannot be imported says so itself; what is missing with it is no mistake of those that need it.
    part = session.testsfailed or config.option.ignore or config.option.ignore_glob
    wrong = flaw({one.id: one for one in criteria(items)}, whole=everything and not part)
    if wrong is not None:
        raise pytest.UsageError(wrong)
    if _is_plain(config):
        left_out = [item for item in items if not any(item.get_closest_marker(name) for name in PLAIN_RUN)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: item.get_closest_marker("preflight") is None)


def _is_plain(config: pytest.Config) -> bool:
    """Whether nothing says what is selected; a replay has the selection of its run."""
    given_none = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.markexpr
    return given_none and config.option.replay is None


def criteria(items: list[pytest.Item]) -> list[Criterion]:
    """Return the criteria among the items, in their order."""
    return [item.stash[CRITERION] for item in items if CRITERION in item.stash]


def _read(item: pytest.Item, mark: pytest.Mark) -> Criterion:
    docstring = inspect.getdoc(item.obj) if isinstance(item, pytest.Function) else None
    if not docstring:
        raise pytest.UsageError(f"{item.nodeid}: a criterion needs a docstring: the good state in one sentence")
    known = {"section", "severity", "needs", "vantage"}
    if len(mark.args) != 1 or not known >= mark.kwargs.keys() or not {"section", "severity"} <= mark.kwargs.keys():
        raise pytest.UsageError(f"{item.nodeid}: write criterion(ID, section=..., severity=..., needs=(), vantage=...)")
    if item.get_closest_marker("xfail") is not None:
        raise pytest.UsageError(
            f"{item.nodeid}: a criterion is not marked xfail: that it fails is what it is there to say"
        )
    vantage, severity = mark.kwargs.get("vantage", "anywhere"), mark.kwargs["severity"]
    if severity not in list(Severity) or vantage not in _VANTAGES:
        raise pytest.UsageError(
            f"{item.nodeid}: severity is one of {', '.join(Severity)}; vantage one of {', '.join(_VANTAGES)}"
        )
    needs = mark.kwargs.get("needs", ())
    if isinstance(needs, str):
        raise pytest.UsageError(f"{item.nodeid}: needs is a list of ids, not one of them: needs=[{needs!r}]")
    names = [marker.name for marker in item.iter_markers()]
    return Criterion(
        id=mark.args[0],
        title=docstring.splitlines()[0],
        section=mark.kwargs["section"],
        severity=Severity(severity),
        needs=tuple(needs),
        markers=tuple(name for name in (*PHASES, *AREAS) if name in names),
        vantage=vantage,
        probes=tuple(name for name in getattr(item, "fixturenames", ()) if name in PROBES),
        nodeid=item.nodeid,
    )
