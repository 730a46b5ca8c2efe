"""docs/runbook.md is the catalogue: whole, in the plan's order, and in step with the code."""

import re
from pathlib import Path

from fixtures.profile import load
from plugins.placeholders import fill
from plugins.reporting import runbook_page
from plugins.runbook import read

ROOT = Path(__file__).parent.parent
BOOK = read()
STAGING = load("staging")
PAGE = runbook_page.render(BOOK, STAGING)


def test_the_page_is_the_codes() -> None:
    """The page that is committed is the one that the command makes."""
    assert (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8") == PAGE


def test_every_entry_is_on_the_page_once() -> None:
    """Each hint, procedure and escalation has one heading."""
    headings = re.findall(r"^#### (.*)$", PAGE, re.MULTILINE)
    expected = [f"`{hint.id}`" for hint in BOOK.hints]
    expected += [one.title for one in BOOK.procedures]
    expected += [f"After {one.after}: {one.when}" for one in BOOK.escalations]
    assert sorted(headings) == sorted(expected)


def test_every_command_is_as_the_suite_prints_it() -> None:
    """Each command stands on a line of its own, with staging's names; what takes it back, too."""
    lines = set(PAGE.splitlines())
    for command in BOOK.commands.values():
        assert fill(command.run, STAGING, {}, quoted=True) in lines
        if command.undo and not command.undo.startswith("none:"):
            assert f"- `{fill(command.undo, STAGING, {}, quoted=True)}`" in lines


def test_no_placeholder_is_left() -> None:
    """What only a finding knows stands in capitals."""
    assert re.findall(r"\{[a-z_.]+\}", PAGE) == []


def test_the_page_keeps_the_plans_order() -> None:
    """The phases with their sections, then what stands beside them."""
    beside = ("Success metrics", "The emergency sequence", "If the fixes fail: rollbacks", "Escalation", "Prevention")
    headings = [f"\n### [{section}]" for phase in BOOK.phases for section in phase.sections]
    headings += [f"\n## {title}\n" for title in (*beside, "When something cannot be observed")]
    places = [PAGE.index(heading) for heading in headings]
    assert places == sorted(places)


def test_an_entry_is_told_in_order() -> None:
    """Symptom, cause, commands, verification, undo."""
    entry = PAGE.split("#### `connector-in-error`")[1].split("####")[0]
    places = [entry.index(word) for word in ("**Seen**", "**Cause**", "```sh", "**Verify**", "**Undo**")]
    assert places == sorted(places)
    assert "`different` (seen to be `ERROR`)" in entry


def test_a_command_cannot_end_its_block() -> None:
    """No command or undo holds a backtick, which would end the code that it stands in."""
    texts = [text for command in BOOK.commands.values() for text in (command.run, command.undo)]
    assert [text for text in texts if "`" in text] == []
