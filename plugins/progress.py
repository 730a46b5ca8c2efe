"""While probes run: what is still awaited, and for how long."""

import threading
import time
from typing import Any

import pytest

from fixtures.engine.client import EngineDied
from plugins.session import RUN, Run

FIRST_S, PLAIN_EVERY_S, LIVE_EVERY_S = 1.0, 10.0, 0.5
"""Nothing is said in the first second; then a line every ten, or a live one twice a second on a terminal."""


class Progress:
    """Says what is awaited, from a thread of its own, until it is stopped."""

    def __init__(self, run: Run, terminal: Any, *, live: bool) -> None:
        self._run = run
        self._terminal = terminal
        self._live = live
        self._over = threading.Event()
        self._shown = False
        self._thread = threading.Thread(target=self._watch, daemon=True, name="progress")
        self._thread.start()

    def stop(self) -> None:
        """Take the live line away and end."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        started = time.monotonic()
        wait = FIRST_S
        while not self._over.wait(wait):
            try:
                awaited = self._run.engine.client().awaited()
            except EngineDied:
                break
            if not awaited:
                break
            self._say(line(awaited, time.monotonic() - started, self._terminal.fullwidth if self._live else None))
            wait = LIVE_EVERY_S if self._live else PLAIN_EVERY_S
        if self._live and self._shown:
            self._terminal.write("\r\x1b[K", flush=True)

    def _say(self, text: str) -> None:
        self._shown = True
        if self._live:
            self._terminal.write(f"\r\x1b[K{text}", flush=True)
        else:
            self._terminal.write(f"\n{text}\n", flush=True)


def line(awaited: dict[str, float], elapsed_s: float, width: int | None) -> str:
    """Return one line: what is awaited, longest first, cut to the width."""
    names = sorted(awaited, key=lambda name: -awaited[name])
    text = f"{elapsed_s:.0f} s: awaiting " + ", ".join(f"{name} ({awaited[name]:.0f} s)" for name in names)
    if width is not None and len(text) >= width:
        text = text[: width - 4] + "..."
    return text


_PROGRESS = pytest.StashKey[Progress]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Begin to watch when the tests begin to wait."""
    config = session.config
    run = config.stash.get(RUN, None)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if run is None or reporter is None or config.option.list_criteria:
        return
    # Under xdist the controller may print at any moment, so a live line would be torn apart.
    live = reporter.isatty and not getattr(config.option, "numprocesses", None)
    config.stash[_PROGRESS] = Progress(run, reporter._tw, live=live)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Clear the line before anything else is said."""
    progress = session.config.stash.get(_PROGRESS, None)
    if progress is not None:
        progress.stop()
