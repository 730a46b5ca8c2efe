"""docs/runbook.md: the runbook for people, in the plan's order: symptom, cause, commands, verification, undo."""

import sys
from collections.abc import Iterable, Iterator, Mapping

from fixtures.profile import Profile, load
from plugins.placeholders import fill
from plugins.plan import planned
from plugins.reporting.findings import anchors, place
from plugins.runbook import Command, Escalation, Hint, Phase, Procedure, Runbook, read

_HEAD = """# The runbook

Made by `python -m plugins.reporting.runbook_page > docs/runbook.md`; a test compares. It is made from the catalogue
that the suite prints from (`plugins/runbook/*.toml`), with the names and values of `fixtures/targets/staging.toml`, so
the two never disagree; a run picks the entries that fit what it saw and fills them in.

Words in capitals are filled in: those of the finding (`OBSERVED`, `EXPECTED`, `SUBJECT`, `SERVICE`, `URL`, `MARKER` and
so on) by the run, the others (`REVISION`, `VERSION`, `PATH` and so on) by whoever types the command. Each command
stands under its risk: *read* changes nothing; *reversible* is taken back by its undo; *disruptive* may be noticed by
users; *destructive* deletes something. Where the plan's own commands do not work, and why:
[plan-deviations.md](plan-deviations.md). How a run orders all of it into one list: [incident.md](incident.md).
"""
_BESIDE = {
    "metrics": "Success metrics",
    "fix": "The emergency sequence",
    "rollback": "If the fixes fail: rollbacks",
    "Escalation": "Escalation",
    "Prevention": "Prevention",
    "-": "When something cannot be observed",
}
"""What stands beside the phases, by the first word of a section, in the plan's order; what is beyond it comes last."""


def render(book: Runbook, profile: Profile) -> str:
    """Return the page."""
    lines = [_HEAD]
    for phase in book.phases:
        lines += [
            f"## Phase {phase.marker.removeprefix('phase')}: {phase.title}, hours {phase.begins} to {phase.ends}",
            "",
        ]
        for section, minutes in phase.sections.items():
            lines += [f"### {_link(section)}: {minutes} minutes", ""]
            lines += _entries(book, section, profile)
    for group, title in _BESIDE.items():
        lines += [f"## {title}", "", *_entries(book, group, profile)]
    return "\n".join(lines)


def _entries(book: Runbook, group: str, profile: Profile) -> Iterator[str]:
    for hint in sorted(book.hints, key=lambda hint: not hint.when):  # what is broken before what was not seen
        if _group(hint.section, book.phases) == group:
            yield from _entry(f"`{hint.id}`", _seen(hint), _filled(hint.cause, profile), hint, profile)
    for procedure in book.procedures:
        if _group(procedure.section, book.phases) == group:
            yield from _entry(procedure.title, "", procedure.note, procedure, profile)
    for escalation in book.escalations:
        if _group(escalation.section, book.phases) == group:
            yield from _escalation(escalation)


def _group(section: str, phases: Iterable[Phase]) -> str:
    """Return where an entry stands: under the first section that it cites."""
    first = section.split(", ")[0]
    return first if any(first in phase.sections for phase in phases) else first.split(" ")[0]


def _entry(title: str, seen: str, cause: str, entry: Hint | Procedure, profile: Profile) -> Iterator[str]:
    minutes = planned(entry.section)
    yield from (f"#### {title}", "")
    if seen:
        yield from (f"- **Seen**: {seen}", f"- **Cause**: {cause}")
    elif cause:
        yield f"- **Note**: {cause}"
    where = ", ".join(_link(part) for part, _ in anchors(entry.section)) or place(entry.section)
    yield f"- **Plan**: {where}{f' ({minutes} minutes)' if minutes else ''}; takes {entry.takes}; owner: {entry.owner}"
    yield from ("", "```sh", *_commands(entry.commands, profile), "```", "")
    yield from (f"**Verify**: `{_filled(entry.verify, profile, quoted=True)}`", "")
    undone = list(dict.fromkeys(_undo(one, profile) for one in entry.commands if one.undo))
    yield from ("**Undo**:", "", *undone, "") if undone else ("**Undo**: nothing was changed.", "")


def _seen(hint: Hint) -> str:
    who = ", ".join(f"[{id}](criteria.md#{id.lower()})" for id in hint.criteria) or "any criterion"
    parts = []
    if hint.when:
        kinds = "does not hold" if "*" in hint.when else ", ".join(f"`{one}`" for one in hint.when)
        parts.append(f"{kinds}{_limited(hint, 'seen to be')}")
    if hint.reasons:
        reasons = ", ".join(f"`{reason}`" for reason in hint.reasons)
        parts.append(f"blocked: {reasons}{'' if hint.when else _limited(hint, 'missing')}")
    return f"{who}: {'; or '.join(parts)}"


def _limited(hint: Hint, word: str) -> str:
    return f" ({word} {' or '.join(f'`{one}`' for one in hint.only)})" if hint.only else ""


def _commands(commands: Iterable[Command], profile: Profile) -> Iterator[str]:
    risk = ""
    for command in commands:
        fresh = f"# {command.risk}{f': {_filled(command.changes, profile)}' if command.changes else ''}"
        if fresh != risk:
            risk = fresh
            yield risk
        yield _filled(command.run, profile, quoted=True)


def _undo(command: Command, profile: Profile) -> str:
    if command.undo.startswith("none:"):
        return f"- there is none for *{_filled(command.changes, profile)}*:{command.undo.removeprefix('none:')}"
    return f"- `{_filled(command.undo, profile, quoted=True)}`"


def _escalation(escalation: Escalation) -> Iterator[str]:
    called = ", ".join(f"`contacts.{name}`" for name in escalation.call)
    yield from (f"#### After {escalation.after}: {escalation.when}", "")
    yield from (f"- {step}" for step in escalation.steps)
    yield from (f"- **Call**: {called} of the target's profile; owner: {escalation.owner}", "")


def _filled(text: str, profile: Profile, *, quoted: bool = False) -> str:
    facts: Mapping[str, str] = {}
    return fill(text, profile, facts, quoted=quoted)


def _link(part: str) -> str:
    return f"[{part}](plan-sections.md#{dict(anchors(part))[part]})"


if __name__ == "__main__":
    sys.stdout.write(render(read(), load("staging")))
