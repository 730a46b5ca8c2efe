"""Makes the reports of a run that was killed, from what it had recorded."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fixtures.recording import NAME, RecordingError, read
from plugins.runs.stored import RunsError, lines, verdict

ROOT = Path(__file__).parent.parent.parent
_RECORD = "results.jsonl"


def rebuild(directory: Path) -> list[str]:
    """Write the reports of a run into its directory, and return what is to be said of them.

    They are made by a replay, so each says that the run was killed, and that it was judged again. The run's own record
    stays as it was.

    Raises:
        RunsError: the run has its reports, or left nothing to make them from.
    """
    try:
        recording = read(str(directory))
    except RecordingError as error:
        raise RunsError(f"nothing to rebuild from: {error}") from None
    if (directory / "verdict.json").exists() and recording.end is not None:
        raise RunsError(f"{directory}: the run came to its end, and its reports are there; --replay judges it again")
    with tempfile.TemporaryDirectory(dir=directory, prefix=".rebuilt-") as made:
        _replay(directory / NAME, Path(made))
        (fresh,) = Path(made).glob("*-replay")
        for file in fresh.iterdir():
            if file.name != _RECORD:
                file.replace(directory / file.name)
    said = verdict(directory)
    unseen = [entry.id for entry in said.criteria if any(why.reason == "not-recorded" for why in entry.blocked)]
    cut = f"{said.ended_by}: " if said.ended_by else ""
    judged = f"{len(said.criteria) - len(unseen)} of {len(said.criteria)} criteria could be judged"
    return [f"{said.verdict}  {cut}{judged}; exit {said.exit_code}", *_otherwise(directory)]


def _replay(recording: Path, into: Path) -> None:
    """Judge a recording, and report into a folder.

    Raises:
        RunsError: pytest made no verdict.
    """
    command = [sys.executable, "-m", "pytest", f"--replay={recording.resolve()}", f"--reports={into.resolve()}"]
    done = subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not list(into.glob("*-replay/verdict.json")):
        last = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise RunsError(f"{recording}: the replay made no verdict (exit {done.returncode}): {last[-1]}")


def _otherwise(directory: Path) -> Iterator[str]:
    """Yield the criteria that the run itself had judged otherwise, as another allclear would."""
    now = {entry.id: str(entry.outcome) for entry in verdict(directory).criteria}
    for values in lines(directory / _RECORD):
        if values.get("event") == "result":
            id, then = values["criterion"]["id"], values["outcome"]
            if now.get(id) != then:
                yield f"{id}: the run itself had said {then}, and it is {now.get(id, 'not there')} now"
