"""summary.md: the first ten seconds, within a tracker's limits, and nothing that a value says becomes markup."""

import re

import pytest

from fixtures.evidence.base import Reason, Why
from plugins.reporting import summary
from plugins.reporting.markup import document, markdown
from plugins.reporting.markup.blocks import Code, Paragraph, Span, fitted, row, value
from tests.test_reports import compared, hint, incident, result, verdict

HOSTILE = (
    "@everyone",
    "fixes #12",
    "acme/ops#12",
    "GH-12",
    "![x](https://evil.example/x.png)",
    "[here](https://evil.example)",
    "<script>alert(1)</script>",
    "<img src=https://evil.example/x.png>",
    "https://evil.example/a",
    "www.evil.example",
    "oncall@example.org",
    "`` ` ``` @everyone",
    "` <b>",
    "line\n\n# heading",
    "| a | b |\n|---|---|",
    "~~gone~~ **bold** _it_",
    "\N{RIGHT-TO-LEFT OVERRIDE}txet",
    "&lt;b&gt;",
)


def outside_of_code(text: str) -> str:
    """Return Markdown without code and without what a backslash has made text, read from left to right."""
    text = re.sub(r"(?ms)^(`{3,})sh\n.*?\n\1$", "", text)
    span = re.compile(r"\\[!-/:-@\[-`{-~]|(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
    return span.sub("", text)


def test_it_says_the_same_as_the_first_screen() -> None:
    """Verdict, target, when, from where, as whom, cause, chain, coverage and plan are in it, in this order."""
    text = summary.render(incident())
    places = [
        text.index(said)
        for said in (
            "### NOT CLEAR: Netra Apex staging",
            "`Netra Apex staging`",
            "`2025-09-16T09:15:00+00:00`",
            "`a laptop, outside the VPC`",
            "`oncall@example.org`",
            "**VPC-STATE**",
            "explains: `SQL-DIRECT`",
            "4 of 6 criteria observed: 1 pass, 2 fail, 1 warn, 2 blocked, 1 n/a.",
            "not observed: `SQL-STATE`, `SQL-PRIVATE`",
            "**1. read-only** for",
            "**VPC-CAP**",
        )
    ]
    assert places == sorted(places)


def test_a_replicas_summary_says_so_first() -> None:
    """The disclaimer of a replica run is its first line."""
    assert summary.render(incident("replica")).startswith("**REPLICA RUN: this says nothing about staging.**")


@pytest.mark.parametrize("said", HOSTILE)
def test_a_value_is_text_in_markdown(said: str) -> None:
    """What a service says stands in code, whose fence it cannot close, in one line; our own words escape it."""
    why = Why(reason=Reason.DNS, detail=said, looked_at=said)
    shown = verdict(
        [result("VPC-STATE", "fail", compared(said), notes=(said,)), result("A-B", "blocked", blocked=(why,))],
        VPC_STATE=hint(run=f"echo {said}").model_copy(update={"cause": said}),
    )
    left = outside_of_code(summary.render(shown).partition("\n<!--")[0])
    assert not re.search(r"[<\[`|~]|@\w|#\w|(?i:GH-\d|://|www\.\w)", left), left
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in left


@pytest.mark.parametrize("said", HOSTILE)
def test_a_value_is_text_in_a_document(said: str) -> None:
    """In Jira's document a value is the text of a node, and no node but ours has a link."""
    made = document.document([Paragraph(row("seen: ", value(said)))])
    seen = made["content"][0]["content"][1]
    assert seen["marks"] == [{"type": "code"}]
    assert seen["text"].replace("\N{REPLACEMENT CHARACTER}", "") == " ".join(said.replace("\u202e", "").split())


def test_a_code_span_keeps_what_it_holds() -> None:
    """A value that begins or ends with a backtick, or holds many, is fenced by one more."""
    assert markdown.render([Paragraph((Span("`a``b", "code"),))]) == "``` `a``b ```\n"
    assert markdown.render([Code("a\n````\nb")]) == "`````sh\na\n````\nb\n`````\n"


def test_it_fits_the_smaller_of_the_limits() -> None:
    """However much is broken, the text fits Jira's comment, says that something is left out, and keeps its marker."""
    many = [result(f"A-{n}", "fail", compared("x" * 390), notes=("y" * 500,)) for n in range(300)]
    text = summary.render(verdict(many))
    assert len(text) <= 32_767
    assert "further parts do not fit here" in text
    assert text.rstrip().endswith("-->")


def test_what_fits_is_kept_whole() -> None:
    """The text is cut between its parts, the last ones first."""
    parts = [Paragraph(row(letter * 60)) for letter in "abc"]
    assert fitted(parts, [], markdown.render, 190) == markdown.render(parts)
    cut = fitted(parts, [], markdown.render, 180)
    assert "b" * 60 in cut
    assert "c" * 60 not in cut


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"ALLCLEAR_REPORT_URL": "https://ci.example/r/1"}, "https://ci.example/r/1"),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://github.com/a/b/actions/runs/7",
        ),
        ({"ALLCLEAR_REPORT_URL": "javascript:alert(1)"}, None),
        ({"ALLCLEAR_REPORT_URL": "https://a.example/> @everyone"}, None),
        ({}, None),
    ],
)
def test_the_link_is_the_environments(environment: dict[str, str], url: str | None) -> None:
    """The whole report is linked where the environment says where it is kept, if that is an address."""
    assert summary.report_url(environment) == url
    assert (f"<{url}>" if url else "`report.html` in the run") in summary.render(incident(), url)


def test_each_run_has_its_own_marker() -> None:
    """Two runs that began at other times are told apart; one run has the same name each time."""
    one, other = incident().record, incident().record
    assert summary.run_id(one) == summary.run_id(other)
    other.started_at = "2025-09-16T09:15:01+00:00"
    assert summary.run_id(one) != summary.run_id(other)
