"""What a run amounts to, and the exit code that says so."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.engine.client import EngineDied
from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.identity import Identity, Vantage
from fixtures.profile import load
from plugins import verdict as judged
from plugins.judging import CARRIED
from plugins.outcome import Gate, Outcome
from plugins.reporting.record import Record, Result, Viewpoint
from plugins.session import RUN, read_selection
from plugins.verdict import VERDICT, Verdict, viewpoint
from tests.test_reports import compared, hint, result, verdict

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WHY = Why(reason=Reason.DNS, detail="no such name")
OTHER = Why(reason=Reason.QUOTA, detail="too many calls")
HERE = Vantage(place="vpc", label="a machine", inside_vpc=True)
HOLDS = result("A", "pass", compared("READY", holds=True))
FAILS = result("A", "fail", compared("ERROR"))


def attempt(evidence: Any = None, blocked: Why | None = None) -> Attempt[Any]:
    """Return a probe's answer."""
    return Attempt[Any](evidence=evidence, blocked=blocked, started_at=NOW, seconds=0.1, source="x")


class Client:
    """An engine's client that answers what it was given."""

    def __init__(self, told: dict[str, str] | None = None, **answers: Attempt[Any]) -> None:
        self._told = told
        self._answers = answers

    def see(self, probe: str) -> Attempt[Any]:
        """Return a probe's answer."""
        return self._answers[probe]

    def told(self) -> dict[str, str]:
        """Return how far the probes are."""
        if self._told is None:
            raise EngineDied("gone")
        return self._told


class Keeper:
    """Keeps what it is asked for."""

    def __init__(self, *complete: bool) -> None:
        self.answers: dict[str, Attempt[Any]] = {}
        self.complete_is = list(complete)
        self.calls: list[str] = []

    def take(self, *_: Any) -> None:
        """Note that something was taken."""
        self.calls.append("take")

    def complete(self, *_: Any) -> bool:
        """Say whether all is there."""
        self.calls.append("complete")
        return self.complete_is.pop(0) if self.complete_is else True

    def end(self, *_: Any) -> None:
        """Note the end."""
        self.calls.append("end")


def a_run(
    folder: Path, *results: Result, client: Client | None = None, keeper: Keeper | None = None, recording: Any = None
) -> Any:
    """Return as much of a run as a verdict is made of; without a client its engine is dead."""
    record = Record("staging", "t", "live", "staging", NOW.isoformat(), "pytest", folder)
    record.selected = {one.criterion.id: one.criterion for one in results}
    record.results = {one.criterion.id: one for one in results}

    def ask() -> Client:
        if client is None:
            raise EngineDied("gone")
        return client

    return SimpleNamespace(
        record=record,
        declared=SimpleNamespace(profile=lambda: load("staging")),
        profile=load("staging"),
        engine=SimpleNamespace(client=ask),
        keeper=keeper or Keeper(),
        recording=recording,
        seconds=1.23456,
    )


def a_session(run: Any, **config: Any) -> Any:
    """Return a session of this run that listens for results."""
    plugins: dict[str, Any] = {}
    manager = SimpleNamespace(register=lambda one, name: plugins.update({name: one}), get_plugin=plugins.get)
    stash = pytest.Stash()
    if run is not None:
        stash[RUN] = run
    session = SimpleNamespace(config=SimpleNamespace(stash=stash, pluginmanager=manager, **config), exitstatus=-1)
    judged.pytest_sessionstart(session)
    session.plugins = plugins
    return session


def finish(session: Any, status: int = 0) -> Verdict | None:
    """End a session, and return the verdict."""
    wrapper = judged.pytest_sessionfinish(session, status)
    next(wrapper)
    with pytest.raises(StopIteration):
        wrapper.send(None)
    found: Verdict | None = session.config.stash.get(VERDICT, None)
    return found


@pytest.mark.parametrize(
    ("found", "status", "code", "word"),
    [
        (HOLDS, 0, Gate.CLEAR, "ALL CLEAR"),
        (FAILS, 1, Gate.NOT_CLEAR, "NOT CLEAR"),
        (result("A", "blocked", blocked=(WHY,)), 1, Gate.UNPROVEN, "UNPROVEN"),
        (HOLDS, 2, -1, "CUT SHORT"),
    ],
)
def test_the_results_decide_the_exit_code(tmp_path: Path, found: Result, status: int, code: int, word: str) -> None:
    """What holds is clear, what fails is not, what was not seen is unproven, and what was stopped is cut short."""
    run = a_run(tmp_path, found)
    session = a_session(run)
    made = finish(session, status)
    assert made is not None
    assert (made.exit_code, made.word, session.exitstatus) == (code, word, code)
    assert (run.record.exit_code, run.record.seconds, run.keeper.calls) == (code, 1.235, ["end"])
    assert made.results == {"A": found}


@pytest.mark.parametrize(
    ("status", "ended_by"), [(0, None), (1, None), (2, "the run was interrupted"), (3, "pytest stopped")]
)
def test_what_cut_a_run_short_is_said(tmp_path: Path, status: int, ended_by: str | None) -> None:
    """An interruption and a stop are told apart, and neither is said of a run that came to its end."""
    run = a_run(tmp_path, HOLDS)
    finish(a_session(run), status)
    assert run.record.ended_by == ended_by


def test_what_never_ran_is_blocked(tmp_path: Path) -> None:
    """A criterion without a result is not run; where its probe can be followed, how far it was is said."""
    for status, code, more in (
        (0, Gate.UNPROVEN, "the run ended before it"),
        (2, -1, "the run was interrupted"),
    ):
        run = a_run(tmp_path, HOLDS)
        run.record.results = {}
        made = finish(a_session(run), status)
        assert made is not None
        assert (made.results["A"].outcome, made.exit_code) == (Outcome.BLOCKED, code)
        assert made.results["A"].blocked[0].detail == f"not run: {more}"
    assert judged._told(Client()) == {}
    assert judged._told(None) == {}
    assert judged._told(Client({"soak": "3 of 9"})) == {"soak": "3 of 9"}
    run.record.selected["A"] = HOLDS.criterion.model_copy(update={"probes": ("soak", "x")})
    assert judged._never_ran(run.record, "A", {"soak": "3 of 9"}).blocked[0].detail.endswith("; until then: 3 of 9")


def test_another_test_that_fails_is_never_clear(tmp_path: Path) -> None:
    """A test that is no criterion decides, too; a result is taken into the record, and is no such test."""
    run = a_run(tmp_path, HOLDS)
    run.record.results = {}
    session = a_session(run)
    (collector,) = session.plugins.values()
    report = SimpleNamespace(failed=True, **{CARRIED: HOLDS.model_dump(mode="json")})
    collector.pytest_runtest_logreport(report)
    assert (run.record.results, run.keeper.calls) == ({"A": HOLDS}, ["take"])
    collector.pytest_runtest_logreport(SimpleNamespace(failed=False))
    assert collector.others_failed is False
    collector.pytest_runtest_logreport(SimpleNamespace(failed=True))
    made = finish(session)
    assert made is not None
    assert made.exit_code == Gate.NOT_CLEAR


def test_only_the_process_that_reports_decides(tmp_path: Path) -> None:
    """A worker, a session without a run, and a run that selected nothing come to no verdict."""
    assert finish(a_session(a_run(tmp_path, HOLDS), workerinput={})) is None
    session = a_session(None)
    assert (finish(session), session.plugins) == (None, {})
    assert finish(a_session(a_run(tmp_path))) is None


@pytest.mark.parametrize(
    ("end", "code"), [(None, 2), (SimpleNamespace(exit_code=5), 5)], ids=["without an end", "with its end"]
)
def test_a_recording_that_was_cut_short_stays_so(tmp_path: Path, end: Any, code: int) -> None:
    """A replay of such a run is no more than that run was; one of a whole run is judged as any."""
    cut = SimpleNamespace(ended_by="it was", end=end)
    run = a_run(tmp_path, HOLDS, recording=cut)
    made = finish(a_session(run))
    assert made is not None
    assert (made.exit_code, run.record.ended_by, made.word) == (code, "it was", "CUT SHORT")
    made = finish(a_session(a_run(tmp_path, HOLDS, recording=SimpleNamespace(ended_by=None, end=None))))
    assert made is not None
    assert made.exit_code == Gate.CLEAR


@pytest.mark.parametrize(
    ("status", "complete", "asked", "calls"),
    [
        (0, False, True, ["complete", "complete", "end"]),
        (2, True, True, ["complete", "complete", "end"]),
        (2, False, False, ["complete", "end"]),
    ],
)
def test_who_was_interrupted_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, complete: bool, asked: bool, calls: list[str]
) -> None:
    """From where a run looked is asked when it ended, or when it is known already."""
    monkeypatch.setattr(judged, "resolved", lambda *_: load("staging"))
    run = a_run(tmp_path, HOLDS, client=Client({}, vantage=attempt(HERE)), keeper=Keeper(complete))
    finish(a_session(run), status)
    assert (run.record.viewpoint.place == "a machine", run.keeper.calls) == (asked, calls)


WHO = {
    "oncall@example.org": attempt(Identity(principal="oncall@example.org", kind="user", expires_at=None)),
    "a user without a name": attempt(Identity(principal=None, kind="user", expires_at=None)),
    "nobody (dns)": attempt(blocked=WHY),
    "nobody in particular": None,
}


@pytest.mark.parametrize("who", WHO)
def test_from_where_and_by_whom(who: str) -> None:
    """A name, a kind without one, nobody for a reason; and who was not needed is not asked."""
    answer = WHO[who]
    client = Client(vantage=attempt(HERE), **({"identity": answer} if answer else {}))
    probes = {"vantage", "identity"} if answer else {"vantage"}
    assert viewpoint(client, probes) == Viewpoint(place="a machine", identity=who, inside_vpc=True)
    nowhere = viewpoint(Client(vantage=attempt(blocked=WHY)), set())
    assert nowhere == Viewpoint(place="an unknown place", identity="nobody in particular")
    assert nowhere.inside_vpc is False


def blocked(id: str, why: Why = WHY) -> Result:
    """Return a criterion that was not observed."""
    return result(id, "blocked", blocked=(why,))


NOT = result("N", "n/a", reason="none")
HEADLINES = {
    "A: state of VPC connector staging-connector: ERROR, expected READY": (1, [HOLDS, FAILS]),
    "all 1 criteria observed, and they hold": (0, [HOLDS, NOT]),
    "1 of 2 criteria observed, and they hold": (0, [HOLDS, blocked("B"), NOT]),
    "nothing was observed": (6, [NOT]),
    "1 of 2 criteria could not be observed: no such name": (6, [HOLDS, blocked("B"), NOT]),
}


@pytest.mark.parametrize("said", HEADLINES)
def test_the_headline(said: str) -> None:
    """What is broken first, that all is clear, or why it is unproven."""
    code, found = HEADLINES[said]
    shown = verdict(found, exit_code=code)
    assert shown.headline.startswith(said.split(": no such name")[0])
    assert "for one reason" not in shown.headline
    assert [one.criterion.id for one in shown.of(Outcome.NOT_APPLICABLE)] == [
        one.criterion.id for one in found if one is NOT
    ]


def test_the_first_of_several_gaps_is_told_with_its_share() -> None:
    """Where not all are unseen for one reason, it is said how many are."""
    shown = verdict([blocked("B"), blocked("C"), blocked("D", OTHER)], exit_code=6)
    assert shown.headline.startswith("3 of 3 criteria could not be observed, 2 of them for one reason: ")


def test_the_next_command_is_the_plans_first_where_something_is_to_be_done() -> None:
    """When all is clear there is none."""
    steps = verdict([FAILS], A=hint())
    assert steps.next_command == steps.plan.steps[0].run
    assert steps.plan.steps[0].run != steps.plan.steps[1].run
    assert verdict([HOLDS], exit_code=0).next_command is None
    assert verdict([result("A", "warn", compared("x", warning=True))], exit_code=0, A=hint()).next_command is None


@pytest.mark.parametrize(
    ("found", "has"),
    [(blocked("VPC-STATE"), True), (result("VPC-STATE", "pass", compared("READY", holds=True)), False)],
)
def test_what_is_not_as_it_should_be_has_hints(tmp_path: Path, found: Result, has: bool) -> None:
    """What holds has none; what does not, has an entry."""
    made = judged.build(a_run(tmp_path, found), 1, None)
    assert ("VPC-STATE" in made.hints) is has


def test_two_missing_roles_are_two_commands(tmp_path: Path) -> None:
    """Each reason that is named has its hint filled in, once."""
    whys = [
        Why(reason=Reason.PERMISSION_DENIED, detail="d", permission=f"{role}.get", role=f"roles/{role}")
        for role in ("one", "two")
    ]
    found = result("VPC-STATE", "blocked", blocked=tuple(whys))
    (hints,) = judged.build(a_run(tmp_path, found), 6, None).hints.values()
    commands = " ".join(command.run for one in hints for command in one.commands)
    assert commands.count("roles/one") == 1
    assert commands.count("roles/two") == 1


def test_a_crashed_engine_leaves_the_profile_as_it_was_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a client the addresses are those that it knows; how far probes were matters only to a run cut short."""
    monkeypatch.setattr(judged, "resolved", lambda *_: "resolved")
    monkeypatch.setattr(judged, "fitting", lambda *_: ())
    run = a_run(tmp_path, HOLDS)
    run.record.selected = {"A": HOLDS.criterion.model_copy(update={"probes": ("soak",)})}
    run.record.results = {}
    assert judged.build(run, 6, Client({"soak": "3"})).profile == "resolved"
    assert "until then" not in judged.build(run, 6, Client({"soak": "3"})).results["A"].blocked[0].detail
    run.record.ended_by = "it was"
    assert (
        judged.build(run, 2, Client({"soak": "3"})).results["A"].blocked[0].detail == "not run: it was; until then: 3"
    )


def test_what_a_worker_notes_late_is_thrown_away(tmp_path: Path) -> None:
    """A selection that is known stays as it is, and the note of another worker does not stay among the reports."""
    run = a_run(tmp_path, HOLDS)
    (tmp_path / "selection.json").write_text("[]", encoding="utf-8")
    read_selection(run)
    assert run.record.selected == {HOLDS.criterion.id: HOLDS.criterion}
    assert list(tmp_path.iterdir()) == []
