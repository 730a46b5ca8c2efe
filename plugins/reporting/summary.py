"""summary.md: the first ten seconds of the report, for a ticket's comment box."""

import hashlib
import os
import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pytest

from plugins.gaps import Gap
from plugins.incident import sentence
from plugins.outcome import Outcome
from plugins.plan import PlanStep
from plugins.reporting.findings import explained, heading, meaning, observed
from plugins.reporting.markup import markdown
from plugins.reporting.markup.blocks import (
    Block,
    Code,
    Heading,
    Items,
    Marker,
    Paragraph,
    Span,
    fitted,
    listed,
    row,
    value,
)
from plugins.reporting.record import Incident, Record, Result
from plugins.verdict import VERDICT, Verdict

NAME = "summary.md"
MOST = 32_767
"""Characters that Jira takes in a comment; GitHub takes twice as many."""
_CONTRADICTIONS = 2
"""For each cause; the report has all of them."""
_URL = re.compile(r"https?://[^\s<>\"'`]+")


def run_id(record: Record) -> str:
    """Return what names this run among all runs of all machines."""
    again = record.replay.judged_at if record.replay else ""
    said = (again, record.started_at, record.target, record.command, record.viewpoint.place, record.viewpoint.identity)
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]
    return f"{record.directory.name}-{digest}"


def report_url(environment: Mapping[str, str]) -> str | None:
    """Return where the report can be seen, if the environment says it: `ALLCLEAR_REPORT_URL`, or GitHub's own run."""
    url = environment.get("ALLCLEAR_REPORT_URL", "")
    server, repository, run = (environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if not url and server and repository and run:
        url = f"{server}/{repository}/actions/runs/{run}"
    return url if _URL.fullmatch(url) else None


def blocks(verdict: Verdict) -> list[Block]:
    """Return the summary, the most important first."""
    return [*_verdict(verdict), *_causes(verdict), *_coverage(verdict), *_plan(verdict), *_warnings(verdict)]


def ending(verdict: Verdict, url: str | None) -> list[Block]:
    """Return what always stands at the end: where the whole report is, and which run this is."""
    where = (Span(url, "link"),) if url else (value("report.html"), Span(" in the run's directory."))
    whole = row("Every criterion, the pictures and the evidence: ")
    return [Paragraph((*whole, *where)), Marker(run_id(verdict.record))]


def render(verdict: Verdict, url: str | None = None) -> str:
    """Return summary.md."""
    return fitted(blocks(verdict), ending(verdict, url), markdown.render, MOST)


def _verdict(verdict: Verdict) -> Iterator[Block]:
    record = verdict.record
    for notice in record.notices:
        yield Paragraph(row(Span(notice, "strong")))
    yield Heading(f"{verdict.word}: {record.title}")
    yield Paragraph(row(value(verdict.headline)))
    if record.incident is not None:
        yield from _clock(record.incident)
    yield Items(
        (
            row("target: ", value(record.title), ", profile ", value(record.profile)),
            row("when: ", value(record.started_at), f", took {record.seconds:.1f} s"),
            row("looked from: ", value(record.viewpoint.place)),
            row("as: ", value(record.viewpoint.identity)),
            row(f"exit {verdict.exit_code}: {meaning(verdict)}"),
            row("command: ", value(record.command)),
        )
    )


def _clock(incident: Incident) -> Iterator[Block]:
    yield Paragraph(row(Span(sentence(incident), "strong")))
    due = [one for one in incident.escalations if one.due]
    for one in due:
        calls = tuple(row(f"{contact.role}: ", value(contact.reached)) for contact in one.contacts)
        yield Items((row(f"{one.after}: {one.when}; {one.why}"), *(row(step) for step in one.steps), *calls))


def _causes(verdict: Verdict) -> Iterator[Block]:
    found = verdict.diagnosis
    if found.causes:
        yield Heading(heading(verdict))
    for id in found.causes:
        result = verdict.results[id]
        yield Paragraph(row(Span(id, "strong"), f" {result.criterion.title}"))
        yield Items((*_seen(result), *_told(verdict, id)))


def _seen(result: Result) -> Iterator[tuple[Span, ...]]:
    for one in result.comparisons:
        if not one.holds:
            yield row(value(one.subject), ": ", value(one.observed), ", expected ", value(one.expected))


def _told(verdict: Verdict, cause: str) -> Iterator[tuple[Span, ...]]:
    found = verdict.diagnosis
    if cause in found.readings:
        yield row(value(found.readings[cause]))
    for one in found.contradictions.get(cause, ())[:_CONTRADICTIONS]:
        yield row(f"yet {one.criterion} holds: ", value(one.observed))
    for hint in verdict.hints.get(cause, ())[:1]:
        yield from [row("likely cause: ", hint.cause)] if hint.cause else []
    follow = [result.criterion.id for result in explained(verdict, cause)]
    if follow:
        yield (*row("explains: "), *listed(follow))


def _plan(verdict: Verdict) -> Iterator[Block]:
    steps = verdict.plan.steps
    if steps:
        yield Heading("Plan of action")
    for step in steps:
        yield Paragraph((*row(Span(f"{step.number}. {_kind(step)}", "strong"), " for "), *listed(step.serves)))
        if step.changes or step.undo:
            undo = row("; undo: ", value(step.undo)) if step.undo else ()
            yield Paragraph((*row("changes: ", step.changes), *undo))
        yield Code(step.run)


def _kind(step: PlanStep) -> str:
    return {"look": "read-only", "verify": "verify", "gate": "the whole gate"}.get(step.kind, step.risk)


def _coverage(verdict: Verdict) -> Iterator[Block]:
    applicable = len(verdict.results) - verdict.counts[Outcome.NOT_APPLICABLE]
    counts = ", ".join(f"{verdict.counts[outcome]} {outcome}" for outcome in Outcome if verdict.counts[outcome])
    yield Heading("Coverage")
    yield Paragraph(row(f"{observed(verdict)} of {applicable} criteria observed: {counts}."))
    if verdict.gaps:
        yield Items(tuple(_gap(gap) for gap in verdict.gaps))


def _gap(gap: Gap) -> tuple[Span, ...]:
    ids = listed([result.criterion.id for result in gap.results])
    return (*row("not observed: "), *ids, *row("; why: ", value(gap.sentence)))


def _warnings(verdict: Verdict) -> Iterator[Block]:
    warned = verdict.of(Outcome.WARN)
    if warned:
        yield Heading("Warnings")
        yield Items(tuple(_warning(result) for result in warned))


def _warning(result: Result) -> tuple[Span, ...]:
    seen = result.telling
    values = row(": ", value(seen.observed), ", expected ", value(seen.expected)) if seen else ()
    return (*row(Span(result.criterion.id, "strong"), f" {result.criterion.title.rstrip('.')}"), *values)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Write summary.md."""
    verdict = session.config.stash.get(VERDICT, None)
    if verdict is not None:
        text = render(verdict, report_url(os.environ))
        (verdict.record.directory / NAME).write_text(text, encoding="utf-8")
    return (yield)
