"""What a run writes: each renderer is a function of a verdict; a few whole runs show that the files are there."""

import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fixtures.evidence.base import Reason, Why
from fixtures.profile import load
from fixtures.secret import Secret
from plugins.diagnosis import diagnose
from plugins.outcome import Outcome, Severity
from plugins.remediation import Command, Hint
from plugins.reporting import allure, findings, html, junit, verdict_json
from plugins.reporting.record import DISCLAIMER, ComparisonRecord, Criterion, Record, Result, Viewpoint
from plugins.verdict import Verdict

ROOT = Path(__file__).parent.parent
EVIL = '<script>alert("1")</script>'
DENIED = Why(
    reason=Reason.PERMISSION_DENIED,
    detail="cloudsql.instances.get is missing",
    looked_at="sqladmin v1 instances.get",
    permission="cloudsql.instances.get",
    role="roles/cloudsql.viewer",
)


def compared(observed: str, expected: str = "READY", *, holds: bool = False, warning: bool = False) -> ComparisonRecord:
    """Return a comparison of the connector's state."""
    return ComparisonRecord(
        subject="state of VPC connector staging-connector",
        observed=observed,
        expected=expected,
        key="lock.connector.state",
        holds=holds,
        warning=warning,
        symptom="" if holds else "different",
    )


def result(id: str, outcome: str, *comparisons: ComparisonRecord, severity: str = "critical", **rest: Any) -> Result:
    """Return a criterion's result; `needs`, `probes` and `section` go to the criterion."""
    criterion = Criterion(
        id=id,
        title=f"The good state of {id}.",
        section=rest.pop("section", "1.2"),
        severity=Severity(severity),
        needs=rest.pop("needs", ()),
        probes=rest.pop("probes", ()),
        nodeid=f"suites/phase1/test_1_2.py::test_{id.lower().replace('-', '_')}",
    )
    return Result(criterion=criterion, outcome=Outcome(outcome), comparisons=comparisons, seconds=0.25, **rest)


def hint(id: str = "connector-in-error", run: str = "gcloud run services update x") -> Hint:
    """Return a hint with a command that reads and one that changes."""
    read = Command(run="gcloud compute networks vpc-access connectors describe staging-connector", risk="read")
    change = Command(run=run, risk="disruptive", changes="the serving revision", undo="gcloud run services rollback x")
    return Hint(
        id=id,
        criteria=("VPC-STATE",),
        when=("*",),
        cause="The connector is in a state that only a new one helps.",
        commands=(read, change),
        section="1.2",
        takes="10 minutes",
        owner="Platform Engineering",
        verify="pytest -m vpc",
    )


def verdict(
    results: Iterable[Result], *, kind: str = "live", exit_code: int = 1, word: str = "NOT CLEAR", **hints: Hint
) -> Verdict:
    """Return the verdict of a run with these results; hints by criterion id, its dashes as underscores."""
    by_id = {item.criterion.id: item for item in results}
    record = Record(
        target="replica" if kind == "replica" else "staging",
        title="the embedded replica" if kind == "replica" else "Netra Apex staging",
        kind=kind,
        profile="staging",
        started_at="2025-09-16T09:15:00+00:00",
        command="pytest -m phase1",
        directory=Path("reports/20250916T091500Z-staging"),
        selected={id: item.criterion for id, item in by_id.items()},
        results=by_id,
        viewpoint=Viewpoint(place="a laptop, outside the VPC", identity="oncall@example.org"),
        seconds=2.5,
        exit_code=exit_code,
    )
    given: dict[str, tuple[Hint, ...]] = {id.replace("_", "-"): (item,) for id, item in hints.items()}
    return Verdict(word, exit_code, record, by_id, diagnose(by_id), given, load("staging"))


def incident(kind: str = "live") -> Verdict:
    """Return a verdict with one criterion of every outcome, and one that another explains."""
    return verdict(
        [
            result("VPC-STATE", "fail", compared("ERROR")),
            result("VPC-NET", "pass", compared("staging-vpc", "staging-vpc", holds=True)),
            result("VPC-CAP", "warn", compared("91 %", "< 80 %", warning=True)),
            result("SQL-DIRECT", "fail", compared("refused"), needs=("VPC-STATE",), section="1.3"),
            result("SQL-STATE", "blocked", blocked=(DENIED,), section="1.3"),
            result("SQL-PRIVATE", "blocked", blocked=(DENIED,), section="1.3"),
            result("ENV-REDIS", "n/a", reason="no Redis is declared", section="1.4"),
        ],
        kind=kind,
        VPC_STATE=hint(),
        VPC_CAP=hint("connector-hot"),
        SQL_STATE=hint("grant-cloudsql"),
        SQL_PRIVATE=hint("grant-cloudsql"),
    )


def xml_of(shown: Verdict, *left_out: str) -> str:
    """Return the JUnit file as pytest writes it, before it is completed."""
    suite = ElementTree.Element("testsuite", name="pytest", tests=str(len(shown.results)), errors="0")
    for id, item in shown.results.items():
        if id in left_out:
            continue
        case = ElementTree.SubElement(suite, "testcase", classname="suites.phase1.test_1_2", name=id, time="0.1")
        properties = ElementTree.SubElement(case, "properties")
        ElementTree.SubElement(properties, "property", name="criterion", value=id)
        if item.outcome is Outcome.BLOCKED:
            ElementTree.SubElement(case, "error", message='failed on setup with "x"')
    return ElementTree.tostring(suite, encoding="unicode")


def everything(shown: Verdict) -> dict[str, str]:
    """Return what each renderer makes of a verdict."""
    return {
        "html": html.title(shown) + html.render(shown) + "".join("".join(html.row(r)) for r in shown.results.values()),
        "json": verdict_json.render(shown),
        "junit": junit.complete(xml_of(shown), shown),
        "allure": allure.properties(shown),
    }


class Page(HTMLParser):
    """The ids, the text and the addresses of a page; whether its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.text = ""
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        held = dict(attrs)
        self.tags.add(tag)
        self.ids += [held["id"] or ""] if "id" in held else []
        self.addresses += [held[name] or "" for name in ("href", "src") if name in held]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())


@pytest.mark.parametrize("form", ["html", "json", "junit", "allure"])
def test_what_services_say_cannot_harm(form: str) -> None:
    """Markup in an observed value, a reason, a note or a command shows as text in every form."""
    why = Why(reason=Reason.DNS, detail=EVIL, looked_at=EVIL)
    shown = verdict(
        [
            result("VPC-STATE", "fail", compared(EVIL), notes=(EVIL,), sources=(EVIL,)),
            result("VPC-NET", "blocked", blocked=(why,)),
        ],
        VPC_STATE=hint(run=f"echo {EVIL}"),
    )
    text = everything(shown)[form]
    if form in ("html", "junit"):
        assert "<script" not in text
        assert "&lt;script&gt;" in text
    if form == "html":
        page = Page(text)
        assert EVIL in page.text
        assert not page.open
    if form == "json":
        assert json.loads(text)["criteria"][0]["observed"] == EVIL


@pytest.mark.parametrize("form", ["html", "json", "junit", "allure"])
def test_no_renderer_lets_a_secret_through(form: str) -> None:
    """A known secret and something that looks like one are redacted wherever they stand."""
    canary = Secret("canary", "correct-horse-battery").reveal()
    said = f"{canary} postgresql://staging:hunter2hunter2@10.1.0.3/netra"
    why = Why(reason=Reason.DNS, detail=said)
    shown = verdict(
        [result("VPC-STATE", "fail", compared(said), notes=(said,)), result("A-B", "blocked", blocked=(why,))],
        VPC_STATE=hint(run=said),
    )
    text = everything(shown)[form]
    assert canary not in text
    assert "hunter2" not in text
    assert "[redacted canary]" in text


@pytest.mark.parametrize("form", ["html", "json", "junit", "allure"])
def test_a_replica_run_says_so(form: str) -> None:
    """What is written of a replica run says that it says nothing about staging; of a live run, it does not."""
    assert DISCLAIMER in everything(incident("replica"))[form]
    assert DISCLAIMER not in everything(incident())[form]


def test_a_replica_run_names_every_real_project_that_its_commands_name() -> None:
    """Where another target's project refuses us, the page's warning names it beside the target's own."""
    refused = Why(reason=Reason.PERMISSION_DENIED, detail="d", role="roles/run.viewer", project="netra-production")
    page = everything(verdict([result("A-B", "blocked", blocked=(refused,))], kind="replica"))["html"]
    assert "Commands name the real projects netra-staging and netra-production:" in page


def test_the_page_begins_with_the_disclaimer_and_the_verdict() -> None:
    """The title of a replica's page is the disclaimer, then the verdict and the target."""
    assert html.title(incident("replica")) == f"{DISCLAIMER} NOT CLEAR: the embedded replica"
    assert html.title(incident()) == "NOT CLEAR: Netra Apex staging"


def test_the_page_says_what_a_reader_looks_for_first() -> None:
    """Verdict, headline, coverage, exit code with its meaning, vantage, identity and command are on top."""
    words = Page(html.render(incident())).words
    for said in (
        "NOT CLEAR VPC-STATE: state of VPC connector staging-connector: ERROR, expected READY",
        "4 of 6 criteria observed: 1 pass, 2 fail, 1 warn, 2 blocked, 1 n/a",
        "1: at least one critical or major criterion fails",
        "a laptop, outside the VPC",
        "oncall@example.org",
        "pytest -m phase1",
        "2025-09-16T09:15:00+00:00, took 2.5 s",
    ):
        assert said in words


def test_the_page_has_each_finding_once() -> None:
    """Every criterion that does not pass has one place that the table of all criteria links to."""
    page = Page(html.render(incident()))
    assert sorted(page.ids) == ["SQL-DIRECT", "SQL-PRIVATE", "SQL-STATE", "VPC-CAP", "VPC-STATE"]
    assert set(page.addresses) == {f"#{id}" for id in page.ids}
    assert not page.open


def test_the_page_names_the_cause_before_what_it_explains() -> None:
    """A failure that another explains stands under it, and not among the causes."""
    words = Page(html.render(incident())).words
    assert "Root cause in detail fail VPC-STATE" in words
    assert words.index("Explains 1 more") < words.index("fail SQL-DIRECT") < words.index("Not observed")


def test_the_page_marks_what_a_command_changes() -> None:
    """A command says that it only reads, or what it changes and how to take that back."""
    words = Page(html.render(incident())).words
    assert "read-only gcloud compute networks vpc-access connectors describe" in words
    assert "disruptive: the serving revision undo: gcloud run services rollback x gcloud run services update x" in words
    assert "plan 1.2; takes 10 minutes; owner: Platform Engineering Then verify: pytest -m vpc" in words


def test_one_missing_permission_is_said_once() -> None:
    """However many criteria a permission blocks, it, its role and its hint stand there once."""
    page = Page(html.render(incident()))
    assert page.words.count("roles/cloudsql.viewer") == 1
    (gap,) = incident().gaps
    assert [item.criterion.id for item in gap.results] == ["SQL-STATE", "SQL-PRIVATE"]
    assert [item.id for item in gap.hints] == ["grant-cloudsql"]


def test_what_a_failure_explains_is_no_gap() -> None:
    """A blocked criterion downstream of a failure is listed under the failure only."""
    why = Why(reason=Reason.DEPENDENCY, detail="no session opens", criterion="VPC-STATE")
    shown = verdict([result("VPC-STATE", "fail", compared("ERROR")), result("SQL-X", "blocked", blocked=(why,))])
    assert shown.gaps == []
    assert [item.criterion.id for item in findings.explained(shown, "VPC-STATE")] == ["SQL-X"]


def test_the_page_fetches_nothing() -> None:
    """Neither the page nor its style names anything outside itself; it holds no script of ours."""
    page = Page(html.render(incident()))
    assert all(address.startswith("#") for address in page.addresses)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    style = "".join((html.TEMPLATES / name).read_text(encoding="utf-8") for name in html.STYLES)
    assert "url(" not in style
    assert "@import" not in style


def test_a_warning_never_reads_as_a_plain_pass() -> None:
    """In pytest-html's table, where a warning is `Passed`, its row says `warn` in a column of its own."""
    shown = incident()
    row = html.row(shown.results["VPC-CAP"])
    assert row[0] == '<td class="col-outcome warn">warn</td>'
    assert "91 % \N{RIGHTWARDS ARROW} &lt; 80 %" in row[4]
    assert len(html.row(None)) == len(row)


def test_a_run_that_is_clear_has_no_findings() -> None:
    """An all-clear page holds the verdict and the table, and no heading for what there is not."""
    shown = verdict([result("VPC-STATE", "pass", compared("READY", holds=True))], exit_code=0, word="ALL CLEAR")
    words = Page(html.render(shown)).words
    assert "ALL CLEAR all 1 criteria observed, and they hold" in words
    assert not [heading for heading in ("Root cause", "Not observed", "Warnings") if heading in words]


def test_verdict_json_adds_up() -> None:
    """The outcomes add up to what was selected, and those that were looked at to what was observed."""
    coverage = json.loads(verdict_json.render(incident()))["coverage"]
    assert coverage == {"selected": 7, "observed": 4, "pass": 1, "fail": 2, "warn": 1, "blocked": 2, "n/a": 1}


def test_verdict_json_says_what_happened_to_each_criterion() -> None:
    """A criterion has its outcome, what decided it, what explains it, why it is blocked, and its hints."""
    document = json.loads(verdict_json.render(incident()))
    criteria = {item["id"]: item for item in document["criteria"]}
    assert document["verdict"] == "NOT CLEAR"
    assert document["causes"] == [
        {
            "criterion": "VPC-STATE",
            "title": "The good state of VPC-STATE.",
            "confidence": "confirmed",
            "reading": "",
            "explains": ["SQL-DIRECT"],
            "contradictions": [],
        }
    ]
    assert (criteria["VPC-STATE"]["observed"], criteria["VPC-STATE"]["expected"]) == ("ERROR", "READY")
    assert criteria["VPC-STATE"]["hints"][0]["commands"][1]["undo"] == "gcloud run services rollback x"
    assert criteria["SQL-DIRECT"]["explained_by"] == "VPC-STATE"
    assert criteria["SQL-STATE"]["blocked"][0]["permission"] == "cloudsql.instances.get"
    assert criteria["SQL-STATE"]["observed"] is None
    assert criteria["ENV-REDIS"]["reason"] == "no Redis is declared"


def test_the_schema_in_the_docs_is_the_codes() -> None:
    """docs/verdict.schema.json is what the code writes, and every key of it stands in docs/reports.md."""
    written = json.loads((ROOT / "docs" / "verdict.schema.json").read_text(encoding="utf-8"))
    assert written == verdict_json.schema()
    prose = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    tables = [
        written,
        *(written["$defs"][name] for name in ("Cause", "Judged", "Remedy", "Step", "Target", "Viewpoint", "Why")),
    ]
    keys = {key for table in tables for key in table["properties"]}
    assert sorted(key for key in keys if f"`{key}`" not in prose) == []


def test_junit_cases_carry_their_criterion() -> None:
    """A test case has the criterion's properties; a blocked one says why; a warning says the word."""
    root = ElementTree.fromstring(junit.complete(xml_of(incident()), incident()))
    cases = {case.get("name"): case for case in root.iter("testcase")}

    def held(name: str) -> dict[str | None, str | None]:
        return {item.get("name"): item.get("value") for item in cases[name].iter("property")}

    failing = held("VPC-STATE")
    assert (failing["observed"], failing["expected"], failing["outcome"]) == ("ERROR", "READY", "fail")
    assert (failing["hint"], failing["probe seconds"], failing["section"]) == ("connector-in-error", "0.25", "1.2")
    assert held("SQL-DIRECT")["explained by"] == "VPC-STATE"
    error = cases["SQL-STATE"].find("error")
    assert error is not None
    assert error.get("message") == "blocked (permission-denied): cloudsql.instances.get is missing"
    assert (cases["VPC-CAP"].findtext("system-out") or "").startswith("WARN VPC-CAP")
    assert root.get("name") == "allclear staging"
    suite = {item.get("name"): item.get("value") for item in root.findall("properties/property")}
    assert (suite["verdict"], suite["cause"], suite["count warn"]) == ("NOT CLEAR", "VPC-STATE", "1")


def test_junit_counts_what_never_ran() -> None:
    """A selected criterion without a test case is added as an error, and the counts include it."""
    why = Why(reason=Reason.NOT_RUN, detail="not run: the run was interrupted")
    shown = verdict(
        [result("VPC-STATE", "pass", compared("READY", holds=True)), result("VPC-NET", "blocked", blocked=(why,))],
        exit_code=2,
        word="CUT SHORT",
    )
    root = ElementTree.fromstring(junit.complete(xml_of(shown, "VPC-NET"), shown))
    assert [case.get("name") for case in root.iter("testcase")] == ["VPC-STATE", "test_vpc_net"]
    assert (root.get("tests"), root.get("errors")) == ("3", "1")
    assert "not run: the run was interrupted" in ElementTree.tostring(root, encoding="unicode")


def test_junit_stays_xml_whatever_was_observed() -> None:
    """A control character that XML cannot hold is replaced."""
    shown = verdict([result("VPC-STATE", "fail", compared("ERR\x00\x1b[31mOR"))])
    assert "ERR\N{REPLACEMENT CHARACTER}" in junit.complete(xml_of(shown), shown)
    ElementTree.fromstring(junit.complete(xml_of(shown), shown))


def test_latest_points_to_the_last_run(tmp_path: Path) -> None:
    """`latest` is a link that each run replaces."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        verdict_json.point(tmp_path / "latest", name)
    assert (tmp_path / "latest").resolve() == tmp_path / "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "latest", "second"]


def test_latest_is_a_text_file_where_links_are_not_permitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without links, `latest` holds the name of the last run."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    for name in ("first", "second"):
        verdict_json.point(tmp_path / "latest", name)
    assert (tmp_path / "latest").read_text(encoding="utf-8") == "second\n"


@pytest.mark.parametrize(
    ("section", "parts", "place"),
    [
        ("1.2", [("1.2", "1-2")], "plan 1.2"),
        ("1.2, A", [("1.2", "1-2"), ("A", "a")], "plan 1.2, A"),
        ("fix 4", [("fix 4", "fix-4")], "plan fix 4"),
        ("-", [], "beyond the plan"),
    ],
)
def test_a_section_has_an_anchor(section: str, parts: list[tuple[str, str]], place: str) -> None:
    """Each part of a section leads to its own anchor; a criterion beyond the plan to none."""
    assert findings.anchors(section) == parts
    assert findings.place(section) == place


def test_every_section_that_is_cited_is_described() -> None:
    """docs/plan-sections.md has an anchor for each section that a criterion or a hint cites."""
    described = set(re.findall(r'<a id="([^"]+)">', (ROOT / "docs" / "plan-sections.md").read_text(encoding="utf-8")))
    sources = [*(ROOT / "suites").rglob("*.py"), *(ROOT / "plugins" / "runbook").glob("*.toml")]
    cited = {
        anchor
        for source in sources
        for section in re.findall(r'\bsection ?= ?"([^"]*)"', source.read_text(encoding="utf-8"))
        for _, anchor in findings.anchors(section)
    }
    assert cited
    assert cited - described == set()


BODY = """
import os, signal
import pytest
from fixtures.evidence.base import Blocked, Reason, Why

def criterion(id, severity="critical"):
    return [pytest.mark.phase1, pytest.mark.criterion(id, section="1.2, A", severity=severity)]

@pytest.mark.parametrize("unused", [pytest.param("token=abcdefghijkl", marks=criterion("X-PASS"))])
def test_pass(expect, unused):
    '''It holds.'''
    expect.value(1, "one").equals(1)

@pytest.mark.parametrize("_", [pytest.param(1, marks=criterion("X-WARN", "advisory"))])
def test_warn(expect, _):
    '''It is advised.'''
    expect.value("<b>2</b>", "two").equals("1")

@pytest.mark.parametrize("_", [pytest.param(1, marks=criterion("X-BLOCKED", "major"))])
def test_blocked(expect, _):
    '''It was seen.'''
    raise Blocked(Why(reason=Reason.PERMISSION_DENIED, detail="password=abcdefghijkl"))
"""
STOP = """
@pytest.mark.parametrize("_", [pytest.param(1, marks=criterion("Y-STOP"))])
def test_stop(expect, _):
    '''It comes to its end.'''
    os.kill(os.getpid(), signal.SIGTERM)

@pytest.mark.parametrize("_", [pytest.param(1, marks=criterion("Z-NEVER"))])
def test_never(expect, _):
    '''It is reached.'''
"""


def run(pytester: pytest.Pytester, body: str, *args: str) -> Path:
    """Run criteria in an inner pytest with all the plugins; return the run's directory."""
    pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.pytest]")[1].split("\n[tool.")[0]
    pytester.makepyprojecttoml(f"[tool.pytest]{settings}".replace('["."]', f'["{ROOT}"]'))
    (pytester.path / "suites").mkdir()
    (pytester.path / "suites" / "test_inner.py").write_text(body, encoding="utf-8")
    pytester.runpytest_subprocess("-m", "phase1", *args)
    return pytester.path / "reports" / "latest"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_run_writes_every_file(pytester: pytest.Pytester, workers: list[str]) -> None:
    """A replica run leaves all its files, each with the disclaimer, none with a secret; under xdist too."""
    directory = run(pytester, BODY, "--target", "replica", "--alluredir", "allure", *workers)
    names = {"report.html", "summary.md", "junit.xml", "verdict.json", "results.jsonl", "plan.sh", "evidence.jsonl"}
    assert {path.name for path in directory.iterdir()} == names
    written = [*directory.iterdir(), *(pytester.path / "allure").glob("*[!s].json")]
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert DISCLAIMER in text, path.name
        assert "abcdefghijkl" not in text, path.name
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert f'<title id="head-title">{DISCLAIMER} UNPROVEN' in page
    assert "<b>2</b>" not in page
    found = {
        item["name"].split(":")[0]: item["status"]
        for path in (pytester.path / "allure").glob("*-result.json")
        for item in [json.loads(path.read_text(encoding="utf-8"))]
    }
    assert found == {"X-PASS": "passed", "WARN X-WARN": "passed", "BLOCKED X-BLOCKED": "broken"}


@pytest.mark.slow
def test_allure_results_can_be_selected_and_read(pytester: pytest.Pytester) -> None:
    """A result has severity, section, link, outcome and a message; `--allure-ids` selects by criterion."""
    run(pytester, BODY, "--alluredir", "allure", "--allure-ids", "X-WARN")
    (path,) = (pytester.path / "allure").glob("*-result.json")
    written = json.loads(path.read_text(encoding="utf-8"))
    labels = {(label["name"], label["value"]) for label in written["labels"]}
    assert {("severity", "minor"), ("section", "1.2"), ("section", "A"), ("outcome", "warn")} <= labels
    assert [link["url"] for link in written["links"]] == ["docs/plan-sections.md#1-2", "docs/plan-sections.md#a"]
    assert written["statusDetails"]["message"] == "WARN X-WARN\ntwo: <b>2</b>, expected 1"


@pytest.mark.slow
def test_an_interrupted_run_writes_every_file(pytester: pytest.Pytester) -> None:
    """A run that is told to end says `CUT SHORT` in every file, and lists what it did not reach."""
    directory = run(pytester, BODY + STOP)
    for name in ("report.html", "junit.xml", "verdict.json"):
        text = (directory / name).read_text(encoding="utf-8")
        assert "CUT SHORT" in text, name
        assert "Z-NEVER" in text, name
    document = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    assert (document["exit_code"], document["ended_by"]) == (2, "the run was interrupted")


@pytest.mark.slow
def test_reports_go_where_the_user_says(pytester: pytest.Pytester) -> None:
    """`--html` and `--junitxml` write to the user's own files, completed like ours."""
    directory = run(pytester, BODY, "--html", "mine.html", "--self-contained-html", "--junitxml", "mine.xml")
    names = {"summary.md", "verdict.json", "results.jsonl", "plan.sh", "evidence.jsonl"}
    assert {path.name for path in directory.iterdir()} == names
    assert "UNPROVEN" in (pytester.path / "mine.html").read_text(encoding="utf-8")
    assert "UNPROVEN" in (pytester.path / "mine.xml").read_text(encoding="utf-8")
