"""On a runner of GitHub Actions: annotations for what is broken or not seen, and the summary on the workflow's page.

What services say may look like a command to the runner, which reads every line of the output. So its commands are
switched off from the first line of a run to the last, save for our own.
"""

import os
import secrets
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.secret import redact
from plugins.outcome import Gate, Outcome
from plugins.reporting.findings import place
from plugins.reporting.record import Result
from plugins.session import RUN
from plugins.verdict import VERDICT, Verdict

MOST = 10
"""Annotations of a level that GitHub shows of a step."""
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_ESCAPES_IN_TITLE = {**_ESCAPES, ":": "%3A", ",": "%2C"}


def is_there(environment: Mapping[str, str]) -> bool:
    """Whether this process runs on a runner of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def annotations(verdict: Verdict) -> list[str]:
    """Return the runner's commands, the heaviest first: causes, then what could not be observed, then warnings."""
    errors = [*_causes(verdict), *_gaps(verdict, "error" if verdict.exit_code == Gate.UNPROVEN else "warning")]
    warnings = [_of(result, "warning") for result in verdict.of(Outcome.WARN)]
    return _capped([*errors, *warnings])


def _causes(verdict: Verdict) -> Iterator[str]:
    for id in verdict.diagnosis.causes:
        yield _of(verdict.results[id], "error")


def _of(result: Result, level: str) -> str:
    criterion, telling = result.criterion, result.telling
    assert telling is not None, "what fails or warns has compared something"
    said = f"{telling.subject}: {telling.observed}, expected {telling.expected} ({place(criterion.section)})"
    return annotation(level, f"{criterion.id}: {criterion.title}", said)


def _gaps(verdict: Verdict, level: str) -> Iterator[str]:
    for gap in verdict.gaps:
        blocked = ", ".join(result.criterion.id for result in gap.results)
        yield annotation(level, f"Not observed: {gap.sentence}", f"{gap.reason}; not observed for it: {blocked}")


def _capped(commands: list[str]) -> list[str]:
    """Leave out, of each level, what GitHub would not show."""
    kept: list[str] = []
    for level in ("error", "warning"):
        kept += [command for command in commands if command.startswith(f"::{level} ")][:MOST]
    return kept


def annotation(level: str, title: str, message: str) -> str:
    """Return a command to the runner, in which no text can begin another one."""
    title, message = (" ".join(redact(text).split()) for text in (title, message))
    return f"::{level} title={_escaped(title, _ESCAPES_IN_TITLE)}::{_escaped(message, _ESCAPES)}"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


class Runner:
    """Speaks to the runner, on the process that reports."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._token = secrets.token_hex(16)
        terminal.write_line(f"::stop-commands::{self._token}")

    def annotate(self, verdict: Verdict) -> None:
        """Write the annotations, and nothing else while commands are obeyed."""
        for line in (f"::{self._token}::", *annotations(verdict), f"::stop-commands::{self._token}"):
            self._terminal.write_line(line)

    def end(self) -> None:
        """Obey commands again: the step may have more to say."""
        self._terminal.write_line(f"::{self._token}::")


_RUNNER = pytest.StashKey[Runner]()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Switch the runner's commands off."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if RUN in session.config.stash and reporter is not None and is_there(os.environ):
        session.config.stash[_RUNNER] = Runner(reporter)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Annotate, and put the summary on the workflow's page, when every report is written."""
    returned = yield
    runner, verdict = session.config.stash.get(_RUNNER, None), session.config.stash.get(VERDICT, None)
    if runner is not None:
        if verdict is not None:
            runner.annotate(verdict)
            _summarise(verdict.record.directory / "summary.md", os.environ.get("GITHUB_STEP_SUMMARY", ""))
        runner.end()
    return returned


def _summarise(summary: Path, page: str) -> None:
    if page and summary.is_file():
        with Path(page).open("a", encoding="utf-8") as told:
            told.write(summary.read_text(encoding="utf-8") + "\n")
