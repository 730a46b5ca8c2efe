"""The runbook: what to do about each finding, as data; one TOML file per area, checked when it is read.

A file holds `[command.ID]` tables, which hints of every file may name, `[[hint]]` entries, and for the plan's own
sequences `[[procedure]]` and `[[escalation]]`. Words in capitals in a command are filled in by hand.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fixtures.evidence.base import Reason
from fixtures.own import FOLDERS
from plugins.reporting.record import Frozen

FOLDER = Path(__file__).parent
SUITES = FOLDER.parent.parent / "suites"
_DECLARED = re.compile(r"mark\.criterion\(\s*\"([A-Z-]+)\"")
_ID = re.compile(r"""["']([A-Z]+(?:-[A-Z]+)*)["']""")


class CatalogueError(Exception):
    """The catalogue cannot be used; `str()` is one line for each mistake: file, entry, what is wrong."""


class Command(Frozen):
    """One command of a hint, as the on-call engineer types it.

    Attributes:
        run: the command line, with placeholders.
        risk: what it does to the target: `read`, `reversible`, `disruptive` (users may notice) or `destructive`.
        changes: what it changes; empty for `read`.
        undo: the command that takes it back, or `none:` and why there is none; empty for `read`.
        waits: whether it needs somebody at the keyboard, or goes on until it is ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run: str
    risk: Literal["read", "reversible", "disruptive", "destructive"]
    changes: str = ""
    undo: str = ""
    waits: bool = False

    @model_validator(mode="after")
    def _says_what_it_changes(self) -> Self:
        said = {bool(self.changes), bool(self.undo)}
        if said != {self.risk != "read"}:
            raise ValueError("a command that changes something says what, and how it is undone; no other does")
        return self


class Entry(Frozen):
    """What hints and procedures have in common: an `id` in kebab case, unique in the catalogue."""

    id: str


class Hint(Entry):
    """One entry: for these criteria and these symptoms, this is the likely cause and what to do.

    Attributes:
        criteria: ids that it is for; empty for an entry that is chosen by `reasons` alone.
        when: symptoms that it fits; `*` fits any.
        reasons: reasons of a blocked criterion that it fits.
        only: observed values (for a blocked criterion: missing permissions) that it is limited to; empty for any.
        cause: the likely cause, one sentence.
        commands: in order, safest first; none where another finding has to be mended first.
        section: the plan's section.
        takes: expected time, in words.
        owner: who does it.
        verify: the pytest command that shows the fix.
        because: what of this run speaks for the cause; empty in the catalogue, filled in with the finding.
    """

    criteria: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    only: tuple[str, ...] = ()
    cause: str
    commands: tuple[Command, ...] = ()
    section: str
    takes: str
    owner: str
    verify: str
    because: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Self:
        if not (self.reasons or (self.criteria and self.when)):
            raise ValueError("a hint is chosen by criteria and symptoms, or by reasons")
        return self


class Procedure(Entry):
    """A sequence of the plan that is not the answer to one finding: the emergency sequence, a rollback.

    Attributes:
        note: where the plan's own command does not work, and what stands here instead.
    """

    title: str
    commands: tuple[Command, ...]
    note: str = ""
    section: str
    takes: str
    owner: str
    verify: str


class Escalation(Frozen):
    """Who is told, and what is considered, when a phase has not helped within its time.

    Attributes:
        hours: since the start of the incident.
        phases: markers of the phases that have not helped while one of their criteria fails.
        call: whom to call, by their names in the profile's table `contacts`.
    """

    hours: int
    phases: tuple[str, ...]
    call: tuple[str, ...]
    when: str
    steps: tuple[str, ...]
    section: str
    owner: str

    @property
    def after(self) -> str:
        """When it is due, in words."""
        return f"{self.hours} hours"


class Phase(Frozen):
    """A phase of the plan.

    Attributes:
        begins: hours after the start of the incident; `ends` likewise.
        sections: the plan's minutes for each of its sections.
    """

    marker: str
    title: str
    begins: int
    ends: int
    sections: dict[str, int]


class Runbook(Frozen):
    """Everything that the folder holds, in the order of the files' names.

    Attributes:
        files: the name of the file that each hint and procedure stands in, by its id.
        unhinted: criteria of the plan that no hint is for; what preflight lacks is told by its reason.
    """

    commands: dict[str, Command]
    hints: tuple[Hint, ...]
    procedures: tuple[Procedure, ...]
    escalations: tuple[Escalation, ...]
    phases: tuple[Phase, ...]
    files: dict[str, str]
    unhinted: tuple[str, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    command: dict[str, Command] = {}
    hint: tuple[dict[str, Any], ...] = ()
    procedure: tuple[dict[str, Any], ...] = ()
    escalation: tuple[Escalation, ...] = ()
    phase: tuple[Phase, ...] = ()


def read(folder: Path = FOLDER, suites: Path = SUITES) -> Runbook:
    """Return what the TOML files of the folder hold, and of the runbooks of one's own.

    There, a command or an entry with the id of ours stands in its place.

    Raises:
        CatalogueError: with every mistake of every file, one a line: a file is not valid, an id is declared twice, a
            hint names a command that does not exist, or a criterion that no test declares.
    """
    return _read(folder, (suites, *(one / "suites" for one in FOLDERS)), tuple(one / "runbook" for one in FOLDERS))


@cache
def _read(folder: Path, suites: tuple[Path, ...], own: tuple[Path, ...]) -> Runbook:
    mistakes: list[str] = []
    theirs = {
        name: _parse(path, name, mistakes)
        for one in own
        for path in sorted(one.glob("*.toml"))
        for name in [f"{one.parent.name}/{path.name}"]
    }
    ours = {path.name: _parse(path, path.name, mistakes) for path in sorted(folder.glob("*.toml"))}
    files = theirs | _remaining(ours, theirs.values())
    commands = {id: command for file in files.values() for id, command in file.command.items()}
    hints, procedures = _entries(Hint, files, commands, mistakes), _entries(Procedure, files, commands, mistakes)
    known = _criteria(suites)
    for file, hint in hints:
        mistakes += [f"{file}: {hint.id}: no test is criterion {id}" for id in hint.criteria if id not in known]
    mistakes += _twice("command", (id for file in files.values() for id in file.command))
    mistakes += _twice("entry", (entry.id for _, entry in (*hints, *procedures)))
    if mistakes:
        raise CatalogueError("\n".join(mistakes))
    return Runbook(
        commands=commands,
        hints=tuple(hint for _, hint in hints),
        procedures=tuple(procedure for _, procedure in procedures),
        escalations=tuple(entry for file in files.values() for entry in file.escalation),
        phases=tuple(entry for file in files.values() for entry in file.phase),
        files={entry.id: file for file, entry in (*hints, *procedures)},
        unhinted=tuple(sorted(_declared(suites) - {id for _, hint in hints for id in hint.criteria})),
    )


def _remaining(ours: Mapping[str, _File], theirs: Iterable[_File]) -> dict[str, _File]:
    """Return our files without what others stand in the place of."""
    commands = {id for file in theirs for id in file.command}
    entries = {entry.get("id") for file in theirs for entry in (*file.hint, *file.procedure)}
    return {
        name: file.model_copy(
            update={
                "command": {id: command for id, command in file.command.items() if id not in commands},
                "hint": tuple(entry for entry in file.hint if entry.get("id") not in entries),
                "procedure": tuple(entry for entry in file.procedure if entry.get("id") not in entries),
            }
        )
        for name, file in ours.items()
    }


def _parse(path: Path, name: str, mistakes: list[str]) -> _File:
    """Return what a file holds; its sound part, where it has mistakes."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"{name}: not valid TOML: {error}")
        return _File()
    commands = tables.get("command", {})
    try:
        return _File.model_validate(tables)
    except ValidationError as error:
        mistakes += [f"{name}: {_words(one['loc'], one['msg'])}" for one in error.errors()]
        # Without their names, each hint that has one of them would be a mistake of its own.
        return _File(command=dict.fromkeys(commands, _NOTHING) if isinstance(commands, dict) else {})


_NOTHING = Command(run="", risk="read")
E = TypeVar("E", Hint, Procedure)


def _entries(
    kind: type[E], files: Mapping[str, _File], commands: Mapping[str, Command], mistakes: list[str]
) -> list[tuple[str, E]]:
    """Return the sound entries of a kind, each with its file's name."""
    found = []
    for name, file in files.items():
        for entry in file.hint if kind is Hint else file.procedure:
            id, named = entry.get("id", "an entry without id"), entry.get("commands", [])
            mistakes += [f"{name}: {id}: there is no command {one}" for one in named if one not in commands]
            given = tuple(commands[one] for one in named if one in commands)
            try:
                found.append((name, kind.model_validate({**entry, "commands": given})))
            except ValidationError as error:
                mistakes += [f"{name}: {id}: {_words(one['loc'], one['msg'])}" for one in error.errors()]
    return found


def _words(where: tuple[int | str, ...], said: str) -> str:
    return ": ".join(filter(None, [".".join(map(str, where)), said.removeprefix("Value error, ").lower()]))


def _declared(suites: Iterable[Path]) -> set[str]:
    """Return the criteria that the tests declare, preflight's left out."""
    texts = (path.read_text(encoding="utf-8") for path in _tests(suites) if "preflight" not in path.parts)
    return {id for text in texts for id in _DECLARED.findall(text)}


def _criteria(suites: Iterable[Path]) -> set[str]:
    """Return everything in the tests that is written like a criterion's id; they are not collected yet."""
    texts = (path.read_text(encoding="utf-8") for path in _tests(suites))
    return {id for text in texts for id in _ID.findall(text)}


def _tests(suites: Iterable[Path]) -> Iterator[Path]:
    return (path for folder in suites for path in folder.rglob("test_*.py"))


def _twice(what: str, ids: Iterable[str]) -> list[str]:
    return [f"{what} declared twice: {id}" for id, times in Counter(ids).items() if times > 1]
