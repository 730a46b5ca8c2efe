"""`--post`: the summary as a comment on a ticket, on request only, and once.

It happens after everything is written and said. Whatever becomes of it, verdict and exit code are what they were.
"""

import os
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.secret import redact
from plugins.reporting import summary
from plugins.reporting.tickets import github, jira
from plugins.reporting.tickets.delivery import NotSent, once
from plugins.reporting.tickets.tracker import Holder, Tracker, Unusable
from plugins.verdict import VERDICT, Verdict

_KINDS = ("github", "jira")
_TICKET = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of posting."""
    group = parser.getgroup("allclear-ticket", "allclear: the summary on a ticket")
    group.addoption(
        "--post",
        choices=_KINDS,
        help="post summary.md as a comment; the token is in GITHUB_TOKEN, or in JIRA_URL, JIRA_USER and JIRA_TOKEN",
    )
    group.addoption(
        "--ticket",
        default="",
        metavar="TICKET",
        help="where: OWNER/REPO#N, or N where GITHUB_REPOSITORY is set; for Jira KEY-N (default: what --incident says)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuse what cannot be posted before anything is looked at.

    Raises:
        pytest.UsageError: the ticket or the environment does not say where, or as whom.
    """
    option = config.option
    if option.ticket and not option.post:
        raise pytest.UsageError("--ticket says where --post posts to: give both")
    if option.post:
        config.stash[_TICKET] = option.ticket or option.incident
        try:
            tracker(option.post, config.stash[_TICKET], "", os.environ)
        except Unusable as error:
            raise pytest.UsageError(f"--post {option.post}: {error}") from None


def tracker(kind: str, ticket: str, started_at: str, environment: Mapping[str, str]) -> Tracker:
    """Return the ticket.

    Raises:
        Unusable: it cannot be told where it is, or there is no token.
    """
    if kind == "github":
        return github.Issue(ticket, started_at, environment)
    return jira.Issue(ticket, environment)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Post when every report is written and the verdict is said."""
    returned = yield
    config = session.config
    verdict, ticket = config.stash.get(VERDICT, None), config.stash.get(_TICKET, None)
    if verdict is not None and ticket is not None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        at = tracker(config.option.post, ticket, verdict.record.started_at, os.environ)
        page = Path(config.option.htmlpath or verdict.record.directory / "report.html")
        for line in post(verdict, at, page):
            if reporter is not None:
                reporter.write_line(redact(line))
    return returned


def post(verdict: Verdict, at: Tracker, page: Path) -> Generator[str, None, None]:
    """Post the summary, and attach the page where the ticket can hold it; say first what is sent where, then what came.

    Args:
        verdict: what is said.
        at: the ticket.
        page: report.html.
    """
    url = summary.report_url(os.environ)
    run = summary.run_id(verdict.record)
    blocks, ending = summary.blocks(verdict), summary.ending(verdict, url)
    yield ""
    yield f"post: a comment to {at.where}, this text:"
    yield from (f"  | {line}".rstrip() for line in summary.render(verdict, url).splitlines())
    try:
        yield f"posted: {once(lambda: at.find(run), lambda: at.comment(blocks, ending), time.sleep)}"
        if isinstance(at, Holder) and page.exists():
            name = f"allclear-{run}.html"
            yield f"post: {page} to {at.files}, as {name} ({page.stat().st_size / 1000:.0f} kB)"
            yield f"attached: {once(lambda: at.find_file(name), lambda: at.attach(name, page), time.sleep)}"
    except NotSent as error:
        yield f"NOT POSTED: {error}"
        yield "the verdict and the exit code are not touched by this; the text is in summary.md of the run's directory"
