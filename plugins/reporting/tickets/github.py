"""GitHub's issues and pull requests: a comment; files cannot be attached to one."""

import re
from collections.abc import Mapping

from pydantic import BaseModel

from plugins.reporting.markup import markdown
from plugins.reporting.markup.blocks import Block, fitted
from plugins.reporting.tickets.delivery import TIMEOUT_S, ask
from plugins.reporting.tickets.tracker import Unusable, address, token

_TICKET = re.compile(r"(?:([\w.-]+/[\w.-]+)#|#)?(\d+)")
_PAGE = 100
_COMMENT_MAX = 65_536


class _Comment(BaseModel):
    html_url: str
    body: str | None = None


class Issue:
    """An issue, or a pull request."""

    def __init__(self, ticket: str, started_at: str, environment: Mapping[str, str]) -> None:
        """Find out where the issue is; nothing is asked yet.

        Args:
            ticket: `OWNER/REPO#N`; `#N` or `N` where `GITHUB_REPOSITORY` says the rest.
            started_at: of the run; older comments are not looked at.
            environment: with `GITHUB_TOKEN`.

        Raises:
            Unusable: it does not say where, or as whom.
        """
        match = _TICKET.fullmatch(ticket)
        repository = (match[1] if match else None) or environment.get("GITHUB_REPOSITORY", "")
        if match is None or not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise Unusable(f"--ticket {ticket or '(none)'}: give OWNER/REPO#N, or N where GITHUB_REPOSITORY is set")
        api = address(environment, "GITHUB_API_URL", "https://api.github.com")
        key = token(environment, "GITHUB_TOKEN")
        import httpx

        self.where = f"{api}/repos/{repository}/issues/{match[2]}/comments"
        self._since = started_at
        headers = {
            "Authorization": f"Bearer {key.reveal()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "allclear",
        }
        self._client = httpx.Client(base_url=api, headers=headers, timeout=TIMEOUT_S)

    def find(self, run: str) -> str | None:
        """Return where the run's comment is, or None."""
        sought, page = markdown.marker(run), 1
        while True:
            query = {"since": self._since, "per_page": str(_PAGE), "page": str(page)}
            comments = ask(self._client, "GET", self.where, list[_Comment], params=query)
            for comment in comments:
                if sought in (comment.body or ""):
                    return comment.html_url
            if len(comments) < _PAGE:
                return None
            page += 1

    def comment(self, blocks: list[Block], ending: list[Block]) -> str:
        """Send the comment, and return where it is."""
        body = fitted(blocks, ending, markdown.render, _COMMENT_MAX)
        return ask(self._client, "POST", self.where, _Comment, json={"body": body}).html_url
