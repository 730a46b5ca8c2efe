"""Runs a criterion's test and turns what it compared into a `Result`, carried on pytest's report."""

from collections.abc import Generator
from typing import Any

import pytest

from fixtures.evidence.base import Blocked, Reason, Why
from fixtures.expect import Expect, Judgement, Locked, Unobserved, Violated, conclude
from fixtures.observe import SEEN
from fixtures.profile import Profile
from fixtures.secret import redact, redact_value
from plugins.criteria import CRITERION
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import ComparisonRecord, Criterion, Result

CARRIED = "allclear"
"""Name of the attribute of a report that carries a criterion's result; xdist sends it along."""
_ANSWERS = "allclear_answers"
"""Name of the attribute of a report that carries the answers which its test was given, in JSON, by probe."""
_EXPECT = pytest.StashKey[Expect]()


@pytest.fixture
def lock(profile: Profile) -> Locked:
    """What the plan expects: `lock.connector.state` and so on."""
    return Locked(profile.lock, "lock")


@pytest.fixture
def declared(profile: Profile) -> Locked:
    """What the profile says things are called: `declared.connector.name` and so on."""
    return Locked(profile, "")


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Expect:
    """Compares an observed value with an expected one, and records it."""
    item: pytest.Item = request.node
    return item.stash.setdefault(_EXPECT, Expect())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Conclude a criterion from its comparisons when its body has run."""
    criterion = pyfuncitem.stash.get(CRITERION, None)
    if criterion is None:
        return (yield)
    judge = pyfuncitem.stash.setdefault(_EXPECT, Expect())
    try:
        returned = yield
    except Blocked as error:
        judge.block(error.why)
        returned = True
    conclude(judge.judgement, advisory=criterion.severity is Severity.ADVISORY)
    return returned


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the result of a criterion to its report, in place of a traceback nobody in an incident reads."""
    report = yield
    criterion = item.stash.get(CRITERION, None)
    if criterion is not None and (report.when == "call" or not report.passed):
        result = _result(item, criterion, call)
        setattr(report, CARRIED, result.model_dump(mode="json"))
        setattr(report, _ANSWERS, {name: seen.model_dump_json() for name, seen in item.stash.get(SEEN, {}).items()})
        if result.outcome is Outcome.BLOCKED and report.when == "call":
            # pytest tells errors from failures by phase; what could not be observed is an error.
            report.when = "setup"
            if report.skipped:
                # pytest.xfail() in a body is a test that breaks off, whatever it calls itself.
                report.outcome = "failed"
                del report.wasxfail
        if result.outcome in (Outcome.FAIL, Outcome.BLOCKED) and not _crashed(call):
            report.longrepr = _sentence(result)
    return report


def _crashed(call: pytest.CallInfo[None]) -> bool:
    return call.excinfo is not None and not isinstance(call.excinfo.value, Violated | Unobserved)


def _result(item: pytest.Item, criterion: Criterion, call: pytest.CallInfo[None]) -> Result:
    judge = item.stash.get(_EXPECT, None)
    judgement = judge.judgement if judge is not None else Judgement()
    seen = item.stash.get(SEEN, {})
    outcome, blocked, reason = _outcome(criterion, judgement, call)
    return Result(
        criterion=criterion,
        outcome=outcome,
        comparisons=tuple(ComparisonRecord(**vars(comparison)) for comparison in judgement.comparisons),
        blocked=blocked,
        notes=tuple(judgement.notes),
        reservations=tuple(judgement.reservations),
        reason=reason,
        seconds=max((attempt.seconds for attempt in seen.values()), default=0.0),
        sources=tuple(attempt.source for attempt in seen.values()),
        observed_at=max((attempt.started_at.isoformat() for attempt in seen.values()), default=None),
        evidence={
            name: attempt.evidence.model_dump(mode="json")
            for name, attempt in seen.items()
            if attempt.evidence is not None
        },
    )


def _outcome(
    criterion: Criterion, judgement: Judgement, call: pytest.CallInfo[None]
) -> tuple[Outcome, tuple[Why, ...], str]:
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, pytest.skip.Exception):
        return Outcome.NOT_APPLICABLE, (), str(error)
    if isinstance(error, Violated):
        return Outcome.FAIL, (), ""
    if isinstance(error, Unobserved):
        return Outcome.BLOCKED, tuple(judgement.blocked), ""
    if error is not None:
        detail = redact(f"the test of {criterion.id} broke: {type(error).__name__}: {error}")
        return Outcome.BLOCKED, (Why(reason=Reason.SUITE_ERROR, detail=detail, looked_at=criterion.nodeid),), detail
    past = judgement.warnings or judgement.violations
    return (Outcome.WARN if past else Outcome.PASS), (), ""


def _sentence(result: Result) -> str:
    lines = [f"{result.criterion.id}: {result.criterion.title}"]
    for comparison in result.comparisons:
        if not comparison.holds:
            where = f" ({comparison.key})" if comparison.key else ""
            lines.append(f"{comparison.subject}: {comparison.observed}, expected {comparison.expected}{where}")
    lines += [f"blocked ({why.reason}): {why.detail}" for why in result.blocked]
    return redact("\n".join(lines))


def carried(report: pytest.TestReport) -> Result | None:
    """Return the result that a report carries, also after its way from an xdist worker."""
    values: Any = getattr(report, CARRIED, None)
    return None if values is None else Result.model_validate(redact_value(values))


def answers(report: pytest.TestReport) -> dict[str, str]:
    """Return the answers that a report carries, in JSON, by probe."""
    carried: dict[str, str] = getattr(report, _ANSWERS, {})
    return carried
