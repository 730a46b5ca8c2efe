"""The line that says what is awaited, on the terminal that pytest writes to as well."""

import io
import os
from pathlib import Path
from typing import TextIO

import pytest

from plugins.progress import Screen, line


class Terminal:
    """A terminal of one pipe: what was written to it, and what a person sees."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        self.stream: TextIO = os.fdopen(write, "w", encoding="utf-8")
        self.screen = Screen(self.stream)

    def written(self) -> str:
        """Close everything and return what was written."""
        assert self.screen.close() is self.stream
        self.stream.close()
        with os.fdopen(self._read, encoding="utf-8", newline="") as pipe:
            return pipe.read()


@pytest.fixture
def terminal() -> Terminal:
    """A terminal of one pipe."""
    return Terminal()


def test_our_line_gives_way_to_pytests(terminal: Terminal) -> None:
    """Whatever pytest writes finds its own line as it left it."""
    terminal.screen.write("suites/a.py ..")
    terminal.screen.show("3 s: awaiting x")
    terminal.screen.show("4 s: awaiting x")
    terminal.screen.write(".")
    erase = "\r\x1b[K"
    shown = f"suites/a.py ..{erase}3 s: awaiting x{erase}4 s: awaiting x{erase}suites/a.py ..."
    assert terminal.written() == shown


def test_a_plain_line_stands_between(terminal: Terminal) -> None:
    """Where lines cannot be taken back, ours ends pytest's, which begins again below."""
    terminal.screen.insert("1 s: awaiting x")
    terminal.screen.write("collected\nsuites/a.py ..")
    terminal.screen.insert("10 s: awaiting x")
    terminal.screen.write(". [100%]\n")
    shown = "1 s: awaiting x\ncollected\nsuites/a.py ..\n10 s: awaiting x\nsuites/a.py ... [100%]\n"
    assert terminal.written() == shown


def test_our_line_is_gone_at_the_end(terminal: Terminal) -> None:
    """Closing takes the line away."""
    terminal.screen.show("3 s: awaiting x")
    assert terminal.written().endswith("\r\x1b[K")


def test_it_is_seen_while_output_is_captured(terminal: Terminal) -> None:
    """When the stream's descriptor leads elsewhere, as pytest's capture makes it, the terminal is still written to."""
    with Path(os.devnull).open("w", encoding="utf-8") as elsewhere:
        os.dup2(elsewhere.fileno(), terminal.stream.fileno())
        terminal.screen.insert("1 s: awaiting x")
    assert terminal.written() == "1 s: awaiting x\n"


def test_a_stream_without_a_descriptor_will_do() -> None:
    """A stream of no file is written to directly, and keeps its own properties."""
    stream = io.StringIO()
    screen = Screen(stream)
    screen.write("a")
    assert screen.close() is stream
    assert (stream.getvalue(), screen.isatty()) == ("a", False)


def test_a_line_fits_its_width() -> None:
    """What is awaited longest comes first, and what does not fit is cut."""
    assert line({"instance": 2.2, "connector": 3.4}, 3.5, 80) == "4 s: awaiting connector (3 s), instance (2 s)"
    cut = line({f"probe_{number}": 1.0 for number in range(20)}, 1.0, 80)
    assert len(cut) < 80
    assert cut.endswith("...")


def test_a_line_says_how_far_what_takes_long_is() -> None:
    """What tells how far it is does so instead of its seconds; alone it needs no more than that."""
    told = {"soak": "12 min 33 s of 30 min, 0 failures, slowest 0.41 s (sessions)"}
    assert line({"soak": 753.2}, 754.0, 80, told) == f"soak: {told['soak']}"
    both = line({"soak": 3.2, "instance": 2.0}, 3.5, 120, told)
    assert both == f"4 s: awaiting soak: {told['soak']}, instance (2 s)"
