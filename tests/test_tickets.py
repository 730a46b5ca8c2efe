"""`--post`: one comment, whatever fails on the way; nothing without being asked; no token in what is said."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.reporting import summary, tickets
from plugins.reporting.tickets import delivery, github, jira
from plugins.reporting.tickets.tracker import Unusable
from tests.test_reports import incident
from tests.trackers import Answer, Tracker, serve

ROOT = Path(__file__).parent.parent
TOKEN = "canary-token-5f1e9"
TICKETS = {"github": "acme/ops#12", "jira": "OPS-12"}


def environment(url: str) -> dict[str, str]:
    """Return an environment that says where both trackers are."""
    return {
        "GITHUB_API_URL": url,
        "GITHUB_TOKEN": TOKEN,
        "JIRA_URL": url,
        "JIRA_USER": "oncall@example.org",
        "JIRA_TOKEN": TOKEN,
    }


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracker]:
    """A tracker, and no waiting between tries."""
    monkeypatch.setattr(delivery, "WAITS_S", (0.0,) * 4)
    with serve() as tracker:
        yield tracker


def post(held: Tracker, kind: str, page: Path) -> list[str]:
    """Post an incident's summary, and return what was said."""
    at = tickets.tracker(kind, TICKETS[kind], "2025-09-16T09:15:00+00:00", environment(held.url))
    return list(tickets.post(incident(), at, page))


@pytest.mark.parametrize("kind", TICKETS)
def test_the_summary_is_one_comment(held: Tracker, kind: str, tmp_path: Path) -> None:
    """The comment holds the verdict and the run's marker; what is sent where is said before where it is."""
    said = post(held, kind, tmp_path / "none.html")
    (comment,) = held.comments
    text = json.dumps(comment["body"], ensure_ascii=False)
    assert "NOT CLEAR: Netra Apex staging" in text
    assert summary.run_id(incident().record) in text
    place = next(line for line in said if line.startswith("post: a comment to "))
    path = "/repos/acme/ops/issues/12/comments" if kind == "github" else "/rest/api/3/issue/OPS-12/comment"
    assert f"{held.url}{path}" in place
    assert "  | ### NOT CLEAR: Netra Apex staging" in said
    assert said[-1].startswith("posted: http")


def test_the_report_is_attached_where_a_ticket_holds_files(held: Tracker, tmp_path: Path) -> None:
    """Jira gets report.html under a name of the run's own; GitHub takes no files."""
    page = tmp_path / "report.html"
    page.write_text("<!DOCTYPE html>", encoding="utf-8")
    post(held, "github", page)
    assert held.files == []
    post(held, "jira", page)
    assert [one["filename"] for one in held.files] == [f"allclear-{summary.run_id(incident().record)}.html"]


@pytest.mark.parametrize("kind", TICKETS)
@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("status", [None, 500, 502, 503])
def test_what_got_no_answer_is_looked_up_before_it_is_sent_again(
    held: Tracker, kind: str, status: int | None, taken: bool, tmp_path: Path
) -> None:
    """After a connection that breaks, or a server's own error, there is one comment, taken the first time or not."""
    held.failures = [Answer(status, takes=taken)]
    said = post(held, kind, tmp_path / "none.html")
    assert len(held.comments) == 1
    assert said[-1].startswith("posted: ")
    assert sum(method == "POST" for method, _ in held.asked) == (1 if taken else 2)


@pytest.mark.parametrize("kind", TICKETS)
def test_a_timeout_after_it_was_taken_makes_no_second_comment(
    held: Tracker, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A tracker that takes the comment and never answers has it once."""
    monkeypatch.setattr(github if kind == "github" else jira, "TIMEOUT_S", 0.5)
    held.failures = [Answer(0, takes=True)]
    assert post(held, kind, tmp_path / "none.html")[-1].startswith("posted: ")
    assert len(held.comments) == 1


def test_an_attachment_that_got_no_answer_is_attached_once(held: Tracker, tmp_path: Path) -> None:
    """The report is looked for among the ticket's files before it is sent again."""
    page = tmp_path / "report.html"
    page.write_text("<!DOCTYPE html>", encoding="utf-8")
    at = jira.Issue("OPS-12", environment(held.url))
    held.failures = [Answer(502, takes=True)]
    delivery.once(lambda: at.find_file("a.html"), lambda: at.attach("a.html", page), lambda _: None)
    assert len(held.files) == 1


@pytest.mark.parametrize("kind", TICKETS)
@pytest.mark.parametrize("status", [301, 401, 403, 404, 422])
def test_a_refusal_is_said_and_not_repeated(held: Tracker, kind: str, status: int, tmp_path: Path) -> None:
    """What the tracker refuses is asked once, and its own words are said; a redirect does not get the token."""
    held.failures = [Answer(status, headers={"Location": f"{held.url}/elsewhere"})]
    said = post(held, kind, tmp_path / "none.html")
    assert f"NOT POSTED: 127.0.0.1 answered {status}: as the test asks" in said
    assert sum(method == "POST" for method, _ in held.asked) == 1
    assert not any(path == "/elsewhere" for _, path in held.asked)


@pytest.mark.parametrize("kind", TICKETS)
@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_waited_for(held: Tracker, kind: str, status: int, tmp_path: Path) -> None:
    """A tracker that says when to come back gets the comment then."""
    held.failures = [Answer(status, headers={"Retry-After": "0"})]
    assert post(held, kind, tmp_path / "none.html")[-1].startswith("posted: ")
    assert len(held.comments) == 1


@pytest.mark.parametrize("kind", TICKETS)
@pytest.mark.parametrize("body", [["x"], {"x": 1}, "x"])
def test_what_is_no_tracker_breaks_nothing(held: Tracker, kind: str, body: object, tmp_path: Path) -> None:
    """An address that answers 200 with something else is named, and nothing else happens."""
    held.unreadable = [Answer(200, body=body)] * 5
    said = post(held, kind, tmp_path / "none.html")
    assert any(line.startswith("NOT POSTED: 127.0.0.1 answered 200, but not as such") for line in said)
    assert held.comments == []


def test_a_limit_that_lasts_is_not_waited_for(held: Tracker, tmp_path: Path) -> None:
    """An hour is not awaited: it is said when the tracker would take it, and that it has not."""
    held.failures = [Answer(403, headers={"Retry-After": "3600"})]
    said = post(held, "github", tmp_path / "none.html")
    assert any(line.startswith("NOT POSTED: ") and "3600 s" in line for line in said)
    assert held.comments == []


def test_waits_are_those_that_the_tracker_asks_for(held: Tracker) -> None:
    """Each try waits its own time, or the tracker's if that is longer."""
    waited: list[float] = []
    at = github.Issue("acme/ops#12", "2025-09-16T09:15:00+00:00", environment(held.url))
    held.failures = [Answer(429, headers={"Retry-After": "7"})]
    shown = incident()
    delivery.once(lambda: at.find("x"), lambda: at.comment(summary.blocks(shown), []), waited.append)
    assert waited == [0.0, 7.0]


def test_a_tracker_that_never_answers_well_leaves_no_doubt(held: Tracker, tmp_path: Path) -> None:
    """When every try fails, it is said whether the comment is there; when that cannot be read either, that is said."""
    held.failures = [Answer(503)] * 4
    said = post(held, "github", tmp_path / "none.html")
    assert any(line.startswith("NOT POSTED: 127.0.0.1 answered 503") and line.endswith("4 times") for line in said)
    held.unreadable = [Answer(503)] * 5
    said = post(held, "github", tmp_path / "none.html")
    assert any("cannot be told" in line for line in said)
    assert held.comments == []


def test_a_comment_of_this_run_is_found_behind_many_others(held: Tracker, tmp_path: Path) -> None:
    """A run whose comment is there posts no second one, be it the 230th."""
    held.comments = [{"id": str(n), "body": "others", "html_url": "x"} for n in range(229)]
    post(held, "github", tmp_path / "none.html")
    post(held, "github", tmp_path / "none.html")
    assert len(held.comments) == 230


@pytest.mark.parametrize("kind", TICKETS)
def test_the_token_is_sent_and_never_said(held: Tracker, kind: str, tmp_path: Path) -> None:
    """The token goes into the header alone: a tracker that repeats it in its refusal does not bring it into a line."""
    basic = b64encode(f"oncall@example.org:{TOKEN}".encode()).decode()
    held.failures = [Answer(401, body={"message": f"bad token {TOKEN}"})]
    said = "\n".join(tickets.redact(line) for line in post(held, kind, tmp_path / "none.html"))
    assert held.authorizations == {f"Bearer {TOKEN}" if kind == "github" else f"Basic {basic}"}
    assert TOKEN not in said
    assert basic not in said
    assert "401" in said


@pytest.mark.parametrize(
    ("kind", "ticket", "changed", "said"),
    [
        ("github", "acme/ops", {}, "OWNER/REPO#N"),
        ("github", "12", {}, "GITHUB_REPOSITORY"),
        ("github", "a/b#1", {"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ("github", "a/b#1", {"GITHUB_TOKEN": "a\nb"}, "GITHUB_TOKEN holds"),
        ("github", "a/b#1", {"GITHUB_API_URL": "https://a b"}, "GITHUB_API_URL"),
        ("github", "a/b#1", {"GITHUB_API_URL": "http://api.example.org"}, "https://"),
        ("jira", "12", {}, "OPS-12"),
        ("jira", "", {}, "OPS-12"),
        ("jira", "OPS-1", {"JIRA_URL": ""}, "JIRA_URL is not set"),
        ("jira", "OPS-1", {"JIRA_URL": "https://user:pass@example.org"}, "JIRA_URL"),
        ("jira", "OPS-1", {"JIRA_USER": ""}, "JIRA_USER is not set"),
    ],
)
def test_what_cannot_be_posted_is_refused_at_once(kind: str, ticket: str, changed: dict[str, str], said: str) -> None:
    """A ticket that is none, a missing variable, and an address that would show the token are named."""
    with pytest.raises(Unusable, match=said):
        tickets.tracker(kind, ticket, "", environment("https://example.org") | changed)


def test_a_number_is_of_the_repository_that_github_names() -> None:
    """In GitHub Actions the number of an issue is enough, with its sharp or without."""
    around = environment("https://api.example.org") | {"GITHUB_REPOSITORY": "acme/ops"}
    for ticket in ("12", "#12"):
        assert tickets.tracker("github", ticket, "", around).where.endswith("/repos/acme/ops/issues/12/comments")


@pytest.mark.slow
def test_a_run_posts_when_asked_and_keeps_its_exit_code(held: Tracker, tmp_path: Path) -> None:
    """A run posts nothing by itself; asked to, it posts once, at the end; a refusal leaves verdict and exit code."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "GOOGLE_", "GITHUB_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "vpc", "--target", "replica"]
    command += [f"--reports={tmp_path}"]

    def run(*options: str) -> tuple[int, str]:
        done = subprocess.run(
            [*command, *options],
            cwd=ROOT,
            env=kept | environment(held.url),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert run()[0] == 0
    assert held.asked == []
    code, said = run("--post", "jira", "--ticket", "OPS-12")
    assert (code, len(held.comments), len(held.files)) == (0, 1, 1)
    assert (
        said.index("ALL CLEAR") < said.index("post: a comment to") < said.index("posted: ") < said.index("attached: ")
    )
    held.comments.clear()
    held.failures = [Answer(401)]
    code, said = run("--post", "github", "--ticket", "acme/ops#12")
    assert (code, held.comments) == (0, [])
    assert "NOT POSTED: 127.0.0.1 answered 401" in said
    assert TOKEN not in said
    assert run("--ticket", "acme/ops#12")[0] == 4
