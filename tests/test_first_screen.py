"""What report.html says first: clock, cause with its chain, coverage, facts, plan; and where its evidence is."""

from plugins.reporting import html, summary
from plugins.reporting.record import Contact, Escalated, Incident
from plugins.verdict import Verdict
from tests.hostile_run import attempt, evidence
from tests.test_reports import Page, compared, incident, result, verdict

ESCALATED = Escalated(
    after="2 h",
    due=True,
    why="still failing: VPC-STATE",
    when="phase 1 does not help",
    steps=("Call Google Cloud Support",),
    contacts=(Contact(role="Platform Lead", reached="+49 30 123456"),),
    section="Escalation",
    owner="Platform Engineering",
)
CLOCK = Incident(
    id="1278",
    started_at="2025-09-16T06:00:00Z",
    minutes=195,
    phase="phase2",
    title="infrastructure",
    left=45,
    budget="the plan expects phase2 now (infrastructure); 45 min of its 2 h left",
    escalations=(ESCALATED,),
)


def timed() -> Verdict:
    """Return an incident's verdict with its clock."""
    shown = incident()
    shown.record.incident = CLOCK
    return shown


def test_what_is_needed_in_ten_seconds_comes_first() -> None:
    """Verdict, clock, cause, chain, coverage, facts, escalation and plan come before any detail, in this order."""
    words = Page(html.render(timed())).words
    places = [
        words.index(said)
        for said in (
            "NOT CLEAR VPC-STATE",
            "incident 1278: 3 h 15 min since 2025-09-16T06:00:00Z",
            "Root cause VPC-STATE",
            "explains SQL-DIRECT",
            "4 of 6 criteria observed",
            "not observed (the permission cloudsql.instances.get is missing): SQL-STATE, SQL-PRIVATE",
            "warning: VPC-CAP: state of VPC connector staging-connector: 91 %, expected < 80 %",
            "TargetNetra Apex staging",
            "Escalate, 2 h: phase 1 does not help",
            "Platform Lead: +49 30 123456",
            "Plan of action",
            "What was seen",
            "in detail",
        )
    ]
    assert places == sorted(places)


def test_the_summary_says_whom_to_call() -> None:
    """An escalation whose time has come is in the summary, with its reason and its contacts."""
    text = summary.render(timed())
    for said in ("ESCALATE: 2 h are past", "still failing: VPC-STATE", "Platform Lead: `+49 30 123456`"):
        assert said in text


def test_a_run_without_an_incident_has_no_clock() -> None:
    """Nothing is said of a clock that nobody started."""
    assert "incident" not in Page(html.render(incident())).words


def test_every_step_of_the_plan_is_there_and_in_the_block_to_copy() -> None:
    """Each step's command stands in its place in the list, with its risk, and once more in the block."""
    shown = incident()
    text = Page(html.render(shown)).text
    listed, _, block = text.partition("All of it as one block to copy")
    at = listed.index("Plan of action")
    for step in shown.plan.steps:
        at = listed.index(step.run, at)
        assert step.run in block.partition("What was seen")[0]


def test_what_speaks_against_a_cause_is_said_with_it() -> None:
    """What holds although it depends on the cause stands beside the cause, on the first screen and in the summary."""
    seen = compared("0.02 s", "< 35 s", holds=True)
    working = result("SQL-DIRECT", "pass", seen, needs=("VPC-STATE",), probes=("sessions",))
    shown = verdict([result("VPC-STATE", "fail", compared("ERROR")), working])
    first = Page(html.render(shown)).words.partition("Coverage")[0]
    assert "yet SQL-DIRECT holds: " in first
    assert "yet SQL-DIRECT holds: " in summary.render(shown)


def test_a_criterion_leads_to_the_evidence_it_was_judged_by() -> None:
    """Each probe's answer stands on the page once; the row of a criterion links to those that it read."""
    shown = verdict([result("SQL-DIRECT", "pass", compared("1", "1", holds=True), probes=("sessions", "health", "x"))])
    object.__setattr__(shown, "evidence", evidence())
    page = Page(html.render(shown))
    assert sorted(page.ids) == sorted(f"evidence-{name}" for name in evidence())
    assert page.addresses == ["#evidence-sessions", "#evidence-health"]
    assert '"connect_s": 22.5' in page.text


def test_a_long_answer_is_cut_on_the_page() -> None:
    """What a probe saw is shown up to a length, so that the page stays small; the file beside it has all."""
    shown = verdict([result("SQL-DIRECT", "pass", compared("1", "1", holds=True))])
    many = evidence()["sessions"].value
    many = many.model_copy(update={"sessions": many.sessions * 100})
    object.__setattr__(shown, "evidence", {"sessions": attempt(many)})
    assert len(html.render(shown)) < 600_000
    assert "cut here and whole in evidence.jsonl" in Page(html.render(shown)).words
