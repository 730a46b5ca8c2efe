"""The summary in the terminal: the first true line, then the causes, then what to do. 80 columns."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.secret import redact
from plugins.judging import CARRIED
from plugins.outcome import Gate, Outcome
from plugins.remediation import Command, Hint
from plugins.reporting.record import Result
from plugins.session import RUN
from plugins.verdict import VERDICT, Verdict

WIDTH = 80
MEANING = {
    Gate.CLEAR: "every selected criterion was observed and holds",
    Gate.NOT_CLEAR: "at least one critical or major criterion fails",
    Gate.UNPROVEN: "none fails, but not everything could be observed",
}
_LETTERS = {
    Outcome.PASS: ("passed", ".", "PASS"),
    Outcome.FAIL: ("failed", "F", "FAIL"),
    Outcome.WARN: ("warned", "W", ("WARN", {"yellow": True})),
    Outcome.BLOCKED: ("blocked", "B", ("BLOCKED", {"purple": True})),
    Outcome.NOT_APPLICABLE: ("n/a", "-", ("N/A", {})),
}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Say on the very first line that a replica run says nothing about staging."""
    run = session.config.stash.get(RUN, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if run is not None and reporter is not None and run.record.disclaimer:
        reporter.write_line(run.record.disclaimer, yellow=True)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the target in pytest's header."""
    run = config.stash.get(RUN, None)
    if run is None:
        return None
    target = run.profile.target
    return f"target: {target.title} (profile {run.record.profile}, project {target.project}, {target.region})"


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, object] | None:
    """Show a criterion's own outcome instead of pytest's."""
    values = getattr(report, CARRIED, None)
    return None if values is None else _LETTERS[Outcome(values["outcome"])]


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the verdict."""
    verdict = config.stash.get(VERDICT, None)
    if verdict is None:
        return
    terminalreporter.ensure_newline()
    terminalreporter.write_line("")
    colour = {"green": True} if verdict.exit_code == Gate.CLEAR else {"red": True}
    for number, line in enumerate(render(verdict)):
        terminalreporter.write_line(redact(line), **({**colour, "bold": True} if number == 0 else {}))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Say on the very last line what the first one said."""
    yield
    run = session.config.stash.get(RUN, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if run is not None and reporter is not None and run.record.disclaimer:
        reporter.write_line(run.record.disclaimer, yellow=True)


def render(verdict: Verdict) -> list[str]:
    """Return the summary's lines, none wider than 80 columns save a command that cannot be broken."""
    record, counts = verdict.record, verdict.counts
    lines = [*_wrap(f"{verdict.word}  {record.target}: {verdict.headline}", "  ")]
    if verdict.next_command is not None:
        lines += ["next:", *_continued(verdict.next_command)]
    parts = [f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]]
    meaning = MEANING.get(Gate(verdict.exit_code)) if verdict.exit_code in list(Gate) else record.ended_by
    lines += _wrap(f"{', '.join(parts)} of {len(verdict.results)} criteria; exit {verdict.exit_code}: {meaning}")
    lines += _wrap(f"looked from {record.viewpoint.place}, as {record.viewpoint.identity}")
    lines += _failures(verdict)
    lines += _blocked(verdict)
    lines += _warnings(verdict)
    return [*lines, "", f"report: {_short(record.directory / 'report.html')}"]


def _short(path: Path) -> str:
    """Return the path as seen from where the command was typed, if it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _failures(verdict: Verdict) -> Iterator[str]:
    for id in verdict.diagnosis.causes:
        yield ""
        yield from _finding("ROOT CAUSE" if verdict.diagnosis.explains(id) else "FAIL", verdict.results[id])
        explained = verdict.diagnosis.explains(id)
        if explained:
            yield from _wrap(f"explains: {', '.join(explained)}", "    ", first="    ")
        yield from _hints(verdict.hints[id])


def _finding(word: str, result: Result) -> Iterator[str]:
    yield from _wrap(f"{word}  {result.criterion.id}  {result.criterion.title} (plan {result.criterion.section})")
    for comparison in result.comparisons:
        if not comparison.holds:
            key = f"  [{comparison.key}]" if comparison.key else ""
            yield from _wrap(f"{comparison.subject}: {comparison.observed} -> {comparison.expected}{key}", first="    ")
    for note in result.notes:
        yield from _wrap(note, first="    ")


def _blocked(verdict: Verdict) -> Iterator[str]:
    """One block for each reason, however many criteria it blocks."""
    groups: dict[str, list[Result]] = {}
    for result in verdict.of(Outcome.BLOCKED):
        explained = verdict.diagnosis.explained_by.get(result.criterion.id)
        if explained is None:
            groups.setdefault(" ".join(why.detail for why in result.blocked[:1]), []).append(result)
    for detail, results in groups.items():
        yield ""
        yield from _wrap(f"BLOCKED  {detail}")
        yield from _wrap(f"not observed: {', '.join(result.criterion.id for result in results)}", first="    ")
        yield from _hints(verdict.hints[results[0].criterion.id][:1])


def _warnings(verdict: Verdict) -> Iterator[str]:
    for result in verdict.of(Outcome.WARN):
        yield ""
        yield from _finding("WARN", result)


def _hints(hints: tuple[Hint, ...]) -> Iterator[str]:
    for hint in hints[:1]:
        yield from _wrap(f"cause: {hint.cause}", first="    ")
        for command in hint.commands:
            yield from _command(command)
        yield from _wrap(f"plan {hint.section}; takes {hint.takes}; owner: {hint.owner}", first="    ")
        yield f"    verify: {hint.verify}"


def _command(command: Command) -> Iterator[str]:
    risk = "read-only" if command.risk == "read" else f"{command.risk}: {command.changes}"
    yield from _wrap(f"# {risk}", "    # ", first="    ")
    yield from _continued(command.run)


def _continued(run: str) -> Iterator[str]:
    """Break a command at spaces with a backslash, so that it can be pasted as it stands."""
    words, line = run.split(" "), "    $"
    for word in words:
        if len(line) + len(word) + 3 > WIDTH and line.strip():
            yield f"{line} \\"
            line = "     "
        line += f" {word}"
    yield line


def _wrap(text: str, rest: str = "      ", first: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH - 1, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [""]
