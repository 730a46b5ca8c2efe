"""`python -m tests.mutation.judge [RECORDINGS]`: says of each mistake on its standard input what notices it.

It runs in a copy of the checkout, from a process that has imported the libraries; each mistake is written into the
copy, tried in a fork, and taken out again.
"""

import ast
import contextlib
import io
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.cases import Case, cases

PATIENCE_S = 240
SAMPLE = 20
"""Recordings that must be judged as they were, before any mistake is made."""
NARROW = 6
MOST = 60
"""Recordings that a mistake in what judges all suites is tried on: those of the broadest faults."""
OURS = ("plugins", "suites", "conftest", "fixtures.expect", "fixtures.observe", "tests.test_")
"""Modules that a mistake may be in, or that hold on to one that it is in."""
TESTS = "not matrix and not gcloud"
_ID = re.compile(r"criterion\(\s*\"([A-Z-]+)\"")


class Catcher:
    """A plugin that keeps what a replay came to."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.first: str | None = None
        self.exit_code = -1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep it."""
        from plugins.verdict import VERDICT  # of the fork, which may hold the mistake

        verdict = session.config.stash.get(VERDICT, None)
        if verdict is not None:
            self.outcomes = {id: str(result.outcome) for id, result in verdict.results.items()}
            self.first = next(iter(verdict.diagnosis.causes), None)
            self.exit_code = int(verdict.exit_code)


def replay(case: Case, reports: str, *selection: str) -> Catcher:
    """Judge a recording again."""
    caught = Catcher()
    quiet = ("-p", "no:html", "-p", "no:cacheprovider", "-q", f"--reports={reports}")
    pytest.main([f"--replay={case.recording}", *quiet, *selection], [caught])
    return caught


def notices(file: str, line: int, known: list[Case], reports: str) -> str:
    """Return what notices a mistake in a line of a file; empty when nothing does.

    First come the tests that take milliseconds, which find most; then the recordings in which the line has a say. A
    suite is judged by itself, which is quick, and with all others on the faults that turn least, whose cause is the
    finest.
    """
    if noticed := _tests(file, f"{TESTS} and not slow", reports):
        return noticed
    if file.startswith("suites/"):
        ids = _judged_at(file, line)
        concern = [case for case in known if case.outcomes.keys() & ids and (not case.faults or case.turns(ids))]
        noticed = _replays(concern, reports, file) or _replays(concern[-NARROW:], reports)
    else:
        noticed = _replays(known[:MOST], reports)
    return noticed


def _replays(known: list[Case], reports: str, *selection: str) -> str:
    for case in known:
        if not _is_as_it_was(case, replay(case, reports, *(selection or _all_of(case))), whole=not selection):
            return f"the matrix: {' '.join(case.faults) or 'no fault'}"
    return ""


def _tests(file: str, chosen: str, reports: str) -> str:
    names = list(_tests_of(file))
    quiet = ("-x", "-q", "-p", "no:cacheprovider", f"--basetemp={reports}/tests")
    code = pytest.main([*names, *quiet, "-m", chosen]) if names else pytest.ExitCode.OK
    return "" if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) else "the tests"


def _all_of(case: Case) -> tuple[str, ...]:
    """Return how all is selected that a case has looked at."""
    return ("-m", "soak" if case.is_soak else "not soak")


def _is_as_it_was(case: Case, caught: Catcher, *, whole: bool) -> bool:
    """Whether a replay comes to what the run came to: in every outcome, and as a whole in first cause and exit code."""
    wanted = {id: outcome for id, outcome in case.outcomes.items() if whole or id in caught.outcomes}
    same = bool(caught.outcomes) and caught.outcomes == wanted
    return same and (not whole or (caught.first, caught.exit_code) == (case.first, case.exit_code))


def _is_sound(case: Case, reports: str) -> bool:
    """Whether a recording is judged as it was, when no mistake is made. It also imports what judging needs."""
    return _is_as_it_was(case, replay(case, reports, *_all_of(case)), whole=True)


def _judged_at(file: str, line: int) -> set[str]:
    """Return the criteria that a line of a suite is part of: its function's own, or those of the whole file."""
    source = Path(file).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or line):
            declared = ast.unparse(ast.Module([ast.Expr(one) for one in node.decorator_list], []))
            if own := set(_ID.findall(declared.replace("'", '"'))):
                return own
    return set(_ID.findall(source))


def _tests_of(file: str) -> Iterator[str]:
    """Yield the tests that name a module."""
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for path in sorted(Path("tests").glob("test_*.py")):
        if re.search(rf"\b{re.escape(module)}\b", path.read_text(encoding="utf-8")):
            yield str(path)


def tried(mutant: dict[str, Any], known: list[Case]) -> str:
    """Return what notices a mistake: in a fork, which ends with all that it has imported."""
    path = Path(mutant["file"])
    whole = path.read_text(encoding="utf-8")
    path.write_text(mutant["source"], encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory() as reports:
            answer = Path(reports) / "answer"
            pid = os.fork()
            if pid == 0:
                _try(mutant, known, reports, answer)
            _wait(pid)
            # Whoever ends without an answer, or not at all, is noticed too.
            return answer.read_text(encoding="utf-8") if answer.exists() else "it breaks the run"
    finally:
        path.write_text(whole, encoding="utf-8")


def _try(mutant: dict[str, Any], known: list[Case], reports: str, answer: Path) -> None:
    for name in [name for name in sys.modules if name.startswith(OURS)]:
        del sys.modules[name]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            answer.write_text(notices(mutant["file"], mutant["line"], known, reports), encoding="utf-8")
    finally:
        os._exit(0)


def _wait(pid: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def main() -> None:
    """Answer each line, a mutant in JSON, with a line that says what notices it."""
    sys.dont_write_bytecode = True  # of two mistakes in one second, the second would be taken for the first
    known = cases(Path(sys.argv[1])) if sys.argv[1:] else []
    out = sys.stdout
    with tempfile.TemporaryDirectory() as reports, contextlib.redirect_stdout(io.StringIO()):
        looked_at = [case for case in known if not case.faults or case.is_soak] + known[:: len(known) // SAMPLE or 1]
        unsound = [case.recording for case in looked_at if not _is_sound(case, reports)]
    if unsound or (sys.argv[1:] and not known):
        sys.exit(
            f"{sys.argv[1]}: not judged as by the run that saw it: {', '.join(map(str, unsound)) or 'nothing there'}"
        )
    for line in sys.stdin:
        out.write(json.dumps(tried(json.loads(line), known)) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
