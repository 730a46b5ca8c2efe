"""Plan 3.2 and success metrics: login, chat, and a meaningful answer in time."""

import pytest

from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.chat import Agreement, ChatPage, ChatRun, Exchange, Login
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase3, pytest.mark.golden_path]

ACCEPTED, REFUSED = "accepted", "refused"


def _word(accepted: bool | None) -> str:  # noqa: FBT001 - the one thing that it is given
    return "neither accepted nor refused" if accepted is None else ACCEPTED if accepted else REFUSED


def _goes_well(exchange: Exchange, expect: Expect) -> bool:
    for said in (exchange.detail, exchange.control):
        if said:
            expect.note(f"{exchange.what}: {said}")
    return expect.value(exchange.problem, exchange.what).is_none("answers 2xx")


@pytest.mark.criterion("GP-LOGIN", section="3.2", severity="critical", needs=["HLT-AUTH"])
def test_user_logs_in(login: Attempt[Login], expect: Expect) -> None:
    """A user logs in and gets a token that the backend accepts."""
    seen = login.value
    expect.note(f"credentials from {seen.credentials}")
    if seen.method == "e2e-key":
        expect.note("the simulated login asks no database: that users can log in with a password is not shown by it")
    if not _goes_well(seen.login, expect):
        return
    token = "a readable access token" if seen.token else "no readable access token"
    expect.value(token, "in the answer").equals("a readable access token", symptom="no-token")
    if seen.auth is None or seen.backend is None:
        return
    if seen.lifetime_s != seen.told_lifetime_s:
        expect.note(f"the token lives {seen.lifetime_s} s by its claims and {seen.told_lifetime_s} s by the answer")
    if _goes_well(seen.auth, expect):
        expect.value(_word(seen.at_auth), "the token at auth").equals(ACCEPTED, symptom="auth-refuses")
    if seen.at_backend is not None or _goes_well(seen.backend, expect):
        symptom = "backend-refuses" if seen.at_backend is False else "no-verdict"
        expect.value(_word(seen.at_backend), "the token at the backend").equals(ACCEPTED, symptom=symptom)


@pytest.mark.criterion("GP-DESYNC", section="3.2", severity="critical", needs=["GP-LOGIN"])
def test_auth_and_backend_agree(agreement: Attempt[Agreement], expect: Expect) -> None:
    """Auth and backend agree: a login's token is accepted at both, a forged one at neither, and none after logout."""
    seen = agreement.value
    expect.value(_word(seen.ours.at_auth), "our token at auth").equals(ACCEPTED, symptom="auth-refuses")
    expect.value(_word(seen.ours.at_backend), "our token at the backend").equals(ACCEPTED, symptom="backend-refuses")
    expect.value(_word(seen.forged.at_auth), "a forged token at auth").equals(REFUSED, symptom="forged-accepted")
    expect.value(_word(seen.forged.at_backend), "a forged token at the backend").equals(
        REFUSED, symptom="forged-accepted"
    )
    if _goes_well(seen.logout, expect):
        left = "our token after its logout"
        expect.value(_word(seen.logged_out.at_auth), f"{left} at auth").equals(REFUSED, symptom="logout-unheeded")
        expect.value(_word(seen.logged_out.at_backend), f"{left} at the backend").equals(
            REFUSED, symptom="logout-unheeded"
        )


@pytest.mark.criterion("GP-CHAT", section="3.2", severity="critical", needs=["HLT-APP"])
def test_chat_page_loads(chat_page: Attempt[ChatPage], expect: Expect) -> None:
    """The chat page loads, and its scripts and styles are served."""
    seen = chat_page.value
    for url in seen.redirects:
        expect.note(f"redirected to {url}")
    if not _goes_well(seen.page, expect):
        return
    if not expect.value(seen.html, "the body").is_true("an HTML page", symptom="no-page"):
        return
    broken = [asset for asset in seen.assets if asset.problem is not None]
    for asset in broken:
        expect.note(f"{asset.kind} {asset.url}: {asset.problem} {asset.detail}".rstrip())
    expect.value(len(seen.assets), "scripts and styles that the page names").at_least(1, symptom="no-assets")
    label = f"{len(broken)} of {len(seen.assets)} scripts and styles"
    expect.value(broken[0].problem if broken else None, label).is_none("all served", symptom="asset-missing")
    if seen.browsed is None:
        expect.note(seen.browser_note)
        return
    for error in seen.browsed.errors:
        expect.note(f"{seen.browsed.browser}: {error}")
    expect.note(f"also loaded in a real browser, {seen.browsed.browser}")
    expect.value(seen.browsed.problem, "the page in a browser").is_none("loads", symptom="not-loaded")
    expect.value(len(seen.browsed.errors), "errors of the page in a browser").at_most(0, symptom="browser-errors")


def _run(chat_run: Attempt[ChatRun]) -> ChatRun:
    """Return the run, if the socket was open to it.

    Raises:
        Blocked: it was not.
    """
    if not chat_run.value.opened:
        detail = f"the socket did not open ({chat_run.value.failure}), so nothing was asked"
        raise Blocked(Why(reason=Reason.DEPENDENCY, detail=detail, looked_at=chat_run.value.url, criterion="WS-OPEN"))
    return chat_run.value


def _unanswered(run: ChatRun) -> str:
    """Return how a run without an answer ended; `completed` and nothing in it is missing all the same."""
    return "missing" if run.ending in (None, "completed") else run.ending


@pytest.mark.criterion("GP-REPLY", section="3.2, metrics", severity="critical", needs=["WS-OPEN"])
def test_answer_is_meaningful(chat_run: Attempt[ChatRun], expect: Expect) -> None:
    """A question gets a meaningful answer: not empty, not canned, and holding what only this question's can."""
    run = _run(chat_run)
    expect.note(f"asked: {run.asked}")
    if run.thread is not None:
        _goes_well(run.thread, expect)
    if run.answer is None:
        expect.note(run.ending_detail)
        expect.value(_unanswered(run), "the answer").is_none("arrives")
        return
    expect.note(f"answered: {run.answer[:300]}")
    if expect.value(run.answer.strip(), "the answer").is_set(symptom="empty"):
        expect.value(run.canned, "a canned or fallback text in it").is_none("none", symptom="canned")
        expect.value(run.found, "what only an answer to this question holds").equals(run.wanted, symptom="unrelated")


@pytest.mark.criterion("GP-LATENCY", section="metrics", severity="critical", needs=["GP-REPLY"])
def test_answer_is_in_time(chat_run: Attempt[ChatRun], lock: Locked, expect: Expect) -> None:
    """The answer is complete in time."""
    run = _run(chat_run)
    if run.answered_s is None:
        expect.note(f"waited {run.waited_s:.1f} s: {run.ending_detail}")
        expect.value(_unanswered(run), "the answer").is_none("arrives in time")
        return
    expect.value(run.answered_s, "time to the complete answer", unit="seconds").below(
        lock.limits.reply_max, symptom="slow"
    )
