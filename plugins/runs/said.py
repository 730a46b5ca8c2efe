"""What is said of kept runs in a terminal, at 80 columns."""

import textwrap
from collections.abc import Iterator
from datetime import datetime

from plugins.outcome import Outcome
from plugins.runs.compare import Change, changes, only
from plugins.runs.history import Course, History, strangers
from plugins.runs.stored import Run, Said

WIDTH = 79


def wrapped(text: str, indent: str = "") -> list[str]:
    """Break a sentence into lines; what has no spaces stays whole."""
    further = f"{indent}    "
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def difference(before: Said, after: Said) -> Iterator[str]:
    """Say what is different between two verdicts; nothing below the two when they say the same."""
    for letter, said in (("A", before), ("B", after)):
        yield from wrapped(f"{letter}  {_when(said.started_at)}  {said.target.title}: {said.verdict}{_cut(said)}")
        yield from (line for notice in _notices(said) for line in wrapped(notice, "   "))
    found = changes(before, after)
    moved = [change for change in found if change.moved]
    roots = [change for change in moved if change.with_ not in {one.id for one in moved}]
    for change in roots:
        yield ""
        yield from wrapped(f"{change.id}  {change.before} -> {change.after}")
        yield from _of(change)
        ways = dict.fromkeys((one.before, one.after) for one in moved if one.with_ == change.id)
        for way in ways:
            ids = [one.id for one in moved if one.with_ == change.id and (one.before, one.after) == way]
            yield from wrapped(f"with it, {way[0]} -> {way[1]}: {', '.join(ids)}", "    ")
    still = [change for change in found if not change.moved]
    if still:
        yield from ("", "other values, same outcome:")
    for change in still:
        yield from wrapped(f"{change.id}  {change.after}", "  ")
        yield from _of(change)
    for letter, ids in (("A", only(before, after)), ("B", only(after, before))):
        if ids:
            yield from ("", *wrapped(f"only in {letter}: {', '.join(ids)}"))
    both = len(before.criteria) - len(only(before, after))
    yield from ("", f"{len(moved)} of {both} criteria moved, {len(still)} more have other values")


def differs(before: Said, after: Said) -> bool:
    """Whether anything is different."""
    return bool(changes(before, after) or only(before, after) or only(after, before))


def _of(change: Change) -> Iterator[str]:
    for value in change.values:
        yield from wrapped(value, "    ")


def _notices(said: Said) -> Iterator[str]:
    if said.disclaimer:
        yield said.disclaimer
    if said.replay is not None:
        changed = f" WITH {'; '.join(said.replay.changes)}" if said.replay.changes else ""
        yield f"REPLAY{changed} of what was seen at {said.replay.seen_at}."


def _cut(said: Said) -> str:
    return f" ({said.ended_by})" if said.ended_by else f" (exit {said.exit_code})"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def listing(target: str, of: History, *, every: bool) -> Iterator[str]:
    """Say which runs there are of a target, the newest first, and which criteria do not hold, or flap."""
    yield f"{target}: {len(of.runs)} run{'' if len(of.runs) == 1 else 's'}"
    for run in reversed(of.runs):
        yield from wrapped(f"{_when(run.started_at)}  {_verdict(run)}  {run.directory.name}", "  ")
    shown = [course for course in of.courses.values() if every or course.flaps or course.outcome is Outcome.FAIL]
    unseen = [course.id for course in of.courses.values() if not course.seen]
    if shown:
        yield from ("", "  criterion      last seen  last held")
    for course in shown:
        yield _row(course)
    if unseen:
        yield from wrapped(f"never observed: {', '.join(unseen)}", "  ")
    rest = len(of.courses) - len({course.id for course in shown} | set(unseen))
    if rest:
        yield f"  {rest} {'others ' if shown or unseen else ''}held whenever they were last observed"


def _row(course: Course) -> str:
    held = "never" if course.held_at is None else _when(course.held_at)
    seen = str(course.outcome) if course.seen else "-"
    flaps = f"  flaps: turned {course.turns} times in {course.seen} runs" if course.flaps else ""
    return f"  {course.id:<14} {seen:<10} {held:<16}{flaps}".rstrip()


def _verdict(run: Run) -> str:
    if run.said is None:
        return "no verdict: killed, or still running"
    counts = [f"{number} {word}" for word in Outcome if (number := _count(run.said, word))]
    return f"{run.said.verdict}  {', '.join(counts)}"


def _count(said: Said, outcome: Outcome) -> int:
    return sum(entry.outcome is outcome for entry in said.criteria)


def pruning(run: Run) -> str:
    """Say what would become of a run that is not to be kept."""
    others = strangers(run)
    if others:
        return f"left    {run.directory.name}: holds what no run writes: {', '.join(others)}"
    return f"delete  {run.directory.name}  {run.target}, {_when(run.started_at)}"
