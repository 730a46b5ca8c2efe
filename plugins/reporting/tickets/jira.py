"""Jira Cloud's issues: a comment, and the report as an attachment."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from plugins.reporting.markup import document
from plugins.reporting.markup.blocks import Block, fitted
from plugins.reporting.tickets.delivery import TIMEOUT_S, ask
from plugins.reporting.tickets.tracker import Unusable, address, needed, token

_TICKET = re.compile(r"[A-Z][A-Z0-9_]+-\d+")
_NEWEST = 100
"""Comments that are looked through; the run's own is among the last ones."""
_COMMENT_MAX = 32_767


class _Comment(BaseModel):
    id: str
    body: Any = None


class _Comments(BaseModel):
    comments: list[_Comment]


class _File(BaseModel):
    filename: str
    content: str = ""


class _Fields(BaseModel):
    attachment: list[_File] = []


class _Held(BaseModel):
    fields: _Fields


class Issue:
    """An issue."""

    def __init__(self, ticket: str, environment: Mapping[str, str]) -> None:
        """Find out where the issue is; nothing is asked yet.

        Args:
            ticket: its key, such as `OPS-12`.
            environment: with `JIRA_URL`, `JIRA_USER` and `JIRA_TOKEN`.

        Raises:
            Unusable: it does not say where, or as whom.
        """
        if not _TICKET.fullmatch(ticket):
            raise Unusable(f"--ticket {ticket or '(none)'}: give an issue's key, such as OPS-12")
        site, user = address(environment, "JIRA_URL"), needed(environment, "JIRA_USER")
        key = token(environment, "JIRA_TOKEN")
        import httpx

        self._site, self._ticket = site, ticket
        self._issue = f"{site}/rest/api/3/issue/{ticket}"
        self.where = f"{self._issue}/comment"
        self.files = f"{self._issue}/attachments"
        auth = httpx.BasicAuth(user, key.reveal())
        headers = {"Accept": "application/json", "User-Agent": "allclear"}
        self._client = httpx.Client(base_url=site, auth=auth, headers=headers, timeout=TIMEOUT_S)

    def find(self, run: str) -> str | None:
        """Return where the run's comment is, or None."""
        query = {"orderBy": "-created", "maxResults": str(_NEWEST)}
        held = ask(self._client, "GET", self.where, _Comments, params=query)
        sought = json.dumps(document.marker(run))
        return next((self._shown(one.id) for one in held.comments if sought in json.dumps(one.body)), None)

    def comment(self, blocks: list[Block], ending: list[Block]) -> str:
        """Send the comment, and return where it is."""
        # What is counted is the text; the document around it is longer, so this errs on the safe side.
        body = json.loads(fitted(blocks, ending, lambda kept: json.dumps(document.document(kept)), _COMMENT_MAX))
        return self._shown(ask(self._client, "POST", self.where, _Comment, json={"body": body}).id)

    def find_file(self, name: str) -> str | None:
        """Return where the attached file of this name is, or None."""
        held = ask(self._client, "GET", self._issue, _Held, params={"fields": "attachment"}).fields.attachment
        return next((one.content for one in held if one.filename == name), None)

    def attach(self, name: str, path: Path) -> str:
        """Attach a file, and return where it is."""
        files = {"file": (name, path.read_bytes(), "text/html")}
        # Without this header Jira takes the request for a forged one.
        headers = {"X-Atlassian-Token": "no-check"}
        sent = ask(self._client, "POST", self.files, list[_File], files=files, headers=headers)
        return sent[0].content if sent else self.files

    def _shown(self, id: str) -> str:
        return f"{self._site}/browse/{self._ticket}?focusedCommentId={id}"
