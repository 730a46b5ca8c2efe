"""The question: fresh each time, without the word that spoils it; and the recognition of its answer."""

import re

import pytest

from fixtures.probes.question import Question, ask, canned
from fixtures.profile import load
from fixtures.profile.chat import Chat

ASKED = Question("", ("1799602", "kite-7f3a01"))


@pytest.fixture(scope="module")
def chat() -> Chat:
    """The chat of staging's profile."""
    chat = load("staging").chat
    assert chat is not None
    return chat


def test_a_question_is_fresh_and_carries_what_it_asks_for(chat: Chat) -> None:
    """Two questions differ in numbers and reference, and the wanted product is that of the numbers asked."""
    first, second = ask(chat), ask(chat)
    a, b = map(int, re.findall(r"\b\d{4,5}\b", first.text)[:2])
    assert first.wanted[0] == str(a * b)
    assert first.wanted[1] in first.text
    assert set(first.wanted).isdisjoint(second.wanted)
    assert "test" not in first.text.lower()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("It is 1799602 (kite-7f3a01).", ("1799602", "kite-7f3a01")),
        ("It is 1,799,602; reference KITE-7F3A01", ("1799602", "kite-7f3a01")),
        ("1.799.602", ("1799602",)),
        ("1 799 602 and 1\u202f799\u202f602", ("1799602",)),
        ("**1799602.** kite-7f3a01", ("1799602", "kite-7f3a01")),
        ('{"value": 1799602}', ("1799602",)),
        ("11799602", ()),
        ("17996020", ()),
        ("2.1799602", ()),
        ("kite-7f3a012", ()),
        ("4711 and 382, kite-7f3a01", ("kite-7f3a01",)),
        ("", ()),
    ],
)
def test_an_answer_is_recognised_by_what_only_it_can_hold(answer: str, found: tuple[str, ...]) -> None:
    """Numbers count as a whole and however they are grouped, references in any case."""
    assert ASKED.found_in(answer) == found


@pytest.mark.parametrize(
    ("answer", "pattern"),
    [
        ("Mock data agent response", "Mock"),
        ("Fallback response: limited", "Fallback"),
        ("Degraded mode answer", "Degraded mode"),
        ("  Agent response for: what is", "Agent response for:"),
        ("triage response (timeout fallback)", "response (timeout fallback)"),
        ("As shown in Investor Demos", "investor demos"),
        ("Task completed", "Task completed"),
        ("The product is 6. Mock trials are nice.", None),
        ("", None),
    ],
)
def test_canned_answers_are_known(chat: Chat, answer: str, pattern: str | None) -> None:
    """The service's canned and fallback texts are told by how they begin or what they hold."""
    assert canned(answer, chat) == pattern
