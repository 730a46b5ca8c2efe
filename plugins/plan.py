"""The plan of action: one ordered list for a whole run, whatever number of findings ask for the same thing.

What only reads comes before what changes something; what blocks the view of a cause's upstream before that cause; the
causes in the order of the diagnosis. Within one remedy the order of its commands is kept, and a command that several
remedies share stands once, after all that any of them has to do before it.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from plugins.criteria import PHASES, PLAIN_RUN
from plugins.diagnosis import Diagnosis
from plugins.gaps import Gap
from plugins.reporting.record import Frozen, Result
from plugins.runbook import Command, Hint, read


class PlanStep(Frozen):
    """One numbered step.

    Attributes:
        kind: `look` (only reads), `change`, `verify` (whether the changes before it have helped) or `gate` (all of it).
        run: the command line; `risk`, `changes`, `undo` and `waits` are those of `plugins.runbook.Command`.
        serves: ids of the causes, and of what is blocked, that it is for.
        why: the likely cause that it answers, one sentence; of the first that it serves.
        section: the plan's section, with `takes` (expected time) and `owner`; empty for `verify` and `gate`.
        planned: minutes that the plan gives to the first of its sections that has a time; None beyond the plan.
    """

    number: int
    kind: Literal["look", "change", "verify", "gate"]
    run: str
    risk: Literal["read", "reversible", "disruptive", "destructive"] = "read"
    changes: str = ""
    undo: str = ""
    waits: bool = False
    serves: tuple[str, ...]
    why: str = ""
    section: str = ""
    takes: str = ""
    owner: str = ""
    planned: int | None = None


class Plan(Frozen):
    """The steps, in order; none where nothing is broken and nothing stands in the way of seeing that."""

    steps: tuple[PlanStep, ...] = ()


@dataclass(frozen=True)
class _Remedy:
    """The first hint of a cause, or what closes a gap; and the criteria that it is for."""

    serves: tuple[str, ...]
    hints: Sequence[Hint]

    def commands(self, *, reading: bool) -> list[Command]:
        return [one for hint in self.hints for one in hint.commands if (one.risk == "read") is reading]

    def asking(self, run: str) -> list[Hint]:
        """Return the hints that ask for a command."""
        return [hint for hint in self.hints if any(command.run == run for command in hint.commands)]


def make(
    results: dict[str, Result], diagnosis: Diagnosis, gaps: Sequence[Gap], hints: dict[str, tuple[Hint, ...]], gate: str
) -> Plan:
    """Work out the plan of a run.

    Args:
        results: by criterion id, in the order of the run.
        diagnosis: whose causes are mended; what they explain needs nothing of its own.
        gaps: what keeps criteria from being observed.
        hints: by criterion id, the most specific first; of a cause, the first one with commands is followed.
        gate: the command that shows at the end whether all is well.
    """
    remedies = _in_order(results, diagnosis, gaps, hints)
    if not remedies:
        return Plan()
    steps = [*_looks(remedies), *_changes(remedies)]
    everything = tuple(dict.fromkeys(id for remedy in remedies for id in remedy.serves))
    steps.append(PlanStep(number=0, kind="gate", run=gate, serves=everything))
    return Plan(steps=tuple(step.model_copy(update={"number": n}) for n, step in enumerate(steps, 1)))


def whole_gate(results: Iterable[Result]) -> str:
    """Return the command of the whole gate: the plan's phases, where this run looked at any, and others it selected."""
    selected = [set(result.criterion.markers) & PHASES.keys() for result in results]
    plain = [phases for phases in selected if phases & {*PLAIN_RUN}]
    others = set().union(*(phases for phases in selected if phases not in plain))
    expression = [phase for phase in PHASES if phase in others or (plain and phase in PLAIN_RUN)] if others else []
    return shlex.join(["pytest", *(("-m", " or ".join(expression)) if expression else ())])


def _in_order(
    results: dict[str, Result], diagnosis: Diagnosis, gaps: Sequence[Gap], hints: dict[str, tuple[Hint, ...]]
) -> list[_Remedy]:
    """Return the remedies: what hides the upstream of a cause, then the causes, then what else is hidden."""
    above = _upstream(results, diagnosis.causes)
    closing = [_Remedy(_ids(gap), _needed(gap.hints)) for gap in gaps]
    before = [remedy for remedy in closing if not above.isdisjoint(remedy.serves)]
    after = [remedy for remedy in closing if above.isdisjoint(remedy.serves)]
    causes = [_Remedy((id,), _able(hints.get(id, ()))[:1]) for id in diagnosis.causes]
    return [remedy for remedy in (*before, *causes, *after) if remedy.hints]


def _ids(gap: Gap) -> tuple[str, ...]:
    return tuple(result.criterion.id for result in gap.results)


def _able(hints: Iterable[Hint]) -> list[Hint]:
    return [hint for hint in hints if hint.commands]


def _needed(hints: Iterable[Hint]) -> list[Hint]:
    """Return the hints without which a gap stays open: each that answers something which none before it does."""
    found: list[Hint] = []
    answered: set[str] = set()
    for hint in _able(hints):
        if not (found and answered.issuperset(hint.because)):
            found.append(hint)
        answered.update(hint.because)
    return found


def _upstream(results: dict[str, Result], ids: Iterable[str]) -> set[str]:
    """Return everything that some criteria depend on, by declaration."""
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        needs = [need for need in results[waiting.pop()].criterion.needs if need in results and need not in found]
        found.update(needs)
        waiting += needs
    return found


def _looks(remedies: Sequence[_Remedy]) -> Iterator[PlanStep]:
    for run in dict.fromkeys(command.run for remedy in remedies for command in remedy.commands(reading=True)):
        yield _step("look", run, remedies)


def _changes(remedies: Sequence[_Remedy]) -> Iterator[PlanStep]:
    """Return the changes in an order that every remedy agrees with; after a remedy's last one, its verification."""
    waiting = [(remedy, [command.run for command in remedy.commands(reading=False)]) for remedy in remedies]
    waiting = [(remedy, runs) for remedy, runs in waiting if runs]
    while waiting:
        run = _next([runs for _, runs in waiting])
        asking = [remedy for remedy, runs in waiting if runs[0] == run]
        yield _step("change", run, asking)
        waiting = [(remedy, runs[1:] if runs[0] == run else runs) for remedy, runs in waiting]
        yield from _verification([remedy for remedy, runs in waiting if not runs])
        waiting = [(remedy, runs) for remedy, runs in waiting if runs]


def _next(sequences: Sequence[Sequence[str]]) -> str:
    """Return the first command that none has to do something else before; where they contradict, the first of all."""
    later = {run for runs in sequences for run in runs[1:]}
    return next((runs[0] for runs in sequences if runs[0] not in later), sequences[0][0])


def _step(kind: Literal["look", "change"], run: str, remedies: Sequence[_Remedy]) -> PlanStep:
    asking = [remedy for remedy in remedies if remedy.asking(run)]
    hint = asking[0].asking(run)[0]
    command = next(command for command in hint.commands if command.run == run)
    return PlanStep(
        number=0,
        kind=kind,
        **command.model_dump(),
        serves=tuple(dict.fromkeys(id for remedy in asking for id in remedy.serves)),
        why=hint.cause,
        section=hint.section,
        takes=hint.takes,
        owner=hint.owner,
        planned=planned(hint.section),
    )


def planned(section: str) -> int | None:
    """Return the minutes that the plan gives to the first part of `1.2, 2.1` that has a time; None beyond the plan."""
    minutes = {name: given for phase in read().phases for name, given in phase.sections.items()}
    return next((minutes[part] for part in section.split(", ") if part in minutes), None)


def _verification(finished: Sequence[_Remedy]) -> Iterator[PlanStep]:
    """Return the verification of some remedies; those that differ in their markers alone become one."""
    together: dict[tuple[bool, tuple[str, ...]], tuple[dict[str, None], dict[str, None]]] = {}
    for remedy, verify in ((one, hint.verify) for one in finished for hint in one.hints):
        words = shlex.split(verify)
        marked = words[1:2] == ["-m"]
        expressions, ids = together.setdefault((marked, tuple(words[3 if marked else 1 :])), ({}, {}))
        expressions.update(dict.fromkeys(words[2].split(" or ") if marked else ()))
        ids.update(dict.fromkeys(remedy.serves))
    for (marked, options), (expressions, ids) in together.items():
        marked_by = ["-m", " or ".join(expressions)] if marked else []
        yield PlanStep(number=0, kind="verify", run=shlex.join(["pytest", *marked_by, *options]), serves=tuple(ids))
