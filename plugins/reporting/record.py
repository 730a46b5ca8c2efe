"""The record of a run: what every report is made from, and nothing else is.

It is written as it happens: one JSON line for the run, one for each finished criterion, one for the end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from fixtures.evidence.base import Why
from fixtures.secret import redact_json
from plugins.outcome import Outcome, Severity

SCHEMA_VERSION = 1
DISCLAIMER = "REPLICA RUN: this says nothing about staging."


class Frozen(BaseModel):
    """An immutable part of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Criterion(Frozen):
    """What is known of a criterion before it runs.

    Attributes:
        id: stable id, such as ``VPC-STATE``.
        title: the good state in one sentence (the test's docstring).
        section: the plan's section; ``A`` is its appendix, ``-`` none.
        needs: ids that it depends on.
        markers: phase and area markers.
        vantage: from where it can be proven: `anywhere`, `vpc` or `checkout`.
        probes: the probes that it reads.
        nodeid: pytest's id of the test.
    """

    id: str
    title: str
    section: str
    severity: Severity
    needs: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    vantage: str = "anywhere"
    probes: tuple[str, ...] = ()
    nodeid: str


class ComparisonRecord(Frozen):
    """One comparison; see `fixtures.expect.Comparison`."""

    subject: str
    observed: str
    expected: str
    key: str | None
    holds: bool
    warning: bool
    symptom: str


class Result(Frozen):
    """What became of one criterion.

    Attributes:
        reservations: those of its notes without which it would be taken for more than it is.
        reason: why it is not applicable, or the suite's own error; empty otherwise.
        blocked: why it could not be observed; empty unless the outcome is `blocked`.
        seconds: wall time of the slowest probe that it read.
        sources: what was asked.
        observed_at: when its last probe started, RFC 3339; None when none was read.
        evidence: what the probes saw, by probe, redacted.
    """

    criterion: Criterion
    outcome: Outcome
    comparisons: tuple[ComparisonRecord, ...] = ()
    blocked: tuple[Why, ...] = ()
    notes: tuple[str, ...] = ()
    reservations: tuple[str, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    sources: tuple[str, ...] = ()
    observed_at: str | None = None
    evidence: dict[str, Any] = {}

    @property
    def telling(self) -> ComparisonRecord | None:
        """The comparison that decides the outcome: the first violation, else the first warning, else the first."""
        violations = [comparison for comparison in self.comparisons if not comparison.holds]
        hard = [comparison for comparison in violations if not comparison.warning]
        return next(iter((*hard, *violations, *self.comparisons)), None)

    @property
    def symptoms(self) -> tuple[str, ...]:
        """The symptoms of its violations and warnings, or the reasons why it is blocked; without repeats."""
        kinds = [c.symptom for c in self.comparisons if not c.holds] + [str(why.reason) for why in self.blocked]
        return tuple(dict.fromkeys(kinds))


class Viewpoint(Frozen):
    """From where, and by whom, a run looked."""

    place: str
    identity: str
    inside_vpc: bool = False


class Contact(Frozen):
    """Somebody to call: the role, and how it is reached; empty where the profile does not say."""

    role: str
    reached: str


class Escalated(Frozen):
    """An escalation of the plan whose time has come.

    Attributes:
        after: when it is due, in words.
        due: whether it is: a criterion of its phases fails. Otherwise they were not observed, so that nobody knows.
        why: the criteria that fail, or that nobody looked.
        when: in which case the plan asks for it.
    """

    after: str
    due: bool
    why: str
    when: str
    steps: tuple[str, ...]
    contacts: tuple[Contact, ...]
    section: str
    owner: str


class Incident(Frozen):
    """The incident that a run belongs to, and its clock.

    Attributes:
        started_at: RFC 3339, as it was given.
        minutes: since then, to the end of the run (while it runs: to its start).
        phase: marker of the phase that the plan expects now; empty when the plan's time is over.
        title: that phase in words.
        left: minutes that the phase, or the plan, still has; negative when they are used up.
        budget: the same, in a sentence.
        escalations: those whose time has come, while their phases are not seen to be mended.
    """

    id: str
    started_at: str
    minutes: int
    phase: str
    title: str
    left: int
    budget: str
    escalations: tuple[Escalated, ...] = ()


class Replay(Frozen):
    """That a run looked at nothing, and judged what another had seen.

    Attributes:
        of: the recording.
        seen_at: when that run began to look, RFC 3339, UTC.
        seen_by: version and commit of the allclear that looked.
        judged_at: when it was judged again, RFC 3339, UTC.
        command: the replay's own; that of the run is the record's.
        changes: the locks that are others than the run's, in words.
    """

    of: str
    seen_at: str
    seen_by: str
    judged_at: str
    command: str
    changes: tuple[str, ...]

    @property
    def notice(self) -> str:
        """What must be said on everything that a replay writes."""
        changed = f" WITH {'; '.join(self.changes)}" if self.changes else ""
        return f"REPLAY{changed}: judged again at {self.judged_at} from what was seen at {self.seen_at}."


@dataclass
class Record:
    """One run, as far as it has come.

    Attributes:
        target: name of the target; `title` and `kind` are the profile's.
        started_at: RFC 3339, UTC.
        selected: the criteria that were selected, in the order of the run.
        results: by criterion id.
        replay: None for a run that looked for itself.
        ended_by: None for a run that came to its end; else what cut it short.
        own: the folders that `--own` named.
        incident: None for a run that was not told of one.
    """

    target: str
    title: str
    kind: str
    profile: str
    started_at: str
    command: str
    directory: Path
    selected: dict[str, Criterion] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    viewpoint: Viewpoint = field(default_factory=lambda: Viewpoint(place="unknown", identity="unknown"))
    replay: Replay | None = None
    ended_by: str | None = None
    seconds: float = 0.0
    exit_code: int | None = None
    own: tuple[str, ...] = ()
    incident: Incident | None = None

    @property
    def is_replica(self) -> bool:
        """Whether this run says nothing about any real environment."""
        return self.kind == "replica"

    @property
    def disclaimer(self) -> str:
        """What must be said on everything that a replica run writes; empty for a live one."""
        return DISCLAIMER if self.is_replica else ""

    @property
    def notices(self) -> tuple[str, ...]:
        """What must be said first and last: that a run says nothing about staging, that it is a replay."""
        return tuple(filter(None, (self.disclaimer, self.replay.notice if self.replay else "")))

    def select(self, criteria: Iterable[Criterion]) -> None:
        """Note what was selected, and write the run's first line."""
        self.selected = {criterion.id: criterion for criterion in criteria}
        self.directory.mkdir(parents=True, exist_ok=True)
        self._line(
            "run",
            {
                "schema_version": SCHEMA_VERSION,
                "target": self.target,
                "title": self.title,
                "kind": self.kind,
                "disclaimer": self.disclaimer,
                "replay": self.replay.model_dump(mode="json") if self.replay else None,
                "profile": self.profile,
                "started_at": self.started_at,
                "command": self.command,
                "incident": self.incident.model_dump(mode="json") if self.incident else None,
                "selected": [criterion.model_dump(mode="json") for criterion in self.selected.values()],
            },
        )

    def add(self, result: Result) -> None:
        """Take a finished criterion and write its line at once."""
        self.results[result.criterion.id] = result
        self._line("result", result.model_dump(mode="json"))

    def end(self, exit_code: int, seconds: float) -> None:
        """Note how the run ended, and write its last line."""
        self.exit_code, self.seconds = exit_code, round(seconds, 3)
        incident = self.incident.model_dump(mode="json") if self.incident else None
        ended = {"exit_code": exit_code, "seconds": self.seconds, "ended_by": self.ended_by, "incident": incident}
        self._line("end", ended)

    def _line(self, event: str, values: Mapping[str, Any]) -> None:
        with (self.directory / "results.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(redact_json({"event": event, **values}) + "\n")
