"""What people see: runs in a real pseudo-terminal, drawn by a terminal emulator, compared with recorded screens.

`python -m tests.test_screens` records them anew; look at the difference before you commit it.
"""

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from dataclasses import dataclass
from pathlib import Path

import pyte
import pytest

from fixtures.recording import NAME
from plugins.reporting.columns import WIDTH

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "screens"
BROKEN = ("-m", "vpc", "--target", "replica", "--fault", "connector-in-error")
OF_PYTEST = ("=", "report: ")
"""How lines begin that pytest writes, or that hold a path."""
ESCAPE = b"\x1b"


@dataclass(frozen=True)
class Look:
    """How a run is looked at."""

    columns: int = 80
    term: str = "xterm-256color"
    options: tuple[str, ...] = ()
    no_color: bool = False


LOOKS = {
    "wide": Look(120),
    "usual": Look(),
    "narrow": Look(40),
    "dumb": Look(term="dumb"),
    "no-color": Look(no_color=True),
    "quiet": Look(options=("-q",)),
    "verbose": Look(options=("-v",)),
    "no-header": Look(options=("--no-header",)),
}


@dataclass(frozen=True)
class Seen:
    """What a terminal was sent, and what it then showed, line by line."""

    sent: bytes
    lines: list[str]
    bold_red: list[str]
    """The lines of which the first character is bold and red."""


def watched(look: Look, *options: str) -> Seen:
    """Run pytest in a terminal."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GITHUB_"))}
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS"):
        env.pop(name, None)
    env |= {"TERM": look.term, "ALLCLEAR_VANTAGE": "laptop"} | ({"NO_COLOR": "1"} if look.no_color else {})
    arguments = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *look.options]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, look.columns, 0, 0))
        os.execve(sys.executable, arguments, env)
    screen = pyte.HistoryScreen(look.columns, 50, history=5000, ratio=1)
    stream, sent = pyte.ByteStream(screen), b""
    while part := _read(terminal):
        sent += part
        stream.feed(part)
    os.waitpid(child, 0)
    os.close(terminal)
    rows = [*screen.history.top, *(screen.buffer[row] for row in range(50))]
    lines = ["".join(row[column].data for column in range(look.columns)).rstrip() for row in rows]
    red = [line for row, line in zip(rows, lines, strict=True) if row[0].bold and row[0].fg == "red"]
    return Seen(sent, lines, red)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 2**16)
    except OSError:  # Linux says so of a terminal that nobody holds any more
        return b""


def masked(lines: list[str]) -> str:
    """Return the text of a screen, without what differs from run to run."""
    text = "\n".join(lines).rstrip() + "\n"
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "2025-09-16T09:15:00+00:00", text)
    text = re.sub(r"=* ?(\d+ failed, \d+ passed, \d+ deselected) in [\s\d.]+s ?=*", r"\1 in 0.00s", text)
    text = re.sub(r"\(host [\w.-]+\)", "(host HOST)", text)
    text = re.sub(r"report:\s.*?report\.html", "report: REPORT", text, flags=re.DOTALL)
    # What -v adds on top is pytest's own, and says where and with what it runs.
    return re.sub(r"\nplatform .*?(?=\ncollect)", "", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run with the connector down saw."""
    return recorded(tmp_path_factory.mktemp("screens"))


def recorded(directory: Path) -> Path:
    """Look at the replica once, with the connector down, and return the recording."""
    seen = watched(Look(), *BROKEN, f"--reports={directory}")
    assert any("NOT CLEAR" in line for line in seen.lines), "\n".join(seen.lines)
    return next(directory.glob("2*-replica")) / NAME


def shown(name: str, recording: Path, directory: Path) -> Seen:
    """Judge the recording again in a terminal of that look."""
    return watched(LOOKS[name], f"--replay={recording}", f"--reports={directory}", "-p", "no:html")


@pytest.mark.parametrize("name", LOOKS)
def test_a_screen_is_as_recorded(name: str, recording: Path, tmp_path: Path) -> None:
    """Each look shows what was recorded of it, and somebody has looked at."""
    seen = shown(name, recording, tmp_path)
    assert masked(seen.lines) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "coloured"), [("usual", True), ("no-color", False), ("dumb", False)])
def test_colour_is_for_those_who_want_it(name: str, *, coloured: bool, recording: Path, tmp_path: Path) -> None:
    """The verdict is bold red where a terminal has colours; NO_COLOR and a dumb terminal get no escape at all."""
    seen = shown(name, recording, tmp_path)
    assert any(line.startswith("NOT CLEAR") for line in seen.bold_red) is coloured
    assert (ESCAPE in seen.sent.replace(b"\x1b[K", b"")) is coloured
    assert (ESCAPE in seen.sent) is coloured or name == "no-color"


def test_a_narrow_terminal_breaks_no_word(recording: Path, tmp_path: Path) -> None:
    """In 40 columns sentences are broken between words; only what cannot be broken runs over the edge."""
    sent = shown("narrow", recording, tmp_path).sent.decode()
    text = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", sent.rpartition("NOT CLEAR")[2])
    long = [line for line in text.splitlines() if len(line) > LOOKS["narrow"].columns]
    assert [
        line for line in long if len(line.strip(" $\\#").split()) > 1 and "in " not in line and "::" not in line
    ] == []


def test_while_it_runs_one_line_comes_and_goes(tmp_path: Path) -> None:
    """What is awaited is told on one line that leaves no trace; a dumb terminal is told in lines of their own."""
    live = watched(Look(), *BROKEN, f"--reports={tmp_path}")
    assert b"awaiting" in live.sent
    assert not [line for line in live.lines if "awaiting" in line]
    assert max(map(len, live.lines)) <= WIDTH
    dumb = watched(LOOKS["dumb"], *BROKEN, f"--reports={tmp_path}")
    assert ESCAPE not in dumb.sent
    assert [line for line in dumb.lines if "awaiting" in line]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        found = recorded(Path(directory))
        for look in LOOKS:
            text = masked(shown(look, found, Path(directory) / look).lines)
            (FOLDER / f"{look}.txt").write_text(text, encoding="utf-8")
