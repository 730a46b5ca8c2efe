"""Runs under gcloud's own interpreter: the installed gcloud, loaded once, and forked for each command line.

Usage: PYTHON -S gcloud_server.py SDK SOCKET. A client connects, sends words, environment and directory as one line of
JSON with its three standard streams, and is told the exit code. What is forked is gcloud as it is after its start, so
that a command costs what it does, and not the second that the start takes. It ends with its standard input, so with
whoever started it.
"""

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

SDK, PLACE = Path(sys.argv[1]), sys.argv[2]
sys.path[:0] = [str(SDK / "lib"), str(SDK / "lib" / "third_party")]

from googlecloudsdk import gcloud_main  # noqa: E402  # found through the path above

CLI = gcloud_main.CreateCLI([])
KNOWN = (
    "run services update x --region=y",
    "run services update-traffic x --to-latest --region=y",
    "run revisions list",
    "sql instances patch x",
    "sql instances describe x",
    "secrets versions list x",
    "compute networks vpc-access connectors update x --region=y --max-instances=4",
    "logging read x",
)
"""Loaded before the first fork, since most commands are of their kind."""


def execute(asked, streams):
    """Become the command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))
    from googlecloudsdk.core import log

    log.Reset(sys.stdout, sys.stderr)
    try:
        CLI.Execute(asked["words"], call_arg_complete=False)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main():
    """Answer until standard input ends."""
    for line in KNOWN:
        CLI._CLI__parser.parse_args(line.split())
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PLACE)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        client, _ = listener.accept()
        with client:
            asked, streams, _, _ = socket.recv_fds(client, 1 << 20, 3)
            while not asked.endswith(b"\n"):
                asked += client.recv(1 << 20)
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                code = 1
                try:
                    code = execute(json.loads(asked), streams)
                finally:
                    client.sendall(b"%d" % code)
                    os._exit(code)
            for stream in streams:
                os.close(stream)


main()
