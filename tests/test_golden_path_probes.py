"""The golden path's probes against real services: login, socket, run, refusals, agreement, page."""

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import pytest_asyncio

from fixtures.engine.runner import Runner
from fixtures.evidence.base import Attempt, Reason
from fixtures.evidence.chat import Agreement, ChatPage, ChatRun, Knock, Login, SocketRefusals
from fixtures.evidence.run_order import early
from fixtures.probes import browser
from fixtures.probes.chat_run import greets, message
from fixtures.probes.chat_socket import Door, Opening, opened
from fixtures.probes.frames import Frame
from fixtures.probes.https import Request, send
from fixtures.probes.timed_loop import apart
from fixtures.probes.user_credentials import credentials
from fixtures.probes.user_login import log_in, renew
from fixtures.profile import ProfileError, load
from fixtures.replica.behaviour import EVENTS, Behaviour, Chat
from fixtures.replica.box import Box
from fixtures.replica.resources import SecretVersion
from fixtures.replica.world import Denial

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

QUICK: dict[str, Any] = {"chat": {"greeting_max": "1 s", "silence": "1 s", "patience": "2 s"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[Box]:
    """Services with their database and Redis, and Secret Manager."""
    box = Box(["google", "postgres", "redis", "services"])
    try:
        await box.start()
        yield box
    finally:
        await box.stop()


@pytest.fixture
def box(started: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """The healthy services, with short runs; what a test changes in them is taken back."""
    monkeypatch.setattr(browser, "PROGRAMS", ())
    before, healthy = started.world.behaviour, Behaviour(chat=Chat(run_s=0.2))
    secrets = {name: list(secret.versions) for name, secret in started.world.secrets.items()}
    for concern in ("chat", "login", "health", "tls"):
        vars(getattr(before, concern)).update(vars(getattr(healthy, concern)))
    yield started
    started.world.denials.clear()
    started.world.backend.variable("DEMO_MODE").value = "0"
    for name, versions in secrets.items():
        started.world.secrets[name].versions[:] = versions


def overlaid(box: Box, **tables: Any) -> Runner:
    """Return a run against the box, with tables laid over its profile."""
    merged = {
        name: {**box.overlay().get(name, {}), **QUICK.get(name, {}), **tables.get(name, {})}
        for name in (*box.overlay(), *QUICK, *tables)
    }
    return Runner(load("replica", merged))


async def run(box: Box, **tables: Any) -> ChatRun:
    """Return what one question brought."""
    seen: ChatRun = (await overlaid(box, **tables).see("chat_run")).value
    return seen


async def test_login_gives_a_token_that_both_accept(box: Box) -> None:
    """The user of Secret Manager logs in, auth and backend accept the token, and no evidence holds it."""
    seen: Login = (await overlaid(box).see("login")).value
    assert (seen.token, seen.at_auth, seen.at_backend) == (True, True, True)
    assert (seen.lifetime_s, seen.told_lifetime_s) == (900.0, 900.0)
    assert seen.credentials == "secret allclear-user-email and secret allclear-user-password"
    text = seen.model_dump_json()
    assert "eyJ" not in text
    assert box.world.synthetic_user.password not in text
    assert box.world.synthetic_user.email not in text


async def test_variables_win_over_secrets(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both variables set, no secret is read, and wrong ones are refused."""
    monkeypatch.setenv("ALLCLEAR_REPLICA_EMAIL", "nobody@example.com")
    monkeypatch.setenv("ALLCLEAR_REPLICA_PASSWORD", "not the password")
    box.world.denials.append(Denial("permission"))
    seen: Login = (await overlaid(box).see("login")).value
    assert (seen.token, seen.login.problem) == (False, "status-401")
    assert seen.login.detail == "Invalid credentials"
    assert seen.credentials == "ALLCLEAR_REPLICA_EMAIL and ALLCLEAR_REPLICA_PASSWORD"


async def test_missing_credentials_block_and_name_the_variable(box: Box) -> None:
    """Without the secret and the variable nothing is observed, and both are named."""
    box.world.secrets["allclear-user-password"].versions.clear()
    why = (await overlaid(box).see("login")).blocked
    assert why is not None
    assert why.reason is Reason.NOT_CONFIGURED
    assert "ALLCLEAR_REPLICA_PASSWORD" in why.detail
    assert "allclear-user-password" in why.detail


async def test_forbidden_secrets_block_with_the_permission_and_the_way_around(box: Box) -> None:
    """Where Secret Manager refuses, its permission is named, and the variable that would do."""
    box.world.denials.append(Denial("permission", "secretmanager."))
    why = (await overlaid(box).see("chat_run")).blocked
    assert why is not None
    assert (why.reason, why.permission) == (Reason.PERMISSION_DENIED, "secretmanager.versions.access")
    assert "or set ALLCLEAR_REPLICA_" in why.detail


async def test_end_to_end_key_is_sent_to_auth_only(box: Box) -> None:
    """The service's own simulated login works with its key, as the profile's method says."""
    seen: Login = (await overlaid(box, login={"method": "e2e-key"}).see("login")).value
    assert (seen.method, seen.token, seen.at_backend) == ("e2e-key", True, True)
    assert seen.login.what.endswith("/auth/e2e/test-auth")


async def test_a_pass_is_renewed_once(box: Box) -> None:
    """A refresh token brings a new pass, and is used up by it."""
    at = overlaid(box)
    _, granted = await log_in(at, await credentials(at))
    assert granted is not None
    _, renewed = await renew(at, granted)
    assert renewed is not None
    assert renewed.access.reveal() != granted.access.reveal()
    refused, nothing = await renew(at, granted)
    assert (nothing, refused.problem) == (None, "status-401")


@pytest.mark.parametrize("envelope", ["bridge", "manager", "handlers"])
async def test_a_healthy_run(box: Box, envelope: Any) -> None:
    """One question brings five events in order and an answer that holds what was asked, in every envelope."""
    box.world.behaviour.chat.envelope = envelope
    seen = await run(box)
    assert (seen.opened, seen.greeted, seen.as_us, seen.ending) == (True, True, True, "completed")
    assert tuple(event.name for event in seen.events) == EVENTS
    assert seen.thread is not None
    assert seen.thread.problem is None
    assert (seen.found, seen.canned, seen.foreign) == (seen.wanted, None, 0)
    assert seen.answered_s == seen.events[-1].at_s


@pytest.mark.parametrize(
    "spoken", [{"token_in": "subprotocol"}, {"message": "user_message"}, {"message": "user"}], ids=str
)
async def test_the_profile_says_how_the_socket_is_spoken_to(box: Box, spoken: dict[str, str]) -> None:
    """The token may go into a subprotocol, and a run may be started by any of the messages."""
    seen = await run(box, chat={**QUICK["chat"], **spoken})
    assert (seen.ending, seen.found) == ("completed", seen.wanted)


@pytest.mark.parametrize(
    ("chat", "failure", "words"),
    [
        ({"accepts_tokens": False}, "closed-1008", "AUTH_FAILED"),
        ({"handshake_status": 503}, "handshake-503", "not ready"),
        ({"handshake_status": 403}, "handshake-403", "no valid token"),
    ],
)
async def test_a_socket_that_does_not_open(box: Box, chat: dict[str, Any], failure: str, words: str) -> None:
    """Each way to refuse has its own kind and words, and nothing is asked then."""
    vars(box.world.behaviour.chat).update(chat)
    seen = await run(box)
    assert (seen.opened, seen.failure, seen.events, seen.ending) == (False, failure, (), None)
    assert words in seen.detail


@pytest.mark.parametrize(
    ("chat", "ending", "names"),
    [
        ({"swallows": True}, "silence", ()),
        ({"events": EVENTS[:4]}, "unfinished", EVENTS[:4]),
        ({"greets": False}, "completed", EVENTS),
        ({"events": EVENTS[::-1]}, "completed", EVENTS[::-1]),
    ],
)
async def test_endings_are_told_apart(box: Box, chat: dict[str, Any], ending: str, names: tuple[str, ...]) -> None:
    """Silence, a run without an answer and a complete run are different endings."""
    vars(box.world.behaviour.chat).update(chat)
    seen = await run(box)
    assert seen.opened
    assert (seen.ending, tuple(event.name for event in seen.events)) == (ending, names)


async def test_a_broken_run_says_so(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the service ends the run at once, with what it said."""
    from fixtures.probes import chat_run

    monkeypatch.setattr(chat_run, "message", lambda *_: {"type": "execute_agent"})
    seen = await run(box)
    assert (seen.ending, seen.answer) == ("error", None)
    assert seen.ending_detail.startswith("AGENT_REQUEST_ERROR: ")


async def test_an_unknown_message_is_only_acknowledged(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """An acknowledgement is neither silence nor an answer."""
    from fixtures.probes import chat_run

    monkeypatch.setattr(chat_run, "message", lambda *_: {"type": "agent_request_v2"})
    assert (await run(box)).ending == "acknowledged"


async def test_a_slow_answer_is_not_a_missing_one(box: Box) -> None:
    """An answer after the silence limit, and within our patience, is heard, because the run has begun."""
    box.world.behaviour.chat.run_s = 1.6
    seen = await run(box, chat={**QUICK["chat"], "patience": "20 s"})
    assert seen.ending == "completed"
    assert seen.answered_s is not None
    assert seen.answered_s > 1.5


async def test_a_burst_has_no_early_progress(box: Box) -> None:
    """Events that are held back until the run's end are not early."""
    box.world.behaviour.chat.burst, box.world.behaviour.chat.run_s = True, 1.0
    lock = load("staging").lock.chat
    share = early((await run(box, chat={**QUICK["chat"], "silence": "20 s", "patience": "20 s"})).events, lock.tail)
    assert share is not None
    assert share < lock.early_progress


@pytest.mark.parametrize("kind", ["canned", "fallback", "empty", "unrelated"])
async def test_a_worthless_answer_holds_nothing_of_the_question(box: Box, kind: Any) -> None:
    """No canned, empty or unrelated answer passes for one to this question."""
    box.world.behaviour.chat.answer = kind
    seen = await run(box)
    assert seen.ending == "completed"
    assert seen.found != seen.wanted
    assert (seen.canned is not None) == (kind in ("canned", "fallback"))


async def test_demo_mode_greets_somebody_else(box: Box) -> None:
    """Where tokens are ignored the run is the demo user's, and still answered."""
    box.world.backend.variable("DEMO_MODE").value = "1"
    seen = await run(box)
    assert (seen.as_us, seen.ending) == (False, "completed")


async def knocks(at: Runner) -> dict[str, Attempt[Knock]]:
    """Return what became of each token that must not open the socket."""
    seen: SocketRefusals = (await at.see("socket_refusals")).value
    return seen.knocks


async def test_strangers_are_refused(box: Box) -> None:
    """A missing, a forged, an unsigned and a really expired token are all refused."""
    found = await knocks(overlaid(box))
    assert {kind: one.value.outcome for kind, one in found.items()} == dict.fromkeys(
        ("missing", "forged", "unsigned", "expired"), "refused"
    )


async def test_demo_mode_lets_strangers_in(box: Box) -> None:
    """In demo mode each of them is let in, and the report says as whom."""
    box.world.backend.variable("DEMO_MODE").value = "1"
    assert {one.value.outcome for one in (await knocks(overlaid(box))).values()} == {"let in as demo-use..."}


async def test_unchecked_expiry_lets_only_the_expired_token_in(box: Box) -> None:
    """The expired token is a real one: it is refused for its expiry and for nothing else."""
    box.world.behaviour.chat.accepts_expired = True
    found = await knocks(overlaid(box))
    assert [kind for kind, one in found.items() if not one.value.refused] == ["expired"]


async def test_without_an_expired_token_expiry_is_not_tried(box: Box) -> None:
    """Where no expired token is kept, that one is blocked, and the others are tried."""
    box.world.secrets["allclear-expired-token"].versions.clear()
    found = await knocks(overlaid(box))
    assert found["expired"].blocked is not None
    assert found["expired"].blocked.reason is Reason.NOT_CONFIGURED
    assert "ALLCLEAR_REPLICA_EXPIRED_TOKEN" in found["expired"].blocked.detail
    assert all(found[kind].value.refused for kind in ("missing", "forged", "unsigned"))


async def test_a_token_that_has_not_run_out_is_no_expired_one(box: Box) -> None:
    """A kept token that is still valid, or none at all, proves nothing and is not sent."""
    at = overlaid(box)
    _, granted = await log_in(at, await credentials(at))
    assert granted is not None
    for text in (granted.access.reveal(), "not a token"):
        box.world.secrets["allclear-expired-token"].versions.append(SecretVersion(2, text))
        expired = (await knocks(overlaid(box)))["expired"]
        assert expired.blocked is not None
        assert expired.blocked.reason is Reason.NOT_CONFIGURED


async def test_a_socket_that_refuses_everybody_for_its_own_sake_proves_no_gate(box: Box) -> None:
    """A 503 on the handshake says nothing of who may come in."""
    box.world.behaviour.chat.handshake_status = 503
    found = await knocks(overlaid(box))
    assert {one.blocked.criterion for one in found.values() if one.blocked is not None} == {"WS-OPEN"}
    assert len([one for one in found.values() if one.blocked]) == len(found)


async def test_auth_and_backend_agree(box: Box) -> None:
    """Our token is accepted, a forged one refused, and ours refused after logout, at both; the logout comes last."""
    at = overlaid(box)
    seen: Agreement = (await at.see("agreement")).value
    assert (seen.ours.at_auth, seen.ours.at_backend) == (True, True)
    assert (seen.forged.at_auth, seen.forged.at_backend) == (False, False)
    assert (seen.logged_out.at_auth, seen.logged_out.at_backend) == (False, False)
    assert (await at.see("chat_run")).value.ending == "completed"


async def test_a_logout_that_the_backend_does_not_heed_shows(box: Box) -> None:
    """The backend goes on accepting what auth has revoked."""
    box.world.behaviour.login.backend_heeds_logout = False
    seen: Agreement = (await overlaid(box).see("agreement")).value
    assert (seen.logged_out.at_auth, seen.logged_out.at_backend) == (False, True)


async def test_without_a_login_everything_that_needs_one_is_blocked_by_it(box: Box) -> None:
    """A login that fails blocks the run and the agreement; strangers need none to be refused."""
    box.world.behaviour.login.status = 500
    at = overlaid(box)
    assert (await at.see("login")).value.login.problem == "status-500"
    for probe in ("chat_run", "agreement"):
        why = (await at.see(probe)).blocked
        assert why is not None
        assert (why.reason, why.criterion) == (Reason.DEPENDENCY, "GP-LOGIN")
    found = await knocks(at)
    assert {one.value.outcome for one in found.values()} == {"refused"}
    assert "made-up claims" in found["forged"].value.how


async def test_the_backend_of_another_host_is_no_backend(box: Box) -> None:
    """Where another service answers as the backend, its refusals prove nothing, and nothing is compared."""
    other = {**box.overlay()["services"], "backend": box.overlay()["services"]["app"]}
    at = overlaid(box, services=other)
    assert (await at.see("login")).value.at_backend is None
    for probe, criterion in (
        ("socket_refusals", "HLT-BACKEND"),
        ("agreement", "HLT-BACKEND"),
        ("chat_run", "GP-LOGIN"),
    ):
        why = (await at.see(probe)).blocked
        assert why is not None
        assert why.criterion == criterion


async def test_a_backend_that_is_gone_is_a_failure_and_not_ours(box: Box) -> None:
    """A refused connection on the way to the backend is seen at the login, and blocks the rest."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = {"url": f"https://127.0.0.1:{free.getsockname()[1]}"}
        at = overlaid(box, services={**box.overlay()["services"], "backend": gone})
        login: Login = (await at.see("login")).value
        found = await knocks(at)
    assert login.backend is not None
    assert login.backend.failure == "refused"
    assert all(one.blocked is not None for one in found.values())


async def page(box: Box) -> ChatPage:
    """Return what became of the page."""
    seen: ChatPage = (await overlaid(box).see("chat_page")).value
    return seen


async def test_the_page_and_its_assets(box: Box) -> None:
    """The page is HTML, its script and its style are served as what they are, and no browser was there to use."""
    seen = await page(box)
    assert (seen.page.problem, seen.html) == (None, True)
    assert [(asset.kind, asset.problem) for asset in seen.assets] == [("style", None), ("script", None)]
    assert seen.browsed is None
    assert "no Chromium" in seen.browser_note or "Playwright" in seen.browser_note


async def test_assets_that_are_missing(box: Box) -> None:
    """A script or style that answers 404 is named."""
    box.world.behaviour.chat.page_assets = False
    assert [asset.problem for asset in (await page(box)).assets] == ["status-404", "status-404"]


async def test_a_page_that_crashes(box: Box) -> None:
    """A page that answers 500 has no assets to look at."""
    box.world.behaviour.chat.page_status = 500
    seen = await page(box)
    assert (seen.page.problem, seen.assets) == ("status-500", ())


class _Redirects(BaseHTTPRequestHandler):
    """Leads `/chat` on to a page whose script is served as a page."""

    def do_GET(self) -> None:
        if self.path == "/chat":
            self.send_response(302)
            self.send_header("Location", "/chat/")
            self.end_headers()
            return
        body = b'<html><script src="/app.js"></script><script src="https://cdn.example.net/x.js"></script></html>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


async def test_redirects_and_pages_in_place_of_scripts(box: Box) -> None:
    """A redirect on the same host is followed; a page in a script's place is no script; other hosts are left alone."""
    server = HTTPServer(("127.0.0.1", 0), _Redirects)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    app = {**box.overlay()["services"], "app": {"url": f"http://127.0.0.1:{server.server_port}"}}
    seen: ChatPage = (await overlaid(box, services=app).see("chat_page")).value
    await asyncio.to_thread(server.shutdown)
    server.server_close()
    thread.join()
    assert len(seen.redirects) == 1
    assert [(asset.problem, asset.detail) for asset in seen.assets] == [("wrong-type", "served as text/html")]
    assert seen.foreign == 1


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="no Chromium is installed")
async def test_the_page_in_a_real_browser(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real browser loads the page without an error; without its assets it names each of them."""
    monkeypatch.undo()
    seen = await page(box)
    assert seen.browsed is not None, seen.browser_note
    assert (seen.browsed.problem, seen.browsed.errors) == (None, ())
    box.world.behaviour.chat.page_assets = False
    broken = await page(box)
    assert broken.browsed is not None
    assert broken.browsed.errors == ("stylesheet /assets/app.css: 404", "script /assets/chat.js: 404")


async def test_the_browser_that_does_not_start_is_no_failure(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is no browser is noted, and the page is judged without one."""
    monkeypatch.setattr(browser, "PROGRAMS", ("false",))
    seen = await page(box)
    assert seen.browsed is None
    assert "could not be used" in seen.browser_note


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("execute_agent", {"type": "execute_agent", "content": "q", "user_id": "u", "thread_id": "t"}),
        ("user_message", {"type": "user_message", "payload": {"content": "q", "user_id": "u", "thread_id": "t"}}),
        (
            "user",
            {"type": "user", "payload": {"type": "run_agent", "content": "q", "user_id": "u", "thread_id": "t"}},
        ),
    ],
)
async def test_messages_have_the_service_s_shapes(kind: Any, shape: dict[str, Any]) -> None:
    """Each message that starts a run carries the question, the user and the thread where the service reads them."""
    chat = load("staging").chat
    assert chat is not None
    assert message(chat.model_copy(update={"message": kind}), "q", "u", "t") == shape
    assert "user_id" not in json.dumps(message(chat.model_copy(update={"message": kind}), "q", None, None))


@pytest.mark.parametrize(
    ("named", "ours", "same"),
    [
        ("user-123...", "user-1234567", True),
        ("demo-use...", "user-1234567", False),
        (None, "u", None),
        ("u", None, None),
    ],
)
async def test_a_greeting_names_the_beginning_of_a_user(
    named: str | None, ours: str | None, *, same: bool | None
) -> None:
    """The greeting's user is compared by what it shows of it."""
    greeting = Frame("greeting", "connection_established", {"user_id": named} if named else {})
    assert greets(greeting, ours) is same


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        ({"question": "a test of {a} and {b}, {reference}"}, 'questions that hold "test"'),
        ({"question": "what is {a}?"}, "holds {a}, {b} and {reference}"),
        ({"answer_holds": ["{reference}"]}, "name {product} or {sum}"),
        ({"silence": "60 s"}, "silence is at most patience"),
    ],
)
async def test_a_chat_that_proves_nothing_is_refused(chat: dict[str, Any], words: str) -> None:
    """A question or an answer that could be passed without work is a mistake of the profile."""
    with pytest.raises(ProfileError) as refused:
        load("staging", {"chat": chat})
    assert words in str(refused.value)


async def test_a_thread_is_put_away_after_the_run(box: Box) -> None:
    """The run leaves no thread in the user's list."""
    at = overlaid(box)
    assert (await at.see("chat_run")).value.ending == "completed"
    _, granted = await log_in(at, await credentials(at))
    assert granted is not None
    url = at.profile.services.backend.url + "/api/threads"
    answer = await send(Request("GET", url, headers=granted.authorization), at.profile.tls.ca_file, 5.0)
    assert answer.text == "[]"


async def test_a_proxy_that_refuses_is_not_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a configured proxy refuses says nothing of the socket: it has no address of its own then."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def knock() -> Opening:
        where = Door("wss://backend.example.invalid/ws", None, "header", open_max_s=20.0, greeting_max_s=1.0)
        async with opened(where, None) as opening:
            return opening

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        seen = await apart(knock)
    assert seen.refusal is None
    assert seen.failure is not None
    assert (seen.failure.kind, seen.addresses) == ("unreachable", ())
