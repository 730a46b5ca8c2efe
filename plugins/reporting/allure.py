"""Allure results, where `--alluredir` asks for them: labels to select by, what was seen and what to do attached.

allure-pytest takes a report before other plugins have redacted it, and the raw exception with it; so each result
passes `Sink` on its way to the disk. The files stream: a run that is killed leaves those of its finished tests.
"""

import json
from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import allure_commons
import pytest
from allure_commons.types import AttachmentType, LabelType

from fixtures.evidence.base import Reason
from fixtures.observe import CLIENT, DECLARED, PROFILE, resolved
from fixtures.profile import Profile
from fixtures.secret import redact, redact_value
from plugins.criteria import AREAS, CRITERION, PHASES
from plugins.judging import carried
from plugins.outcome import Outcome, Severity
from plugins.remediation import Hint
from plugins.replay import announced
from plugins.reporting.findings import anchors, meaning, place
from plugins.reporting.record import DISCLAIMER, ComparisonRecord, Criterion, Result
from plugins.session import needed
from plugins.verdict import VERDICT, Verdict, fitting, viewpoint

SECTIONS = "docs/plan-sections.md"
LINK_TYPE = "plan"
"""`--allure-link-pattern plan:https://.../{}` makes the links to the plan's sections absolute."""
_SEVERITIES = {Severity.CRITICAL: "critical", Severity.MAJOR: "normal", Severity.ADVISORY: "minor"}
_CATEGORIES = [
    {"name": "fail: violates the plan", "matchedStatuses": ["failed"]},
    {"name": "blocked: could not be observed", "matchedStatuses": ["broken"]},
    {"name": "warn: past an alert level", "matchedStatuses": ["passed"], "messageRegex": "(?s)WARN .*"},
    {"name": "n/a: the target does not have it", "matchedStatuses": ["skipped"]},
]
_hook = allure_commons.plugin_manager.hook


def pytest_configure(config: pytest.Config) -> None:
    """Put the sink in front of allure-pytest's files, in every process that writes some."""
    if not getattr(config.option, "allure_report_dir", None):
        return
    # Captured output would be attached before it is redacted.
    config.option.attach_capture = False
    sink = Sink(config)
    config.pluginmanager.register(sink, "allclear-allure")
    allure_commons.plugin_manager.register(sink)
    config.add_cleanup(lambda: allure_commons.plugin_manager.unregister(sink))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Label the tests before allure-pytest selects by label (`--allure-ids VPC-STATE`)."""
    if not config.pluginmanager.hasplugin("allure_pytest"):
        return
    for item in items:
        if CRITERION in item.stash:
            for mark in _marks(item.stash[CRITERION]):
                item.add_marker(mark)


def _marks(criterion: Criterion) -> Iterator[pytest.MarkDecorator]:
    labels = {
        LabelType.SEVERITY: (_SEVERITIES[criterion.severity],),
        LabelType.ID: (criterion.id,),
        LabelType.FEATURE: tuple(name for name in criterion.markers if name in PHASES),
        LabelType.STORY: tuple(name for name in criterion.markers if name in AREAS),
        "criterion": (criterion.id,),
        "section": tuple(part for part, _ in anchors(criterion.section)),
        "vantage": (criterion.vantage,),
    }
    for name, values in labels.items():
        if values:
            yield from _hook.decorate_as_label(label_type=name, labels=values)
    for part, anchor in anchors(criterion.section):
        yield from _hook.decorate_as_link(url=f"{SECTIONS}#{anchor}", link_type=LINK_TYPE, name=f"plan {part}")


class Sink:
    """Adds to each test what its criterion found, and takes every secret out of what is written."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._found: dict[str, Result] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Name the test after its criterion, and attach what was seen and what to do."""
        report = yield
        result = carried(report)
        if result is not None:
            self._found[result.criterion.id] = result
            self._describe(result)
        return report

    def _describe(self, result: Result) -> None:
        criterion = result.criterion
        word = f"{result.outcome.upper()} " if result.outcome is not Outcome.PASS else ""
        _hook.add_title(test_title=f"{word}{criterion.id}: {criterion.title}")
        about = f"{criterion.title} ({criterion.severity}, {place(criterion.section)})"
        _hook.add_description(test_description=f"{self._disclaimer}\n\n{about}".strip())
        _hook.add_label(label_type="outcome", labels=(str(result.outcome),))
        _hook.add_label(
            label_type=LabelType.TAG,
            labels=(str(result.outcome), *(["replica"] if self._is_replica else [])),
        )
        if result.evidence:
            said = {"disclaimer": self._disclaimer} if self._disclaimer else {}
            evidence = json.dumps(redact_value({**said, **result.evidence}), indent=2, ensure_ascii=False)
            _attach(evidence, "evidence", AttachmentType.JSON)
        if result.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.BLOCKED):
            hints = [words(hint) for hint in self._hints(result)]
            if hints:
                text = "\n\n".join([*filter(None, [self._disclaimer]), *hints])
                _attach(redact(text), "what to do", AttachmentType.TEXT)

    @property
    def _is_replica(self) -> bool:
        return self._config.stash[PROFILE].target.kind == "replica"

    @property
    def _disclaimer(self) -> str:
        return " ".join(filter(None, (DISCLAIMER if self._is_replica else "", announced(self._config))))

    @cached_property
    def _profile(self) -> Profile:
        client = self._config.stash.get(CLIENT, None)
        return self._config.stash[PROFILE] if client is None else resolved(self._config.stash[DECLARED], client)

    def _hints(self, result: Result) -> tuple[Hint, ...]:
        client = self._config.stash.get(CLIENT, None)
        who = "" if client is None else viewpoint(client, needed([result.criterion])).identity
        return fitting(result, self._profile, {"principal": who, "target": self._config.option.target})

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: Any) -> None:
        """Say in a result's message what was found; redact it."""
        for label in result.labels:
            if label.name == "criterion" and label.value in self._found:
                found = self._found.pop(label.value)
                _say(result, found)
                result.steps += [_step(comparison, found, result) for comparison in found.comparisons]
        _clean(result)

    @allure_commons.hookimpl(tryfirst=True)
    def report_container(self, container: Any) -> None:
        """Redact what is written of a test's fixtures."""
        container.description = self._disclaimer or None
        _clean(container)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what belongs to the run as a whole, on the process that knows the verdict."""
        verdict = session.config.stash.get(VERDICT, None)
        if verdict is not None:
            directory = Path(session.config.option.allure_report_dir)
            (directory / "environment.properties").write_text(properties(verdict), encoding="utf-8")
            (directory / "categories.json").write_text(json.dumps(_CATEGORIES, indent=2), encoding="utf-8")


def properties(verdict: Verdict) -> str:
    """Return the run as Allure's environment.properties."""
    record = verdict.record
    values = {
        "disclaimer": record.disclaimer,
        "replay": record.replay.notice if record.replay else "",
        "verdict": verdict.word,
        "headline": verdict.headline,
        "exit_code": f"{verdict.exit_code}: {meaning(verdict)}",
        "target": record.title,
        "looked_from": record.viewpoint.place,
        "identity": record.viewpoint.identity,
        "started_at": record.started_at,
        "command": record.command,
    }
    lines = [f"{name} = {' '.join(redact(value).split())}" for name, value in values.items() if value]
    return "\n".join(lines).replace("\\", "\\\\") + "\n"


def words(hint: Hint) -> str:
    """Return a hint as plain text, its commands marked with what they change."""
    lines = [f"Likely cause: {hint.cause}"]
    for command in hint.commands:
        risk = "read-only" if command.risk == "read" else f"{command.risk}: {command.changes}"
        lines += [f"# {risk}", command.run]
        lines += [f"# undo: {command.undo}"] if command.undo else []
    lines += [f"{place(hint.section)}; takes {hint.takes}; owner: {hint.owner}", f"Then verify: {hint.verify}"]
    return "\n".join(lines)


def _attach(body: str, name: str, kind: AttachmentType) -> None:
    _hook.attach_data(body=body, name=name, attachment_type=kind, extension=None)


def _say(written: Any, result: Result) -> None:
    """Put our sentence in place of the exception's. Only a test that broke keeps its traceback."""
    lines = [f"{c.subject}: {c.observed}, expected {c.expected}" for c in result.comparisons if not c.holds]
    lines += [f"{why.reason}: {why.detail}" for why in result.blocked]
    lines += [result.reason] if result.outcome is Outcome.NOT_APPLICABLE else []
    if lines:
        details = written.statusDetails or _details()
        details.message = "\n".join([f"{result.outcome.upper()} {result.criterion.id}", *lines])
        if not any(why.reason is Reason.SUITE_ERROR for why in result.blocked):
            details.trace = None
        written.statusDetails = details


def _step(comparison: ComparisonRecord, found: Result, within: Any) -> Any:
    """Return a comparison as a step of a result, which it borrows its times from: all were made at one moment."""
    from allure_commons.model2 import Status, TestStepResult  # untyped upstream

    name = f"{comparison.subject}: {comparison.observed}, expected {comparison.expected}"
    if not comparison.holds and (comparison.warning or found.outcome is Outcome.WARN):
        name = f"WARN {name}"  # Allure has no status for it
        status = Status.PASSED
    else:
        status = Status.PASSED if comparison.holds else Status.FAILED
    return TestStepResult(name=name, status=status, start=within.start, stop=within.stop)


def _details() -> Any:
    from allure_commons.model2 import StatusDetails  # untyped upstream

    return StatusDetails()


def _clean(value: Any) -> Any:
    """Redact every string in one of Allure's own objects, and return it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if hasattr(value, "__attrs_attrs__"):
        for name, held in vars(value).items():
            setattr(value, name, _clean(held))
    return value
