"""As much of `subprocess` as the suite's own programs use on each other; each is forked by `python -m tests.warm`."""

import contextlib
import json
import os
import select
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import BinaryIO

__all__ = ["PIPE", "Popen", "TimeoutExpired"]


class Popen:
    """A program, `python -m MODULE ARGUMENT...`, that runs."""

    forks_at = ""
    """Address of the socket at which forks are to be had."""

    def __init__(
        self,
        command: list[str],
        *,
        cwd: Path,
        stdin: int = PIPE,
        stdout: int | None = None,
        stderr: int | None = None,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
    ) -> None:
        """Start it. Its standard input is always a pipe: closing it is how the suite's programs are ended."""
        assert stdin == PIPE
        self._command = command
        self._returncode: int | None = None
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = _outward(1, stdout)
        ours_err, theirs_err = _outward(2, stderr)
        request = {
            "argv": command[2:],
            "cwd": str(cwd),
            "env": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(self.forks_at)
        text = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(self._connection, [text], [theirs_in, theirs_out, theirs_err])
        self._connection.sendall(text[sent:])
        for stream in (theirs_in, theirs_out, theirs_err):
            os.close(stream)
        self.stdin: BinaryIO = os.fdopen(ours_in, "wb", buffering=0)
        self.stdout: BinaryIO | None = None if ours_out is None else os.fdopen(ours_out, "rb")
        self.stderr: BinaryIO | None = None if ours_err is None else os.fdopen(ours_err, "rb")
        self._said = self._connection.makefile("r")
        self.pid = int(self._said.readline())

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the program's end and return its exit code.

        Raises:
            TimeoutExpired: it has not ended within `timeout` seconds.
        """
        if self._returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise TimeoutExpired(self._command, timeout or 0.0)
            # Whoever would tell the code may have been ended with all the rest; then the program is, or will be, too.
            self._returncode = int(self._said.readline() or -signal.SIGTERM)
            self._said.close()
            self._connection.close()
        return self._returncode

    def communicate(self) -> tuple[bytes, bytes]:
        """Read what is still to come on standard output, then on standard error, and wait for the end."""
        out, err = (_rest(stream) for stream in (self.stdout, self.stderr))
        self.wait()
        return out, err

    def kill(self) -> None:
        """End the program at once, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def _rest(stream: BinaryIO | None) -> bytes:
    if stream is None:
        return b""
    with stream:
        return stream.read()


def _outward(number: int, asked: int | None) -> tuple[int | None, int]:
    """Return our end of an output stream, where it is a pipe, and the program's."""
    if asked == PIPE:
        return os.pipe()
    return None, os.dup(number if asked is None else asked)
