"""The pictures: what each shows of good and bad evidence, and what is never in one."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fixtures.evidence.chat import ChatRun, RunEvent
from fixtures.evidence.sessions import Phases, Session, Sessions
from fixtures.evidence.soak import Soak, Track
from fixtures.profile import load
from fixtures.secret import Secret
from plugins.reporting.charts import connections, events, graph, pictures, soak
from plugins.reporting.charts.canvas import Canvas, Scale, fitted, seconds
from tests.hostile_run import BEGAN, EVIL, attempt, hostile
from tests.test_reports import DENIED, compared, incident, result, verdict

LOCK = load("staging").lock
SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    """Return the texts that stand in a picture."""
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_nothing_that_draws_is_loaded_before_a_page_is_written() -> None:
    """The plugins are loaded without the library that draws, and without the one that posts."""
    code = (
        "import sys, plugins.reporting.html, plugins.reporting.tickets; print(*{'drawsvg', 'httpx'} & {*sys.modules})"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_each_picture_is_whole_and_says_what_it_shows() -> None:
    """Every picture of bad and hostile evidence is well-formed, with its sentence, and no markup of others in it."""
    drawn = list(pictures(hostile()))
    assert [one.title for one in drawn] == [
        "Database connections",
        "Health answers",
        "The agent's run",
        "Continuous operation",
        "The probes of this run",
        "What depends on what",
    ]
    for one in drawn:
        tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(one.svg).iter()}
        assert tags <= {"svg", "g", "rect", "path", "circle", "text", "title"}, one.title
        assert one.said.endswith(".")


def test_what_could_not_be_seen_has_its_reason_for_a_picture() -> None:
    """A probe that was blocked is named with its reason; one that nobody asked is not; the graph is always there."""
    shown = incident()
    object.__setattr__(shown, "evidence", {"sessions": attempt(blocked=DENIED)})
    first, *_ = pictures(shown)
    assert (first.title, first.svg) == ("Database connections", "")
    assert first.said == "Not observed: cloudsql.instances.get is missing"
    assert [one.title for one in pictures(incident())] == ["What depends on what"]


def test_a_picture_holds_no_secret() -> None:
    """A known secret is redacted where it would stand, and where it would be shown when pointed at."""
    canary = Secret("canary", "correct-horse-battery").reveal()
    canvas = Canvas("x", 100)
    canvas.words(canary, 0, 0)
    canvas.words(f"{canary} and much more", 0, 20, room=60)
    canvas.box("pass", 0, 0, 10, 10, canary)
    assert canary not in canvas.svg()


def test_a_failed_session_is_told_from_a_slow_one() -> None:
    """A session that failed is a cross with its kind, and the time of the phase that did not end is marked lost."""
    slow = Session(opened=True, answered=True, connect_s=24.0, phases=Phases(tcp_s=0.1, tls_s=23.9))
    dead = Session(
        opened=False, answered=False, connect_s=35.0, phases=Phases(tcp_s=0.1), failure="stalled", failed_phase="tls"
    )
    seen = Sessions(address="a", user="u", database="d", tls=None, sessions=(slow, dead))
    svg = connections.draw(seen, LOCK.limits)
    assert "lost" in words(svg)
    assert any(said.startswith("stalled") for said in words(svg))
    assert "until it failed (tls)" in svg
    assert "lost" not in words(connections.draw(seen.model_copy(update={"sessions": (slow,)}), LOCK.limits))
    assert connections.said(seen, LOCK.limits).startswith("1 of 2 sessions answered, the slowest after 35 s")


def test_an_event_that_did_not_come_is_named() -> None:
    """Each of the five events has its row, and the missing ones say so; a run without any has a picture, too."""
    run = ChatRun(url="u", opened=True, events=(RunEvent(name="agent_started", at_s=0.4),))
    said = words(events.draw(run, LOCK.chat))
    assert said.count("did not come") == 4
    assert "after 0.40 s" in said
    silent = run.model_copy(update={"events": ()})
    assert words(events.draw(silent, LOCK.chat)).count("did not come") == 5
    assert "no answer came" in events.said(silent, LOCK.chat)


def test_a_soak_that_saw_nothing_has_a_picture() -> None:
    """A soak that was cut short at once is drawn without a division by nothing."""
    seen = Soak(began_at=BEGAN, asked_s=1800, held_s=0, tracks={"sessions": Track()})
    assert "0 of 0 failed" in words(soak.draw(seen))


def test_every_criterion_is_in_the_graph_once() -> None:
    """Each criterion stands there once, those that nothing joins as well, and a cause is joined to what it explains."""
    shown = incident()
    svg = graph.draw(shown.results, shown.diagnosis)
    assert sorted(said for said in words(svg) if said in shown.results) == sorted(shown.results)
    assert svg.count("stroke cause") == 1


def test_the_graph_takes_what_explains_each_other() -> None:
    """Criteria that depend on each other, which none should, are drawn all the same."""
    shown = verdict([result("A-A", "fail", compared("x"), needs=("B-B",)), result("B-B", "pass", needs=("A-A",))])
    assert {"A-A", "B-B"} <= set(words(graph.draw(shown.results, shown.diagnosis)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0.00 s"),
        (0.003, "3 ms"),
        (0.25, "0.25 s"),
        (1.0, "1 s"),
        (20.04, "20 s"),
        (35.5, "35.5 s"),
        (1800, "30 min"),
    ],
)
def test_a_duration_has_the_digits_that_matter(value: float, said: str) -> None:
    """Milliseconds, seconds and minutes, each with as many digits as can be read off."""
    assert seconds(value) == said


def test_an_axis_has_round_ticks_within_its_scale() -> None:
    """Whatever the top is, there are three to nine ticks, the first at 0, none beyond the top."""
    for top in (0.0013, 0.31, 1.0, 7.7, 38.5, 1800.0):
        ticks = Scale(top, 0, 100).ticks
        assert ticks[0] == 0
        assert 3 <= len(ticks) <= 9
        assert ticks[-1] <= top


def test_words_are_cut_to_their_room() -> None:
    """A text that is too long ends in an ellipsis; one that fits is left alone."""
    assert fitted("short", 100) == "short"
    assert fitted("x" * 50, 100).endswith("\N{HORIZONTAL ELLIPSIS}")
    assert EVIL[:5] in fitted(EVIL, 100)
