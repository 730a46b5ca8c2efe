"""verdict.json: the verdict for programs, with a version and a schema; and `reports/latest`, which run is the last."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from fixtures.evidence.base import Why
from fixtures.secret import redact_value
from plugins.outcome import Outcome, Severity
from plugins.plan import PlanStep
from plugins.remediation import Hint
from plugins.reporting.findings import meaning, observed
from plugins.reporting.record import SCHEMA_VERSION, ComparisonRecord, Frozen, Incident, Replay, Result, Viewpoint
from plugins.verdict import VERDICT, Verdict


class Target(Frozen):
    """What was looked at."""

    name: str
    title: str
    kind: str
    profile: str


class Coverage(Frozen):
    """How many criteria were selected, how many of them were looked at, and how many have each outcome."""

    selected: int
    observed: int
    passed: int = Field(serialization_alias="pass")
    fail: int
    warn: int
    blocked: int
    not_applicable: int = Field(serialization_alias="n/a")


class Against(Frozen):
    """A criterion that holds although what it depends on fails, and what was seen of it."""

    criterion: str
    observed: str


class Cause(Frozen):
    """A failing criterion that no other failure explains, how sure it is that it is a cause, and what it explains.

    `reading` is what the evidence of several criteria comes to, empty where it says no more than the comparisons.
    """

    criterion: str
    title: str
    confidence: Literal["confirmed", "suspected", "alone"]
    reading: str
    explains: tuple[str, ...]
    contradictions: tuple[Against, ...]


class Step(Frozen):
    """One command of a hint, and what it does to the target."""

    run: str
    risk: Literal["read", "reversible", "disruptive", "destructive"]
    changes: str
    undo: str
    waits: bool


class Remedy(Frozen):
    """A hint as it was filled in for a finding, without what it was chosen by."""

    id: str
    cause: str
    because: tuple[str, ...]
    commands: tuple[Step, ...]
    section: str
    takes: str
    owner: str
    verify: str


class Judged(Frozen):
    """One criterion. `observed` and `expected` are those of the comparison that decides; null without one."""

    id: str
    title: str
    section: str
    outcome: Outcome
    severity: Severity
    vantage: str
    needs: tuple[str, ...]
    observed: str | None
    expected: str | None
    comparisons: tuple[ComparisonRecord, ...]
    seconds: float
    observed_at: str | None
    sources: tuple[str, ...]
    explained_by: str | None
    blocked: tuple[Why, ...]
    reason: str
    notes: tuple[str, ...]
    hints: tuple[Remedy, ...]


class Document(Frozen):
    """The whole file. `disclaimer` is empty for a live target, and must be shown wherever it is not.

    `replay` is null for a run that looked for itself, and must be shown wherever it is not.
    """

    schema_version: Literal[1] = 1
    disclaimer: str
    replay: Replay | None
    verdict: str
    headline: str
    exit_code: int
    exit_meaning: str
    target: Target
    viewpoint: Viewpoint
    command: str
    started_at: str
    seconds: float
    ended_by: str | None
    coverage: Coverage
    incident: Incident | None
    causes: tuple[Cause, ...]
    plan: tuple[PlanStep, ...]
    criteria: tuple[Judged, ...]


assert Document.model_fields["schema_version"].default == SCHEMA_VERSION, "both files of a run share one version"


def document(verdict: Verdict) -> Document:
    """Return the verdict as the document that is written."""
    record = verdict.record
    return Document(
        disclaimer=record.disclaimer,
        replay=record.replay,
        verdict=verdict.word,
        headline=verdict.headline,
        exit_code=verdict.exit_code,
        exit_meaning=meaning(verdict),
        target=Target(name=record.target, title=record.title, kind=record.kind, profile=record.profile),
        viewpoint=record.viewpoint,
        command=record.command,
        started_at=record.started_at,
        seconds=record.seconds,
        ended_by=record.ended_by,
        coverage=_coverage(verdict),
        incident=record.incident,
        causes=tuple(_cause(verdict, id) for id in verdict.diagnosis.causes),
        plan=verdict.plan.steps,
        criteria=tuple(_judged(verdict, result) for result in verdict.results.values()),
    )


def render(verdict: Verdict) -> str:
    """Return verdict.json, redacted."""
    values = redact_value(document(verdict).model_dump(mode="json", by_alias=True))
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON schema of verdict.json. It leaves room for keys that a later allclear adds."""
    described: dict[str, Any] = _bare(Document.model_json_schema(mode="serialization"))
    return described


def _bare(node: Any) -> Any:
    """Leave out what the schema says of our classes rather than of the file: their names and docstrings."""
    if isinstance(node, dict):
        ours = {key for key in ("title", "description") if isinstance(node.get(key), str)} | {"additionalProperties"}
        return {key: _bare(value) for key, value in node.items() if key not in ours}
    return [_bare(item) for item in node] if isinstance(node, list) else node


def _cause(verdict: Verdict, id: str) -> Cause:
    found = verdict.diagnosis
    return Cause(
        criterion=id,
        title=verdict.results[id].criterion.title,
        confidence=found.confidence[id].value,
        reading=found.readings.get(id, ""),
        explains=found.explains(id),
        contradictions=tuple(Against(**vars(one)) for one in found.contradictions.get(id, ())),
    )


def _coverage(verdict: Verdict) -> Coverage:
    counts = verdict.counts
    return Coverage(
        selected=len(verdict.results),
        observed=observed(verdict),
        passed=counts[Outcome.PASS],
        fail=counts[Outcome.FAIL],
        warn=counts[Outcome.WARN],
        blocked=counts[Outcome.BLOCKED],
        not_applicable=counts[Outcome.NOT_APPLICABLE],
    )


def _judged(verdict: Verdict, result: Result) -> Judged:
    criterion, telling = result.criterion, result.telling
    return Judged(
        id=criterion.id,
        title=criterion.title,
        section=criterion.section,
        outcome=result.outcome,
        severity=criterion.severity,
        vantage=criterion.vantage,
        needs=criterion.needs,
        observed=telling.observed if telling else None,
        expected=telling.expected if telling else None,
        comparisons=result.comparisons,
        seconds=result.seconds,
        observed_at=result.observed_at,
        sources=result.sources,
        explained_by=verdict.diagnosis.explained_by.get(criterion.id),
        blocked=result.blocked,
        reason=result.reason,
        notes=result.notes,
        hints=tuple(_remedy(hint) for hint in verdict.hints.get(criterion.id, ())),
    )


def _remedy(hint: Hint) -> Remedy:
    return Remedy.model_validate(hint.model_dump(include=set(Remedy.model_fields)))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Write verdict.json; when every other report is there too, make this run the latest."""
    verdict = session.config.stash.get(VERDICT, None)
    if verdict is None:
        return (yield)
    directory = verdict.record.directory
    (directory / "verdict.json").write_text(render(verdict), encoding="utf-8")
    returned = yield
    if verdict.record.replay is None:  # the latest is the last that looked
        point(directory.parent / "latest", directory.name)
    return returned


def point(latest: Path, name: str) -> None:
    """Make `latest` a symbolic link to a run beside it; where links are not permitted, a file that holds its name."""
    fresh = latest.with_name(f".latest-{os.getpid()}")
    try:
        fresh.symlink_to(name, target_is_directory=True)
        # Replaced in one step: whoever follows the link meanwhile sees the old run or the new one.
        fresh.replace(latest)
    except OSError:
        fresh.unlink(missing_ok=True)
        latest.write_text(name + "\n", encoding="utf-8")
