"""`python -m tests.mutation [--recordings DIRECTORY] [FILE...]`: makes every mistake, and the page of what notices it.

DIRECTORY is where a run of the matrix has left its runs (`python -m tests.matrix --keep DIRECTORY`). With files only
those are tried, and without recordings only the tests that take milliseconds are asked; nothing is published then.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.page import FIGURES, PAGE, render

ROOT = Path(__file__).parent.parent.parent
JUDGING = (
    "fixtures/expect.py",
    "plugins/diagnosis/__init__.py",
    "plugins/diagnosis/contradictions.py",
    "plugins/diagnosis/graph.py",
    "plugins/diagnosis/links.py",
    "plugins/diagnosis/readings.py",
    "plugins/gaps.py",
    "plugins/judging.py",
    "plugins/outcome.py",
    "plugins/verdict.py",
)
"""What judges, beside the suites."""
Fate = tuple[Mutant, str]


def files() -> list[str]:
    """Return the files that mistakes are made in."""
    suites = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("suites/*/test_*.py"))
    return [*suites, *JUDGING]


class Worker(threading.Thread):
    """Tries mistakes in a copy of the checkout, one after the other, until there are none left."""

    def __init__(self, recordings: Path | None, waiting: "Queue[Mutant]", fates: list[Fate]) -> None:
        super().__init__(daemon=True)
        self._recordings = recordings
        self._waiting = waiting
        self._fates = fates

    def run(self) -> None:
        """Make the copy, and work."""
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory) / "allclear"
            _copy(copy)
            command = [sys.executable, "-m", "tests.mutation.judge"]
            command += [str(self._recordings.resolve())] if self._recordings else []
            with subprocess.Popen(
                command, cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                for mutant in self._next():
                    process.stdin.write(
                        json.dumps({"file": mutant.file, "line": mutant.line, "source": mutant.source}) + "\n"
                    )
                    process.stdin.flush()
                    self._fates.append((mutant, json.loads(process.stdout.readline())))
                    _tell(*self._fates[-1], len(self._fates))
                process.stdin.close()

    def _next(self) -> Iterator[Mutant]:
        while True:
            try:
                yield self._waiting.get_nowait()
            except Empty:
                return


def _copy(copy: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)


def _tell(mutant: Mutant, noticed: str, number: int) -> None:
    print(
        f"{number} {noticed or 'SURVIVES'}  {mutant.file}:{mutant.line}  {mutant.before} -> {mutant.after}", flush=True
    )


def main() -> None:
    """Try, and write down what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("files", nargs="*", default=files())
    parser.add_argument("-n", type=int, default=2, dest="workers")
    options = parser.parse_args()
    began = time.monotonic()
    waiting: Queue[Mutant] = Queue()
    for file in options.files:
        for mutant in mutants(file, (ROOT / file).read_text(encoding="utf-8")):
            waiting.put(mutant)
    fates: list[Fate] = []
    workers = [Worker(options.recordings, waiting, fates) for _ in range(options.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if options.files == files() and options.recordings:
        _publish(fates, round((time.monotonic() - began) / 60))


def _publish(fates: list[Fate], minutes: int) -> None:
    made: dict[str, dict[str, int]] = {}
    for mutant, noticed in fates:
        counts = made.setdefault(mutant.file, {"made": 0, "matrix": 0, "tests": 0, "broken": 0, "survive": 0})
        counts["made"] += 1
        kind = noticed.split(":")[0]
        counts[{"the matrix": "matrix", "the tests": "tests", "": "survive"}.get(kind, "broken")] += 1
    survivors = sorted(mutant.name for mutant, noticed in fates if not noticed)
    figures = {"minutes": minutes, "files": dict(sorted(made.items())), "survivors": survivors}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
