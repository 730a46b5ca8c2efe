"""The verdict of a run: what the results amount to, and the exit code that says so."""

import os
from collections import Counter
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pytest

from fixtures.engine.client import Answers, EngineDied
from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.observe import resolved
from fixtures.profile import Profile
from plugins.diagnosis import Diagnosis, diagnose
from plugins.gaps import Gap, find_gaps, merged
from plugins.incident import concluded
from plugins.judging import answers, carried
from plugins.outcome import Gate, Outcome, Severity, gate
from plugins.plan import Plan, make, whole_gate
from plugins.remediation import Hint, pick, typed
from plugins.reporting.record import Record, Result, Viewpoint
from plugins.session import RUN, Run, is_worker, needed, read_selection

_COLLECTOR = "allclear-collector"
VERDICT = pytest.StashKey["Verdict"]()


@dataclass(frozen=True)
class Verdict:
    """What a run amounts to. The only thing that a renderer is given.

    Attributes:
        word: `ALL CLEAR`, `NOT CLEAR`, `UNPROVEN` or `CUT SHORT`.
        results: one for every selected criterion, in the order of the run; one that never ran is blocked.
        hints: for every criterion that failed, warned or is blocked: what to do, most specific first.
        profile: the target, with the addresses that were known once it was up.
        evidence: what was seen, by probe: all that the results were judged by, and from where and by whom.
    """

    word: str
    exit_code: int
    record: Record
    results: dict[str, Result]
    diagnosis: Diagnosis
    hints: dict[str, tuple[Hint, ...]]
    profile: Profile
    evidence: Mapping[str, Attempt[Any]] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[Outcome]:
        """How many criteria have each outcome."""
        return Counter(result.outcome for result in self.results.values())

    def of(self, outcome: Outcome) -> list[Result]:
        """Return the results with an outcome, in the order of the run."""
        return [result for result in self.results.values() if result.outcome is outcome]

    @property
    def headline(self) -> str:
        """One sentence: what is broken first, or why it is unproven, or that all is clear."""
        if self.diagnosis.causes:
            cause = self.results[self.diagnosis.causes[0]]
            telling = cause.telling
            assert telling is not None, "a failing criterion compared something"
            seen = f"{cause.criterion.id}: {telling.subject}: {telling.observed}, expected {telling.expected}"
            reading = self.diagnosis.readings.get(cause.criterion.id)
            return f"{seen}; {reading}" if reading else seen
        if self.exit_code == Gate.CLEAR:
            return self._clear
        blocked, known = self.counts[Outcome.BLOCKED], len(self.results) - self.counts[Outcome.NOT_APPLICABLE]
        if not blocked:
            return "nothing was observed"
        unseen = f"{blocked} of {known} criteria could not be observed"
        first = self.gaps[0]
        share = "" if len(first.results) == blocked else f", {len(first.results)} of them for one reason"
        return f"{unseen}{share}: {first.sentence}"

    @property
    def _clear(self) -> str:
        """What an all-clear leaves open: advisories decide nothing, and are never passed over in silence."""
        blocked, warned = self.counts[Outcome.BLOCKED], self.counts[Outcome.WARN]
        known = len(self.results) - self.counts[Outcome.NOT_APPLICABLE]
        seen = f"{known - blocked} of {known} criteria observed" if blocked else f"all {known} criteria observed"
        said = [f"; {id}: {text}" for id, result in self.results.items() for text in result.reservations]
        return f"{seen}, and they hold{f', {warned} with a warning' if warned else ''}{''.join(said)}"

    @cached_property
    def gaps(self) -> list[Gap]:
        """Why the blocked criteria that no failure explains could not be observed, each root reason once."""
        return find_gaps(self.of(Outcome.BLOCKED), self.diagnosis.explained_by, self.hints)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that the plan's commands name: the target's, and any other's that refuses us."""
        others = (why.project for gap in self.gaps for why in gap.whys if why.project is not None)
        return tuple(dict.fromkeys((self.profile.target.project, *others)))

    @cached_property
    def plan(self) -> Plan:
        """What to do, in order: one list for all causes and gaps."""
        gate = typed(whole_gate(self.results.values()), self.profile, _facts(self.record))
        return make(self.results, self.diagnosis, self.gaps, self.hints, gate)

    @property
    def next_command(self) -> str | None:
        """The plan's first command; None when all is clear."""
        first = self.plan.steps[:1]
        return first[0].run if first and self.exit_code != Gate.CLEAR else None


def build(run: Run, exit_code: int, client: Answers | None) -> Verdict:
    """Work out the verdict from the record as it stands."""
    record = run.record
    told = _told(client) if record.ended_by is not None else {}
    results = {id: record.results.get(id) or _never_ran(record, id, told) for id in record.selected}
    profile = run.profile if client is None else resolved(run.declared, client)
    hints = {
        id: fitting(result, profile, _facts(record))
        for id, result in results.items()
        if result.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.BLOCKED)
    }
    words = {Gate.CLEAR: "ALL CLEAR", Gate.NOT_CLEAR: "NOT CLEAR", Gate.UNPROVEN: "UNPROVEN"}
    word = words.get(Gate(exit_code), "") if exit_code in list(Gate) else "CUT SHORT"
    return Verdict(word, exit_code, record, results, diagnose(results), hints, profile, run.keeper.answers)


def _facts(record: Record) -> dict[str, str]:
    """Return what a hint may know of the run as a whole."""
    return {
        "principal": record.viewpoint.identity,
        "target": record.profile,
        "own": os.pathsep.join(record.own),
    }


def fitting(result: Result, profile: Profile, facts: Mapping[str, str]) -> tuple[Hint, ...]:
    """Return the hints that fit, each filled in for every reason that it fits: two missing roles are two commands."""
    each = (result.model_copy(update={"blocked": (why,)}) for why in result.blocked[1:])
    return merged(hint for one in (result, *each) for hint in pick(one, profile, facts))


def _told(client: Answers | None) -> dict[str, str]:
    """Return how far the probes had come that could be followed when the run ended."""
    try:
        return client.told() if client is not None else {}
    except EngineDied:
        return {}


def _never_ran(record: Record, id: str, told: Mapping[str, str]) -> Result:
    criterion = record.selected[id]
    seen = [f"; until then: {told[probe]}" for probe in criterion.probes if probe in told]
    detail = f"not run: {record.ended_by or 'the run ended before it'}{''.join(seen)}"
    return Result(criterion=criterion, outcome=Outcome.BLOCKED, blocked=(Why(reason=Reason.NOT_RUN, detail=detail),))


def viewpoint(client: Answers, probes: Collection[str]) -> Viewpoint:
    """Say from where and by whom the run looked, as far as its probes had to know."""
    vantage, who = client.see("vantage"), "nobody in particular"
    if "identity" in probes:
        identity = client.see("identity")
        if identity.evidence is not None:
            who = identity.evidence.principal or f"a {identity.evidence.kind} without a name"
        elif identity.blocked is not None:
            who = f"nobody ({identity.blocked.reason})"
    if vantage.evidence is None:
        return Viewpoint(place="an unknown place", identity=who)
    return Viewpoint(place=vantage.evidence.label, identity=who, inside_vpc=vantage.evidence.inside_vpc)


class _Collector:
    """Takes every finished criterion into the record, on the process that reports."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.others_failed = False
        """Whether a test that is no criterion failed: such a run is never clear."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a criterion's result as soon as it is there."""
        result = carried(report)
        if result is not None:
            read_selection(self._run)
            self._run.keeper.take(answers(report), needed(self._run.record.selected.values()))
            self._run.record.add(result)
        elif report.failed:
            self.others_failed = True


def pytest_sessionstart(session: pytest.Session) -> None:
    """Listen for results, unless this process only runs tests for another one."""
    run = session.config.stash.get(RUN, None)
    if run is not None:
        session.config.pluginmanager.register(_Collector(run), _COLLECTOR)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, Any, Any]:
    """Decide the exit code before any report is written."""
    run = session.config.stash.get(RUN, None)
    if run is not None and not is_worker(session.config):
        read_selection(run)
        if run.record.selected:
            session.config.stash[VERDICT] = _decide(session, run, exitstatus)
    return (yield)


def _decide(session: pytest.Session, run: Run, exitstatus: int) -> Verdict:
    record, needs = run.record, needed(run.record.selected.values())
    client = _client(run)
    ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if ended:
        judged = [
            (Severity(criterion.severity), record.results[id].outcome if id in record.results else Outcome.BLOCKED)
            for id, criterion in record.selected.items()
        ]
        collector = session.config.pluginmanager.get_plugin(_COLLECTOR)
        assert isinstance(collector, _Collector), "registered when the session started"
        session.exitstatus = Gate.NOT_CLEAR if collector.others_failed else gate(judged)
    else:
        record.ended_by = "the run was interrupted" if exitstatus == pytest.ExitCode.INTERRUPTED else "pytest stopped"
    # Who was interrupted does not wait for it.
    if client is not None and (run.keeper.complete(needs) or ended):
        record.viewpoint = viewpoint(client, needs)
        run.keeper.complete(needs)
    seconds = round(run.seconds, 3)
    if record.incident is not None:
        now = datetime.fromisoformat(record.started_at) + timedelta(seconds=seconds)
        selected = record.selected.values()
        record.incident = concluded(record.incident, now, selected, record.results, run.declared.profile().contacts)
    if run.recording is not None and run.recording.ended_by is not None:
        # What was cut short stays so, whatever is made of what it had seen.
        session.exitstatus = run.recording.end.exit_code if run.recording.end else pytest.ExitCode.INTERRUPTED
        record.ended_by = run.recording.ended_by
    record.end(int(session.exitstatus), seconds)
    run.keeper.end(record)
    return build(run, int(session.exitstatus), client)


def _client(run: Run) -> Answers | None:
    try:
        return run.engine.client()
    except EngineDied:
        return None
