"""The plan of action: one list in an order that helps, and a block whose pasting changes nothing."""

import shlex
import subprocess
from pathlib import Path

import pytest

from fixtures.evidence.base import Reason, Why
from plugins.gaps import find_gaps
from plugins.outcome import Outcome
from plugins.plan import Plan, PlanStep, make, whole_gate
from plugins.remediation import Command, Hint
from plugins.reporting import plan_text, terminal
from plugins.reporting.columns import WIDTH
from plugins.reporting.record import DISCLAIMER, Result
from plugins.verdict import Verdict
from tests.test_reports import DENIED, compared, hint, incident, result, verdict

HIDDEN = Why(reason=Reason.NO_CREDENTIALS, detail="this machine has no Google credentials")


def remedy(id: str, *commands: str, verify: str = "pytest -m vpc", cause: str = "It is so.") -> Hint:
    """Return a hint; a command that begins with `look` only reads."""
    return hint(id).model_copy(
        update={
            "commands": tuple(
                Command(run=run, risk="read")
                if run.startswith("look")
                else Command(run=run, risk="reversible", changes="something", undo=f"un{run}")
                for run in commands
            ),
            "verify": verify,
            "cause": cause,
        }
    )


def failing(*ids: str) -> list[Result]:
    """Return criteria that fail independently."""
    return [result(id, "fail", compared("ERROR")) for id in ids]


def told(plan: Plan) -> list[str]:
    """Return the plan's kinds and commands, in a line each."""
    return [f"{step.kind}: {step.run}" for step in plan.steps]


def test_reading_comes_before_changing_and_each_change_is_verified() -> None:
    """All looks, then each remedy's changes with its verification, then the whole gate; numbered without a gap."""
    shown = verdict(failing("A", "B"), A=remedy("a", "look a", "mend a"), B=remedy("b", "look b", "mend b")).plan
    assert told(shown) == [
        "look: look a",
        "look: look b",
        "change: mend a",
        "verify: pytest -m vpc",
        "change: mend b",
        "verify: pytest -m vpc",
        "gate: pytest",
    ]
    assert [step.number for step in shown.steps] == list(range(1, 8))


def test_a_shared_command_stands_once_after_all_that_need_it_to_wait() -> None:
    """One deployment for two edits, behind both, with all whom it serves; then one verification of both."""
    first = remedy("a", "look", "edit a", "deploy", verify="pytest -m timeouts --source /src")
    second = remedy("b", "look", "edit b", "deploy", verify="pytest -m 'pool or timeouts' --source /src")
    shown = verdict(failing("A", "B"), A=first, B=second).plan
    assert told(shown)[1:-1] == [
        "change: edit a",
        "change: edit b",
        "change: deploy",
        "verify: pytest -m 'timeouts or pool' --source /src",
    ]
    assert [step.serves for step in shown.steps] == [("A", "B"), ("A",), ("B",), ("A", "B"), ("A", "B"), ("A", "B")]


def test_remedies_that_contradict_each_other_are_both_followed() -> None:
    """Where no order suits both, the first is followed, and the other does again what it needs."""
    shown = verdict(failing("A", "B"), A=remedy("a", "x", "y"), B=remedy("b", "y", "x")).plan
    assert [step.run for step in shown.steps if step.kind == "change"] == ["x", "y", "x"]


def test_a_verification_of_everything_is_not_narrowed() -> None:
    """A remedy that is verified by everything keeps that beside one that is verified by its area."""
    both = verdict(failing("A", "B"), A=remedy("a", "deploy", verify="pytest"), B=remedy("b", "deploy")).plan
    assert told(both)[1:3] == ["verify: pytest", "verify: pytest -m vpc"]


def test_what_a_cause_explains_and_what_only_warns_ask_for_nothing() -> None:
    """Steps serve causes and what could not be observed, and nothing else."""
    served = {id for step in incident().plan.steps for id in step.serves}
    assert served == {"VPC-STATE", "SQL-STATE", "SQL-PRIVATE"}


def test_what_hides_the_upstream_comes_first() -> None:
    """What keeps a cause's upstream from being seen is closed before the cause is mended; what hides others, after."""
    shown = verdict(
        [
            result("UP", "blocked", blocked=(HIDDEN,)),
            result("DOWN", "fail", compared("ERROR"), needs=("UP",)),
            result("ELSEWHERE", "blocked", blocked=(DENIED,)),
        ],
        UP=remedy("login", "log in"),
        DOWN=remedy("down", "mend"),
        ELSEWHERE=remedy("grant", "grant"),
    ).plan
    assert [step.run for step in shown.steps if step.kind == "change"] == ["log in", "mend", "grant"]


def test_a_gap_is_closed_by_all_that_its_reasons_ask_for() -> None:
    """A hint that answers what no hint before it does is followed as well; one that answers the same is another way."""
    secret = DENIED.model_copy(update={"detail": "secrets/x"})
    project, other, opened = (
        remedy(id, f"do {id}").model_copy(update={"because": because})
        for id, because in (("project", ("a", "b")), ("other", ("a",)), ("secret", ("c",)))
    )
    found = verdict([result("A", "blocked", blocked=(DENIED, secret))])
    hints = {"A": (project, other, opened)}
    gaps = find_gaps(found.of(Outcome.BLOCKED), (), hints)
    assert told(make(found.results, found.diagnosis, gaps, hints, "pytest")) == [
        "change: do project",
        "change: do secret",
        "verify: pytest -m vpc",
        "gate: pytest",
    ]


def test_a_replicas_terminal_names_each_project_that_its_commands_name() -> None:
    """Where another project refuses, it is as real as the target's own."""
    elsewhere = DENIED.model_copy(update={"project": "netra-production"})
    found = verdict([result("A", "blocked", blocked=(elsewhere,))])
    assert plan_text.projects(found) == "projects netra-staging and netra-production"


def test_nothing_to_do_is_no_plan() -> None:
    """A run that is clear has no step, and no next command."""
    clear = verdict([result("A", "pass", compared("READY", holds=True))], exit_code=0, word="ALL CLEAR")
    assert clear.plan == Plan()
    assert (clear.next_command, list(plan_text.lines(clear))) == (None, [])


def test_the_next_command_is_the_plans_first() -> None:
    """The terminal tells one way on: its second line is the plan's first step."""
    shown = incident()
    assert shown.next_command == shown.plan.steps[0].run


def test_a_step_has_the_times_of_the_plan() -> None:
    """A step says how long it takes, and the minutes that the plan gives to its section."""
    step = incident().plan.steps[0]
    assert (step.section, step.planned, step.takes) == ("1.2", 45, "10 minutes")


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ([("phase1", "vpc")], "pytest"),
        ([("phase1", "prevention"), ("preflight",)], "pytest"),
        ([("prevention",)], "pytest -m prevention"),
        ([("phase3",), ("soak",)], "pytest -m 'preflight or phase1 or phase2 or phase3 or soak'"),
    ],
)
def test_the_whole_gate_is_the_plan_and_what_was_selected_beside_it(phases: list[tuple[str, ...]], said: str) -> None:
    """The last step runs the plan's phases, and other phases that the run selected; without the plan's, only those."""
    results = failing(*(f"X-{number}" for number in range(len(phases))))
    marked = [
        one.model_copy(update={"criterion": one.criterion.model_copy(update={"markers": markers})})
        for one, markers in zip(results, phases, strict=True)
    ]
    assert whole_gate(marked) == said


def many() -> Verdict:
    """Return a verdict with so many causes that the plan is long."""
    ids = [f"X-{number}" for number in range(6)]
    hints = {id.replace("-", "_"): remedy(id, f"look {id}", f"mend {id}") for id in ids}
    return verdict(failing(*ids), **hints)


def test_the_terminal_shows_a_long_plan_for_the_first_cause() -> None:
    """Of a long plan the terminal shows the first cause's steps and the gate, and says where the others are."""
    lines = list(plan_text.lines(many()))
    commands = [line.strip() for line in lines if line.startswith("    $")]
    assert commands == ["$ look X-0", "$ mend X-0", "$ pytest -m vpc", "$ pytest"]
    assert lines[-1] == "  15 more steps, for X-1, X-2, X-3, X-4, X-5: in plan.sh, beside the report"
    assert len(list(plan_text.lines(many(), whole=True))) > len(lines)


def test_the_plan_fits_the_terminal() -> None:
    """No line of it is wider than 80 columns."""
    shown = verdict(failing("A"), A=hint(run="gcloud run services update " + "--flag=value " * 30))
    assert [line for line in plan_text.lines(shown) if len(line) > WIDTH] == []


def test_the_summary_tells_each_command_once() -> None:
    """What to do stands in the plan alone: no command is told a second time under a finding."""
    text = "\n".join(terminal.render(incident()))
    assert text.count("$ gcloud run services update x") == 1


def runs(block: str) -> list[str]:
    """Return the lines of a block that a shell runs."""
    first, *lines = block.splitlines()
    assert first.startswith("setopt interactivecomments ")
    return [line for line in lines if line and not line.startswith("#")]


def test_pasting_the_block_changes_nothing() -> None:
    """Live are the lines that read, and the whole gate; what changes something stands behind its risk and undo."""
    block = plan_text.block(incident())
    assert runs(block) == ["gcloud compute networks vpc-access connectors describe staging-connector", "pytest"]
    lines = block.splitlines()
    change = lines.index("# $ gcloud run services update x")
    assert " disruptive, for " in " ".join(lines[change - 3 : change - 1])
    assert lines[change - 1] == "# undo: gcloud run services rollback x"
    assert "# $ pytest -m vpc" in lines


@pytest.mark.parametrize("command", ["look --account=ACCOUNT", "look here"])
def test_what_waits_for_its_reader_is_not_live(command: str) -> None:
    """A command with a word to fill in, or that needs somebody at the keyboard, is not run by pasting."""
    waiting = remedy("a", command)
    (one,) = waiting.commands
    waiting = waiting.model_copy(update={"commands": (one.model_copy(update={"waits": command == "look here"}),)})
    block = plan_text.block(verdict(failing("A"), A=waiting))
    assert runs(block) == ["pytest"]
    assert ("fill in ACCOUNT" in block) is ("ACCOUNT" in command)


def test_what_was_observed_cannot_become_a_command(tmp_path: Path) -> None:
    """A line break in an observed value stays in its comment, or in its quotes: a shell runs nothing of it."""
    made = tmp_path / "made"
    evil = f"gone\ntouch {made}\r\ntouch {made}\u2028touch {made}"
    quoted = shlex.quote(evil)
    broken = remedy("a", f"look {quoted}", f"mend {quoted}", cause=f"It is {evil}")
    block = plan_text.block(verdict([result("A", "fail", compared(evil))], A=broken))
    script = f"look() {{ :; }}; mend() {{ touch {made}; }}; pytest() {{ :; }}\n{block}"
    subprocess.run(["bash", "-eu"], input=script, text=True, check=True)
    assert not made.exists()


def test_no_secret_is_in_the_block() -> None:
    """What looks like a secret is redacted in it as it is everywhere."""
    said = "postgresql://staging:hunter2hunter2@10.1.0.3/netra"
    shown = verdict([result("A", "fail", compared(said))], A=remedy("a", f"look {said}", f"mend {said}", cause=said))
    assert "hunter2" not in plan_text.block(shown)


def test_a_line_of_the_block_leaves_the_shell_where_it_was() -> None:
    """A command that changes the directory does so in a shell of its own, so that the next one starts here."""
    there = remedy("a", "look").model_copy(update={"commands": (Command(run="cd /src && git log", risk="read"),)})
    assert runs(plan_text.block(verdict(failing("A"), A=there)))[0] == "(cd /src && git log)"


def test_a_replicas_block_says_so() -> None:
    """The block of a replica run begins with the disclaimer, and says that its commands name the real project."""
    block = plan_text.block(incident("replica"))
    assert block.splitlines()[1] == f"# {DISCLAIMER}"
    assert "none is to be run for a replica" in " ".join(block.replace("#", "").split())


def test_a_step_of_the_plan_has_all_that_a_command_has() -> None:
    """Nothing that the catalogue knows of a command is lost in the plan."""
    assert Command.model_fields.keys() <= PlanStep.model_fields.keys()
