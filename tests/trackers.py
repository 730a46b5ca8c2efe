"""A tracker on loopback that speaks what `--post` needs of GitHub's and Jira's interfaces, and fails on request."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """What is answered to one POST instead of success.

    Attributes:
        takes: whether the comment or file is taken all the same.
        status: None: the connection is closed without an answer; 0: nothing is ever answered.
    """

    status: int | None
    takes: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None


@dataclass
class Tracker:
    """What the server holds, was asked, and will answer."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    failures: list[Answer] = field(default_factory=list)
    """For the next POSTs, one each."""
    unreadable: list[Answer] = field(default_factory=list)
    """For the next GETs, one each."""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve() -> Iterator[Tracker]:
    """Run a tracker for as long as the context lasts."""
    held = Tracker()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"held": held}))
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        held.over.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    held: Tracker

    def do_GET(self) -> None:
        self._note()
        if self.held.unreadable:
            self._fail(self.held.unreadable.pop(0))
            return
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if "/repos/" in parts.path:
            size, page = int(query["per_page"][0]), int(query["page"][0])
            self._answer(200, self.held.comments[(page - 1) * size : page * size])
        elif parts.path.endswith("/comment"):
            self._answer(200, {"comments": self.held.comments[::-1][: int(query["maxResults"][0])]})
        else:
            self._answer(200, {"fields": {"attachment": self.held.files}})

    def do_POST(self) -> None:
        self._note()
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        failure = self.held.failures.pop(0) if self.held.failures else None
        taken = self._take(sent) if failure is None or failure.takes else None
        if failure is None:
            self._answer(201, taken)
        else:
            self._fail(failure)

    def _take(self, sent: bytes) -> object:
        if self.path.endswith("/attachments"):
            assert self.headers["X-Atlassian-Token"] == "no-check"
            name = sent.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()
            self.held.files.append({"filename": name, "content": f"{self.held.url}/attachment/{len(self.held.files)}"})
            return self.held.files[-1:]
        body, id = json.loads(sent)["body"], len(self.held.comments) + 1
        self.held.comments.append({"id": str(id), "body": body, "html_url": f"{self.held.url}/comment/{id}"})
        return self.held.comments[-1]

    def _note(self) -> None:
        self.held.asked.append((self.command, urlsplit(self.path).path))
        self.held.authorizations.add(self.headers["Authorization"])

    def _fail(self, failure: Answer) -> None:
        if failure.status == 0:
            self.held.over.wait()
        elif failure.status is not None:
            self._answer(failure.status, failure.body or {"message": "as the test asks"}, failure.headers)
        self.close_connection = True

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(text))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
