"""The summary in the terminal: the first true line, then the causes, then what to do. 80 columns."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.probes.identity import OVERRIDE
from fixtures.secret import redact
from plugins.gaps import Gap
from plugins.incident import sentence
from plugins.judging import CARRIED
from plugins.outcome import Gate, Outcome
from plugins.remediation import Hint
from plugins.reporting import plan_text
from plugins.reporting.columns import comment, continued, within, wrap
from plugins.reporting.findings import CALLED, anchors, effort, meaning, place
from plugins.reporting.record import Incident, Result
from plugins.session import RUN, Run
from plugins.verdict import VERDICT, Verdict

_LETTERS = {
    Outcome.PASS: ("passed", ".", "PASS"),
    Outcome.FAIL: ("failed", "F", "FAIL"),
    Outcome.WARN: ("warned", "W", ("WARN", {"yellow": True})),
    Outcome.BLOCKED: ("blocked", "B", ("BLOCKED", {"purple": True})),
    Outcome.NOT_APPLICABLE: ("n/a", "-", ("N/A", {})),
}
_COLOURS = {
    "ROOT CAUSE": "red",
    "LIKELY CAUSE": "red",
    "ESCALATE": "red",
    "FAIL": "red",
    "BLOCKED": "purple",
    "WARN": "yellow",
}
_NAMED_BY_US = ("generated xml file", "Generated html report")
_HEADER = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave pytest's own header out, whose lines are long and name no target, unless `-v` asks for it."""
    option = config.option
    if RUN in config.stash and not option.no_header and option.verbose == 0:
        option.no_header = config.stash[_HEADER] = True


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None, None, None]:
    """Say on the very first line that a replica run says nothing about staging; then name the target."""
    run = session.config.stash.get(RUN, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if run is not None and reporter is not None:
        _notices(run, reporter)
    yield
    if run is not None and reporter is not None and session.config.stash.get(_HEADER, False):
        _write(reporter, _target(run))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the target in pytest's header."""
    run = config.stash.get(RUN, None)
    return None if run is None else _target(run)


def _notices(run: Run, reporter: Any) -> None:
    for notice in run.record.notices:
        _write(reporter, notice, yellow=True)


def _write(reporter: Any, text: str, **markup: bool) -> None:
    with within(reporter._tw.fullwidth):
        for line in wrap(text):
            reporter.write_line(redact(line), **markup)


def _target(run: Run) -> str:
    target = run.profile.target
    return f"target: {target.title} (profile {run.record.profile}, project {target.project}, {target.region})"


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, object] | None:
    """Show a criterion's own outcome instead of pytest's."""
    values = getattr(report, CARRIED, None)
    return None if values is None else _LETTERS[Outcome(values["outcome"])]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Generator[None, None, None]:
    """Write the verdict, which names the files: other plugins need not."""
    verdict = config.stash.get(VERDICT, None)
    if verdict is None:
        return (yield)
    terminalreporter.ensure_newline()
    with within(terminalreporter._tw.fullwidth):
        lines = render(verdict, config.get_verbosity())
    terminalreporter.write_line(redact(lines[0]), bold=True, **{_colour(verdict): True})
    for line in lines[1:]:
        colour = next((colour for word, colour in _COLOURS.items() if line.startswith(f"{word}  ")), None)
        terminalreporter.write_line(redact(line), **({colour: True} if colour else {}))
    separator = terminalreporter.write_sep

    def without_our_files(sep: str, title: str | None = None, *args: Any, **markup: Any) -> None:
        if not (title or "").startswith(_NAMED_BY_US):
            separator(sep, title, *args, **markup)

    terminalreporter.write_sep = without_our_files
    try:
        return (yield)
    finally:
        terminalreporter.write_sep = separator


def _colour(verdict: Verdict) -> str:
    match verdict.exit_code:
        case Gate.CLEAR:
            return "green"
        case Gate.UNPROVEN:
            return "yellow"
        case _:
            return "red"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Say on the very last line what the first one said."""
    yield
    run = session.config.stash.get(RUN, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if run is not None and reporter is not None:
        _notices(run, reporter)


def render(verdict: Verdict, verbosity: int = 0) -> list[str]:
    """Return the summary's lines, none wider than 80 columns save a command that cannot be broken.

    Args:
        verdict: what is said.
        verbosity: pytest's own: below 0 only the verdict and the next command, above it also what holds.
    """
    record, counts = verdict.record, verdict.counts
    lines = wrap(f"{verdict.word}  {record.target}: {verdict.headline}")
    if verdict.next_command is not None:
        lines += ["next:", *continued(verdict.next_command)]
    parts = [f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]]
    total = len(verdict.results)
    lines += wrap(f"{', '.join(parts)} of {total} criteria; exit {verdict.exit_code}: {meaning(verdict)}")
    lines += wrap(f"looked from {record.viewpoint.place}, as {record.viewpoint.identity}")
    if record.incident is not None:
        lines += wrap(sentence(record.incident))
    if record.is_replica and (counts[Outcome.FAIL] or counts[Outcome.BLOCKED]):
        lines += wrap(f"commands name the real {plan_text.projects(verdict)}: none is to be run for a replica")
    if verbosity >= 0:
        lines += [*_failures(verdict), *_blocked(verdict), *plan_text.lines(verdict, whole=verbosity > 0)]
        lines += _escalations(record.incident) if record.incident is not None else []
        lines += [*_warnings(verdict), *_holding(verdict, verbosity), ""]
    return [*lines, *wrap(f"report: {_short(record.directory / 'report.html')}")]


def _short(path: Path) -> str:
    """Return the path as seen from where the command was typed, if it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _failures(verdict: Verdict) -> Iterator[str]:
    for id in verdict.diagnosis.causes:
        explained = verdict.diagnosis.explains(id)
        yield ""
        yield from _finding(CALLED[verdict.diagnosis.confidence[id]], verdict.results[id])
        if reading := verdict.diagnosis.readings.get(id):
            yield from wrap(f"in short: {reading}", "    ")
        for one in verdict.diagnosis.contradictions.get(id, ()):
            yield from wrap(f"yet {one.criterion} holds: {one.observed}", "    ")
        if explained:
            yield from wrap(f"explains: {', '.join(explained)}", "    ")
        yield from _cause(verdict.hints[id])


def _finding(word: str, result: Result) -> Iterator[str]:
    criterion = result.criterion
    where = f" ({place(criterion.section)})" if anchors(criterion.section) else ""
    yield from wrap(f"{word}  {criterion.id}  {criterion.title.rstrip('.')}{where}")
    for comparison in result.comparisons:
        if not comparison.holds:
            key = f"  [{comparison.key}]" if comparison.key else ""
            yield from wrap(f"{comparison.subject}: {comparison.observed} -> {comparison.expected}{key}", "    ")
    for note in result.notes:
        yield from wrap(note, "    ")


def _blocked(verdict: Verdict) -> Iterator[str]:
    for gap in verdict.gaps:
        yield ""
        yield from wrap(f"BLOCKED  {gap.sentence} ({gap.reason})")
        yield from wrap(f"not observed: {', '.join(result.criterion.id for result in gap.results)}", "    ")
        yield from _missing(gap)
        yield from _cause(gap.hints)
        if gap.is_of_the_vantage:
            yield from comment("the same run, from a machine inside the VPC")
            yield from continued(f"{OVERRIDE}=vpc {verdict.record.command}")


def _missing(gap: Gap) -> Iterator[str]:
    for role, permissions in gap.roles.items():
        yield from wrap(f"{role or 'no role known to allclear'} grants {', '.join(permissions)}", "    ")
    if gap.said:
        more = f" (and {len(gap.said) - 1} more answers like it)" if gap.said[1:] else ""
        yield from wrap(f"it was said: {gap.said[0]}{more}", "    ")


def _warnings(verdict: Verdict) -> Iterator[str]:
    for result in verdict.of(Outcome.WARN):
        yield ""
        yield from _finding("WARN", result)


def _holding(verdict: Verdict, verbosity: int) -> Iterator[str]:
    """What holds goes without saying, unless it was asked for, or nothing but this machine was looked at."""
    holding, every = verdict.of(Outcome.PASS), verdict.results.values()
    if holding and (verbosity > 0 or all("preflight" in result.criterion.markers for result in every)):
        yield ""
        for result in holding:
            yield from _finding("PASS", result)


def _cause(hints: tuple[Hint, ...]) -> Iterator[str]:
    for hint in hints[:1]:
        if hint.cause:
            yield from wrap(f"likely cause: {hint.cause}", "    ")
        yield from wrap(effort(hint), "    ")


def _escalations(incident: Incident) -> Iterator[str]:
    for one in incident.escalations:
        yield ""
        if not one.due:
            yield from wrap(f"ESCALATE?  {one.after} are past: {one.why}")
            continue
        yield from wrap(f"ESCALATE  {one.after} are past, and {one.when} ({place(one.section)}): {one.why}")
        for step in one.steps:
            yield from wrap(f"- {step}", "    ")
        for contact in one.contacts:
            yield from wrap(f"call {contact.role}: {contact.reached}", "    ")
        yield from wrap(f"owner: {one.owner}", "    ")
