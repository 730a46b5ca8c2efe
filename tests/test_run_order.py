"""The order of a run's events, and whether they came while it ran."""

import pytest

from fixtures.evidence.chat import RunEvent
from fixtures.evidence.run_order import disorder, early

SHORT = {
    "s": "agent_started",
    "t": "agent_thinking",
    "x": "tool_executing",
    "d": "tool_completed",
    "c": "agent_completed",
}


def events(text: str, *times_s: float) -> list[RunEvent]:
    """Return events by their letters; a digit behind a tool's letter names the tool."""
    named = [(letter, text[i + 1 : i + 2]) for i, letter in enumerate(text) if letter in SHORT]
    times = times_s or tuple(range(len(named)))
    return [
        RunEvent(name=SHORT[letter], at_s=at_s, tool=tool if tool.isdigit() else None)
        for (letter, tool), at_s in zip(named, times, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("stx1d1c", None),
        ("sc", None),
        ("", None),
        ("stx1c", None),
        ("stx1x2d2d1c", None),
        ("stx1x1d1d1c", None),
        ("stsx1d1cc", None),
        ("tsx1d1c", "started-not-first"),
        ("tx1d1c", "started-not-first"),
        ("stx1d1", "completed-not-last"),
        ("stcx1d1", "completed-not-last"),
        ("std1x1c", "tool-unpaired"),
        ("stx1d2c", "tool-unpaired"),
        ("stx1d1d1c", "tool-unpaired"),
        ("std1c", "tool-unpaired"),
    ],
)
def test_order(text: str, kind: str | None) -> None:
    """Started first, completed last, each tool executing before it is completed; nested agents and tools are legal."""
    found = disorder(events(text))
    assert (found.kind if found is not None else None) == kind


@pytest.mark.parametrize(
    ("times_s", "share"),
    [
        ((0.1, 2.0, 4.0, 6.0, 8.0), 1.0),
        ((8.0, 8.01, 8.02, 8.03, 8.04), 0.0),
        ((0.1, 7.9, 7.95, 7.98, 8.0), 0.25),
        ((0.1, 0.2, 7.6, 7.7, 8.0), 0.5),
        ((0.1, 0.1, 0.1, 0.1, 8.0), 1.0),
    ],
)
def test_early_progress(times_s: tuple[float, ...], share: float) -> None:
    """Progress counts as early when it comes before the run's last tenth, seen from the question."""
    assert early(events("stx1d1c", *times_s), 0.1) == share


@pytest.mark.parametrize("text", ["", "c"])
def test_of_one_event_nothing_can_be_told(text: str) -> None:
    """Fewer than two events have no time between them."""
    assert early(events(text), 0.1) is None
