"""`python -m tests.warm SOCKET`: forks the suite's own programs from a process that has imported all they need.

A run is three programs: pytest, the engine, the replica. Two thirds of what they compute, when started cold, is the
import of libraries. That, and nothing else, is spared here: each program is a process of its own, runs from its `main`
with its own arguments, environment and standard streams, and speaks with the others over the same sockets as ever.
"""

import ast
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from tests.warm import ROOT, popen

STREAMS = 3
ON_DEMAND = (
    "_strptime",
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "h11",
    "httpcore",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "websockets.server",
)
"""What libraries import only when they work, and every run makes them work."""


def main() -> None:
    """Import everything, then fork for whoever asks, until standard input ends."""
    os.chdir(ROOT)
    load()
    popen.Popen.forks_at = sys.argv[1]
    for starter in ("fixtures.engine.client", "fixtures.engine.launch"):
        vars(sys.modules[starter])["subprocess"] = popen
    gc.collect()
    gc.freeze()  # what is shared by all forks stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # attendants end by themselves
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        serve(server)


def load() -> None:
    """Have pytest collect the suites, and import what the fixtures import only when they need it."""
    import pytest

    with contextlib.redirect_stdout(io.StringIO()):
        assert pytest.main(["--collect-only", "-qq", "--target", "replica", "-p", "no:cacheprovider"]) == 0
    import fixtures

    for found in pkgutil.walk_packages(fixtures.__path__, "fixtures."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    from fixtures.replica.google.tokens import private_key

    private_key()  # a replica makes one and keeps it; a tenth of a second
    for module in ON_DEMAND:
        load_name(module)
    for path in (ROOT / "fixtures").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                load_name(node.module, tuple(alias.name for alias in node.names))
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    load_name(alias.name)


def load_name(module: str, names: tuple[str, ...] = ()) -> None:
    """Import one module, if it is installed, and those of the names that are modules."""
    with contextlib.suppress(ImportError):
        __import__(module, fromlist=names)


def serve(server: socket.socket) -> None:
    """Fork an attendant for each request, until standard input ends."""
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            attend(connection)
        connection.close()


def attend(connection: socket.socket) -> NoReturn:
    """Fork the program that is asked for, tell its process id, wait for its end and tell its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, streams, _, _ = socket.recv_fds(connection, 2**16, STREAMS)
    while not text.endswith(b"\n"):
        text += connection.recv(2**16)
    pid = os.fork()
    if pid == 0:
        connection.close()
        run(json.loads(text), streams)
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{pid}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(f"{code}\n".encode())
    os._exit(0)


def run(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """Become the program, and end as it does."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if request["new_session"]:
        os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    code = 0
    try:
        runpy.run_module(request["argv"][0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:  # noqa: BLE001  # as an interpreter does with what nobody caught
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
