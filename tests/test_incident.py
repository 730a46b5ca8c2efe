"""The incident clock: what it accepts, which phase it says, and when it asks to escalate. The time is always given."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.evidence.base import Reason, Why
from fixtures.profile import load
from fixtures.profile.model import Contacts
from plugins.incident import concluded, sentence, span, told
from plugins.outcome import Severity
from plugins.reporting import junit, terminal, verdict_json
from plugins.reporting.columns import WIDTH
from plugins.reporting.record import Escalated, Incident, Result
from plugins.runbook import read
from plugins.verdict import Verdict
from tests.test_reports import BODY, compared, hint, result, run, verdict

ROOT = Path(__file__).parent.parent
START = "2025-09-15T20:45:00Z"
BEGAN = datetime(2025, 9, 15, 20, 45, tzinfo=UTC)
UNSEEN = Why(reason=Reason.NO_CREDENTIALS, detail="this machine has no Google credentials")


def of_phase(phase: str, outcome: str, severity: str = "critical") -> Result:
    """Return a criterion of a phase."""
    observed = {
        "fail": (compared("ERROR"),),
        "pass": (compared("READY", holds=True),),
        "warn": (compared("ERROR", warning=True),),
    }.get(outcome, ())
    blocked = (UNSEEN,) if outcome == "blocked" else ()
    one = result(f"{phase}-{outcome}".upper(), outcome, *observed, severity=severity, blocked=blocked)
    return one.model_copy(update={"criterion": one.criterion.model_copy(update={"markers": (phase,)})})


def after(hours: float, *results: Result, contacts: Contacts | None = None) -> Incident:
    """Return the clock at the end of a run with these results."""
    now = BEGAN + timedelta(hours=hours)
    started = told("1278", START, now)
    assert started is not None
    by_id = {one.criterion.id: one for one in results}
    selected = [one.criterion for one in results]
    return concluded(started, now, selected, by_id, contacts or Contacts())


def shown(incident: Incident) -> Verdict:
    """Return a verdict of a run that belongs to an incident."""
    made = verdict([of_phase("phase1", "fail")], PHASE1_FAIL=hint())
    made.record.incident = incident
    return made


@pytest.mark.parametrize(
    ("hours", "phase", "left", "budget"),
    [
        (0, "phase1", 120, "the plan expects phase1 now (immediate emergency fixes); 2 h of its 2 h left"),
        (1.99, "phase1", 1, "the plan expects phase1 now (immediate emergency fixes); 1 min of its 2 h left"),
        (2, "phase2", 120, "the plan expects phase2 now (infrastructure restoration); 2 h of its 2 h left"),
        (5.5, "phase3", 30, "the plan expects phase3 now (system restoration validation); 30 min of its 2 h left"),
        (6, "", 0, "the plan's 6 hours are over by 0 min"),
        (7.25, "", -75, "the plan's 6 hours are over by 1 h 15 min"),
    ],
)
def test_the_clock_says_the_phase_and_what_is_left(hours: float, phase: str, left: int, budget: str) -> None:
    """Two hours for each phase, one after the other; then the plan's time is over."""
    clock = after(hours)
    assert (clock.phase, clock.left, clock.budget) == (phase, left, budget)


def test_the_clock_runs_until_the_end_of_the_run() -> None:
    """What counts is the end of the run, not its start: a long run may end in the next phase."""
    started = told("1278", START, BEGAN + timedelta(minutes=110))
    assert started is not None
    ended = concluded(started, BEGAN + timedelta(minutes=125), [], {}, Contacts())
    assert (started.phase, ended.phase) == ("phase1", "phase2")


@pytest.mark.parametrize(
    "start", ["2025-09-15T20:45Z", "2025-09-15T20:45:00.5z", "2025-09-15 22:45:00+02:00", "2025-09-15t15:45-05:00"]
)
def test_a_time_with_its_offset_is_understood(start: str) -> None:
    """RFC 3339, with or without seconds, in any offset."""
    incident = told("#1278", start, BEGAN + timedelta(hours=3))
    assert incident is not None
    assert (incident.phase, incident.minutes in (179, 180), incident.started_at) == ("phase2", True, start)


@pytest.mark.parametrize(
    ("id", "start", "said"),
    [
        ("1278", "", "--incident and --incident-start are given together"),
        ("", START, "--incident and --incident-start are given together"),
        ("1278", "14:05", "--incident-start 14:05: give date, time and offset, such as 2025-09-15T20:45Z"),
        ("1278", "2025-09-15T20:45:00", "give date, time and offset"),
        ("1278", "2025-09-15", "give date, time and offset"),
        ("1278", "yesterday", "give date, time and offset"),
        ("1278", "2025-02-30T20:45Z", "--incident-start 2025-02-30T20:45Z: day is out of range for month"),
        ("1278", "2025-09-15T25:45Z", "hour must be in 0..23"),
        ("1278", "2025-09-16T00:45:01Z", "this is in the future; it is 2025-09-16T00:45:00Z now"),
        ("a b", START, "--incident a b: give an id of letters, digits and #.:/-"),
        ("-x", START, "give an id"),
        ("x" * 65, START, "give an id"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(id: str, start: str, said: str) -> None:
    """Each mistake is a usage error that says what to write."""
    with pytest.raises(pytest.UsageError) as refused:
        told(id, start, BEGAN + timedelta(hours=4))
    assert said in str(refused.value)


def test_a_run_without_an_incident_has_no_clock() -> None:
    """Neither option: nothing is said."""
    assert told("", "", BEGAN) is None
    assert verdict_json.document(verdict([of_phase("phase1", "fail")])).incident is None


def escalated(hours: float, *results: Result) -> list[tuple[str, bool]]:
    """Return which escalations are told, and whether they are due."""
    return [(one.after, one.due) for one in after(hours, *results).escalations]


@pytest.mark.parametrize(
    ("hours", "results", "said"),
    [
        (1.9, [("phase1", "fail")], []),
        (2, [("phase1", "fail")], [("2 hours", True)]),
        (2, [("phase1", "warn")], []),
        (2, [("phase1", "pass"), ("phase2", "fail")], []),
        (2, [("phase1", "pass"), ("phase1", "blocked")], [("2 hours", False)]),
        (2, [("phase1", "fail"), ("phase1", "blocked")], [("2 hours", True)]),
        (2, [("phase3", "fail")], [("2 hours", False)]),
        (4, [("phase1", "pass"), ("phase2", "fail")], [("4 hours", True)]),
        (4, [("phase1", "fail"), ("phase2", "pass")], [("2 hours", True), ("4 hours", True)]),
        (9, [("phase1", "pass"), ("phase2", "pass"), ("phase3", "fail")], []),
    ],
)
def test_escalation_is_due_when_its_phases_are_still_red(
    hours: float, results: list[tuple[str, str]], said: list[tuple[str, bool]]
) -> None:
    """After 2 h with phase 1 red, after 4 h with phase 1 or 2; what was not observed is a question, never green."""
    assert escalated(hours, *(of_phase(*one) for one in results)) == said


def test_advisories_and_what_is_not_applicable_escalate_nothing() -> None:
    """They decide no gate, and no escalation either."""
    assert escalated(3, of_phase("phase1", "blocked", "advisory"), of_phase("phase1", "n/a")) == []


def test_a_criterion_that_never_ran_is_not_seen_to_be_mended() -> None:
    """A run that was cut short knows nothing of what it did not reach."""
    criterion = of_phase("phase1", "pass").criterion
    assert criterion.severity is Severity.CRITICAL
    started = told("1278", START, BEGAN + timedelta(hours=2))
    assert started is not None
    (one,) = concluded(started, BEGAN + timedelta(hours=2), [criterion], {}, Contacts()).escalations
    assert (one.due, one.why) == (
        False,
        "phase1 not wholly observed in this run, so whether it is time is not known",
    )


def test_an_escalation_says_whom_to_call() -> None:
    """The profile's contact for each role of the plan; a missing one says where it belongs."""
    known = Contacts(engineering_leadership="the duty director, +1 555 0100")
    (one,) = after(2, of_phase("phase1", "fail"), contacts=known).escalations
    assert [(contact.role, contact.reached) for contact in one.contacts] == [
        ("Engineering Leadership", "the duty director, +1 555 0100"),
        ("Google Cloud Support", "the profile names nobody (contacts.google_cloud_support)"),
        ("Product Team", "the profile names nobody (contacts.product_team)"),
    ]


def test_every_role_that_is_called_can_be_declared() -> None:
    """The runbook calls roles that the profile has a key for."""
    called = {name for one in read().escalations for name in one.call}
    assert called <= Contacts.model_fields.keys()


def test_a_profile_may_name_contacts(tmp_path: Path) -> None:
    """The table that staging.toml shows as a comment is one that a profile takes."""
    commented = (ROOT / "fixtures" / "targets" / "staging.toml").read_text("utf-8").split("#     [contacts]\n")[1]
    table = "".join(f"{line[6:]}\n" for line in commented.splitlines()[:4])
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "staging"\n[contacts]\n{table}', encoding="utf-8")
    contacts = load(str(path)).contacts
    assert None not in contacts.model_dump().values()


def test_the_phases_budgets_are_those_of_the_docs() -> None:
    """The minutes of each section are those that docs/plan-sections.md says, and the phases follow one another."""
    page = " ".join((ROOT / "docs" / "plan-sections.md").read_text(encoding="utf-8").split())
    phases = read().phases
    for section, minutes in {name: given for phase in phases for name, given in phase.sections.items()}.items():
        assert f"Planned: {minutes} minutes" in page.split(f"### {section} ")[1].split("###")[0], section
    assert [phase.begins for phase in phases[1:]] == [phase.ends for phase in phases[:-1]]


def due() -> Escalated:
    """Return an escalation that is due."""
    return after(2, of_phase("phase1", "fail")).escalations[0]


def test_the_terminal_shows_the_clock_and_the_escalation() -> None:
    """One sentence near the top; what to do and whom to call after the plan; all within 80 columns."""
    lines = terminal.render(shown(after(2.5, of_phase("phase1", "fail"))))
    text = " ".join(" ".join(lines).split())
    assert "incident 1278: 2 h 30 min since 2025-09-15T20:45:00Z; the plan expects phase2 now" in text
    assert "ESCALATE 2 hours are past, and the emergency fixes have not helped (plan Escalation): still failing" in text
    assert f"- {due().steps[0]}" in text
    assert "call Engineering Leadership: the profile names nobody" in text
    assert [line for line in lines if len(line) > WIDTH] == []


def test_an_open_question_is_told_as_one() -> None:
    """Where nobody looked, the terminal asks, and calls nobody."""
    clock = after(2, of_phase("phase3", "fail"))
    assert "ESCALATE" not in sentence(clock)
    lines = terminal.render(shown(clock))
    assert any(line.startswith("ESCALATE?  2 hours are past: phase1 not wholly observed") for line in lines)
    assert "call " not in "\n".join(lines)


def test_the_files_hold_the_clock() -> None:
    """verdict.json has all of it, junit.xml the sentence."""
    made = shown(after(2.5, of_phase("phase1", "fail")))
    held = json.loads(verdict_json.render(made))["incident"]
    assert (held["id"], held["phase"], held["left"], held["escalations"][0]["due"]) == ("1278", "phase2", 90, True)
    xml = junit.complete('<testsuites><testsuite name="x" tests="0" errors="0"/></testsuites>', made)
    assert f'name="incident" value="{sentence(made.record.incident or after(0))}"' in xml


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (61, "1 h 1 min"), (1500, "25 h")]
)
def test_a_span_in_words(minutes: int, words: str) -> None:
    """Hours and minutes, without what is zero."""
    assert span(minutes) == words


@pytest.mark.slow
def test_a_run_is_told_by_its_environment_too(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two variables are the two options; the clock is in the first and in the last line of results.jsonl."""
    monkeypatch.setenv("ALLCLEAR_INCIDENT", "1278")
    monkeypatch.setenv("ALLCLEAR_INCIDENT_START", START)
    directory = run(pytester, BODY, "--target", "replica")
    lines = [json.loads(line) for line in (directory / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[0]["incident"]["id"] == "1278"
    assert (lines[0]["incident"]["escalations"], len(lines[-1]["incident"]["escalations"])) == ([], 2)


@pytest.mark.slow
def test_a_wrong_time_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    """The mistake is a usage error of pytest's, with exit code 4, and nothing is written."""
    command = [sys.executable, "-m", "pytest", f"--reports={tmp_path}", "--incident", "1", "--incident-start", "14:05"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --incident-start 14:05: give date, time and offset" in ended.stderr
    assert list(tmp_path.iterdir()) == []
