"""While probes run: what is still awaited, and for how long."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.engine.client import EngineDied
from plugins.session import RUN, Run

FIRST_S, PLAIN_EVERY_S, LIVE_EVERY_S, TOLD_EVERY_S = 1.0, 10.0, 0.5, 60.0
"""Nothing is said in the first second; then a line every ten, or a live one twice a second on a terminal; a minute
between two where all that is awaited takes long and tells how far it is."""


class Screen:
    """The terminal as pytest writes it, with a line of ours that comes and goes.

    It writes through a descriptor of its own: while a test waits, pytest turns the original away to capture output.
    """

    def __init__(self, stream: Any) -> None:
        self._lock = threading.Lock()
        self._given = stream
        self._line = ""
        """What pytest has written of the present line, to be put back when ours goes."""
        self._ours = False
        stream.flush()  # what pytest has written before must come before what goes through another descriptor
        try:
            self._stream = os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")
        except (AttributeError, OSError):
            self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._given, name)

    def write(self, text: str) -> None:
        """Write what pytest has to say."""
        with self._lock:
            self._restore()
            self._line = text.rpartition("\n")[2] if "\n" in text else self._line + text
            self._put(text)

    def flush(self) -> None:
        """Do nothing: each writing is flushed."""

    def show(self, text: str) -> None:
        """Show a line of ours in place of the present one, until anything else is written."""
        with self._lock:
            self._put(f"\r\x1b[K{text}")
            self._ours = True

    def insert(self, text: str) -> None:
        """Write a line of ours for good, and begin the present one again below it."""
        with self._lock:
            self._put(("\n" if self._line else "") + f"{text}\n{self._line}")

    def close(self) -> Any:
        """Take our line away and return the stream that was given."""
        with self._lock:
            self._restore()
            if self._stream is not self._given:
                self._stream.close()
        return self._given

    def _restore(self) -> None:
        if self._ours:
            self._put(f"\r\x1b[K{self._line}")
            self._ours = False

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Progress:
    """Says what is awaited, from a thread of its own, until it is stopped."""

    def __init__(self, run: Run, terminal: Any, *, live: bool) -> None:
        self._run = run
        self._terminal = terminal
        self._live = live
        self._over = threading.Event()
        self._screen = terminal._file = Screen(terminal._file)
        self._thread = threading.Thread(target=self._watch, daemon=True, name="progress")
        self._thread.start()

    def stop(self) -> None:
        """Take the live line away and end."""
        self._over.set()
        self._thread.join()
        self._terminal._file = self._screen.close()

    def _watch(self) -> None:
        started = time.monotonic()
        wait = FIRST_S
        while not self._over.wait(wait):
            try:
                client = self._run.engine.client()
                awaited, told = client.awaited(), client.told()
            except EngineDied:
                break
            if not awaited:
                break
            text = line(awaited, time.monotonic() - started, self._terminal.fullwidth, told)
            if self._live:
                self._screen.show(text)
            else:
                self._screen.insert(text)
            plain_s = TOLD_EVERY_S if awaited.keys() <= told.keys() else PLAIN_EVERY_S
            wait = LIVE_EVERY_S if self._live else plain_s


def line(awaited: Mapping[str, float], elapsed_s: float, width: int, told: Mapping[str, str] | None = None) -> str:
    """Return one line: what is awaited, longest first, cut to the width; the time only where it is not told.

    Args:
        awaited: seconds so far, by probe.
        elapsed_s: since the tests began.
        width: of the terminal, in columns.
        told: how far those are that tell it.
    """
    names, told = sorted(awaited, key=lambda name: -awaited[name]), told or {}
    parts = [f"{name}: {told[name]}" if name in told else f"{name} ({awaited[name]:.0f} s)" for name in names]
    text = ", ".join(parts) if set(names) <= told.keys() else f"{elapsed_s:.0f} s: awaiting {', '.join(parts)}"
    return text if len(text) < width else text[: width - 4] + "..."


_PROGRESS = pytest.StashKey[Progress]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Begin to watch when the tests begin to wait."""
    config = session.config
    run = config.stash.get(RUN, None)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if run is None or reporter is None or config.option.list_criteria:
        return
    # Under xdist the controller may print at any moment, so a live line would be torn apart; a dumb terminal has none.
    live = reporter.isatty and os.environ.get("TERM") != "dumb" and not getattr(config.option, "numprocesses", None)
    config.stash[_PROGRESS] = Progress(run, reporter._tw, live=live)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Clear the line before anything else is said."""
    progress = session.config.stash.get(_PROGRESS, None)
    if progress is not None:
        progress.stop()
