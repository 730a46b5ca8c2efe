"""The plan of action as text: short for the terminal, and whole as `plan.sh`, a block to paste.

Pasting the block changes nothing: only what reads, and needs nobody, is live in it.
"""

from collections.abc import Generator, Iterator
from itertools import groupby
from typing import Any

import pytest

from fixtures.secret import redact
from plugins.placeholders import left_open
from plugins.plan import Plan, PlanStep
from plugins.reporting.columns import comment, continued, wrap
from plugins.reporting.findings import effort
from plugins.verdict import VERDICT, Verdict

SHORT = 12
"""Steps that the terminal shows; of a longer plan it shows those for what comes first, and the whole gate."""


_KEY = (
    "Lines that begin with `# $` change something, have a word in capitals to be filled in, need somebody at the "
    "keyboard, or are of use only after such a line: read them, then paste them one by one."
)

_FOR_ZSH = "setopt interactivecomments 2> /dev/null || true"
"""At its prompt, zsh runs what follows a `#` unless it is told not to; other shells pass over this line."""


def lines(verdict: Verdict, *, whole: bool = False) -> Iterator[str]:
    """Return the plan for the terminal; nothing where there is none."""
    plan = verdict.plan
    if not plan.steps:
        return
    shown = plan.steps if whole or len(plan.steps) <= SHORT else _first(plan, verdict.diagnosis.causes[:1])
    yield ""
    yield from wrap("PLAN  what only reads comes first; allclear runs none of it")
    for _, steps in groupby(shown, key=_heading):
        together = list(steps)
        yield from wrap(f"{_numbers(together)}  {_heading(together[0])}", "  ")
        yield from (line for step in together for line in continued(step.run))
    if len(shown) < len(plan.steps):
        others = dict.fromkeys(id for step in plan.steps if step not in shown for id in step.serves)
        yield from wrap(
            f"{len(plan.steps) - len(shown)} more steps, for {', '.join(others)}: in plan.sh, beside the report", "  "
        )


def _first(plan: Plan, causes: tuple[str, ...]) -> tuple[PlanStep, ...]:
    """Return the steps for what the plan begins with and for the first cause, and the gate."""
    wanted = {*plan.steps[0].serves, *causes}
    return tuple(step for step in plan.steps if step.kind == "gate" or wanted & {*step.serves})


def _numbers(steps: list[PlanStep]) -> str:
    first, last = steps[0].number, steps[-1].number
    return f"{first}" if first == last else f"{first}-{last}"


def _heading(step: PlanStep) -> str:
    """Return what a step is and for whom; steps that have it in common stand under it together."""
    serves = ", ".join(step.serves[:3]) + (f" and {len(step.serves) - 3} more" if step.serves[3:] else "")
    match step.kind:
        case "gate":
            return "verify all of it"
        case "change":
            return f"{step.risk}, for {serves}: {step.changes}"
        case "look":
            return f"look, for {serves}"
        case "verify":
            return f"verify {serves}"


def block(verdict: Verdict) -> str:
    """Return the plan as a block to paste; it ends in a new line, and changes nothing as it stands."""
    record = verdict.record
    head = (
        *record.notices,
        f"Commands name the real {projects(verdict)}: none is to be run for a replica." if record.is_replica else "",
        f"Plan of action: {record.title}, {verdict.word}, {record.started_at}.",
        verdict.headline,
        _KEY,
    )
    written = [_FOR_ZSH, *(line for text in head if text for line in _remark(text))]
    for reason, steps in groupby(verdict.plan.steps, key=_reason):
        written += ["", *(line for text in reason if text for line in _remark(text))]
        written += [line for step in steps for line in _typed(step)]
    return redact("\n".join(written) + "\n")


def projects(verdict: Verdict) -> str:
    """Return the projects that the plan's commands name."""
    return f"project{'s' if verdict.projects[1:] else ''} {' and '.join(verdict.projects)}"


def _reason(step: PlanStep) -> tuple[str, str]:
    return (step.why, effort(step)) if step.kind in ("look", "change") else ("", "")


def _remark(text: str) -> list[str]:
    return [line.strip() for line in comment(_harmless(text))]


def _harmless(text: str) -> str:
    # A line break that what was observed brings with it would begin a line that the shell runs.
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _typed(step: PlanStep) -> Iterator[str]:
    yield from _remark(f"{step.number}. {_heading(step)}")
    if step.undo:
        yield f"# undo: {_harmless(step.undo)}"
    words = left_open(step.run)
    if words:
        yield from _remark(f"fill in {', '.join(words)}")
    # In a shell of its own, so that the next line starts where this one did.
    run = f"({step.run})" if step.run.startswith("cd ") else step.run
    if step.kind in ("look", "gate") and not words and not step.waits and run.isprintable():
        yield run
    else:
        yield from (f"# $ {line}" for line in run.splitlines())


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Write plan.sh, where there is something to do."""
    verdict = session.config.stash.get(VERDICT, None)
    if verdict is not None and verdict.plan.steps:
        (verdict.record.directory / "plan.sh").write_text(block(verdict), encoding="utf-8")
    return (yield)
