"""The runbook: what to do about each finding, as data; one TOML file per area, checked when it is read.

A file holds `[command.ID]` tables, which hints of every file may name, `[[hint]]` entries, and for the plan's own
sequences `[[procedure]]` and `[[escalation]]`. Words in capitals in a command are filled in by hand.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fixtures.evidence.base import Reason
from plugins.reporting.record import Frozen

FOLDER = Path(__file__).parent


class CatalogueError(Exception):
    """The catalogue cannot be used; one line for each mistake."""


class Command(Frozen):
    """One command of a hint, as the on-call engineer types it.

    Attributes:
        run: the command line, with placeholders.
        risk: what it does to the target: `read`, `reversible`, `disruptive` (users may notice) or `destructive`.
        changes: what it changes; empty for `read`.
        undo: the command that takes it back, or `none:` and why there is none; empty for `read`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run: str
    risk: Literal["read", "reversible", "disruptive", "destructive"]
    changes: str = ""
    undo: str = ""

    @model_validator(mode="after")
    def _says_what_it_changes(self) -> Self:
        said = {bool(self.changes), bool(self.undo)}
        if said != {self.risk != "read"}:
            raise ValueError("a command that changes something says what, and how it is undone; no other does")
        return self


class Hint(Frozen):
    """One entry: for these criteria and these symptoms, this is the likely cause and what to do.

    Attributes:
        id: kebab case, unique in the catalogue.
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
    """

    id: str
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

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Self:
        if not (self.reasons or (self.criteria and self.when)):
            raise ValueError("a hint is chosen by criteria and symptoms, or by reasons")
        return self


class Procedure(Frozen):
    """A sequence of the plan that is not the answer to one finding: the emergency sequence, a rollback.

    Attributes:
        note: where the plan's own command does not work, and what stands here instead.
    """

    id: str
    title: str
    commands: tuple[Command, ...]
    note: str = ""
    section: str
    takes: str
    owner: str
    verify: str


class Escalation(Frozen):
    """Who is told, and what is considered, when a phase has not helped within its time (`after`, in words)."""

    after: str
    when: str
    steps: tuple[str, ...]
    section: str
    owner: str


class Runbook(Frozen):
    """Everything that the folder holds, in the order of the files' names."""

    commands: dict[str, Command]
    hints: tuple[Hint, ...]
    procedures: tuple[Procedure, ...]
    escalations: tuple[Escalation, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    command: dict[str, Command] = {}
    hint: tuple[dict[str, Any], ...] = ()
    procedure: tuple[dict[str, Any], ...] = ()
    escalation: tuple[Escalation, ...] = ()


@cache
def read(folder: Path = FOLDER) -> Runbook:
    """Return what the folder's TOML files hold.

    Raises:
        CatalogueError: a file is not valid, an id is declared twice, or a hint names a command that does not exist.
    """
    files = {path.name: _parse(path) for path in sorted(folder.glob("*.toml"))}
    commands = {id: command for file in files.values() for id, command in file.command.items()}
    mistakes = _twice("command", (id for file in files.values() for id in file.command))
    hints: list[Hint] = []
    procedures: list[Procedure] = []
    for name, file in files.items():
        try:
            hints += [Hint.model_validate(_resolved(entry, commands)) for entry in file.hint]
            procedures += [Procedure.model_validate(_resolved(entry, commands)) for entry in file.procedure]
        except (ValidationError, CatalogueError) as error:
            mistakes.append(f"{name}: {error}")
    mistakes += _twice("hint", [entry.id for entry in hints] + [entry.id for entry in procedures])
    if mistakes:
        raise CatalogueError("\n".join(mistakes))
    escalations = tuple(entry for file in files.values() for entry in file.escalation)
    return Runbook(commands=commands, hints=tuple(hints), procedures=tuple(procedures), escalations=escalations)


def _parse(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise CatalogueError(f"{path.name}: {error}") from None


def _resolved(entry: Mapping[str, Any], commands: Mapping[str, Command]) -> dict[str, Any]:
    named = entry.get("commands", ())
    unknown = [id for id in named if id not in commands]
    if unknown:
        raise CatalogueError(f"{entry.get('id')} names commands that do not exist: {', '.join(unknown)}")
    return {**entry, "commands": tuple(commands[id] for id in named)}


def _twice(what: str, ids: Iterable[str]) -> list[str]:
    known = list(ids)
    return [f"{what} declared twice: {id}" for id in sorted({id for id in known if known.count(id) > 1})]
