"""The replica's services, seen by real clients: httpx and websockets, over TLS, with a real database and Redis."""

import asyncio
import base64
import json
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import httpx
import jwt
import pytest
import pytest_asyncio
import websockets

from fixtures.probes.log_entry import read_entry
from fixtures.probes.log_tally import Tally
from fixtures.profile import load
from fixtures.replica.behaviour import EVENTS, Behaviour, Chat
from fixtures.replica.box import Box
from fixtures.replica.certificates import Certificates
from fixtures.replica.faults import FAULTS
from fixtures.replica.google.answers_logging import list_entries
from fixtures.replica.google.call import Call
from fixtures.replica.services import Services
from fixtures.replica.services.tokens import Tokens
from fixtures.replica.world import World

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

QUESTION = "What is the product of 4711 and 382? Name the reference kestrel-7f3a."
FACTS = ("1799602", "kestrel-7f3a")


class Client:
    """The running services of one test, and a person's way to use them."""

    def __init__(self, world: World, services: Services, trust: ssl.SSLContext) -> None:
        self.world = world
        self.services = services
        self.trust = trust
        self.http = httpx.AsyncClient(timeout=60, verify=trust)
        self.urls = {key: table["url"] for key, table in services.overlay()["services"].items()}

    async def get(self, address: str, token: str = "") -> httpx.Response:
        """GET `service/path`."""
        return await self._send("GET", address, token, None)

    async def post(self, address: str, body: object = None, token: str = "", **headers: str) -> httpx.Response:
        """POST JSON to `service/path`."""
        return await self._send("POST", address, token, body, **headers)

    async def _send(self, verb: str, address: str, token: str, body: object, **headers: str) -> httpx.Response:
        service, _, path = address.partition("/")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return await self.http.request(verb, f"{self.urls[service]}/{path}", json=body, headers=headers)

    async def login(self) -> str:
        """Return an access token of the synthetic user."""
        user = self.world.synthetic_user
        answer = await self.post("auth/auth/login", {"email": user.email, "password": user.password})
        return str(answer.raise_for_status().json()["access_token"])

    def socket(self, token: str = "", **options: Any) -> Any:
        """Connect to the chat."""
        if token:
            options["additional_headers"] = {"Authorization": f"Bearer {token}"}
        return websockets.connect(self.urls["backend"].replace("https", "wss") + "/ws", ssl=self.trust, **options)

    async def ask(self, message: dict[str, Any] | None = None, count: int = 5) -> list[dict[str, Any]]:
        """Return the frames that follow a message on a fresh connection of the synthetic user."""
        async with self.socket(await self.login()) as connection:
            assert json.loads(await connection.recv())["type"] == "connection_established"
            await connection.send(json.dumps(message or {"type": "execute_agent", "content": QUESTION}))
            return [json.loads(await connection.recv()) for _ in range(count)]

    async def stop(self) -> None:
        """Stop the services."""
        await self.http.aclose()
        await asyncio.to_thread(self.services.stop)

    def messages(self) -> str:
        """Return everything that was logged."""
        return "\n".join(entry.message for entry in self.world.log)


Start = Callable[..., Awaitable[Client]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Box]:
    """A database and a Redis for the services of every test."""
    box = Box(["postgres", "redis"])
    try:
        await box.start()
        yield box
    finally:
        await box.stop()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The authority of every test."""
    return Certificates(tmp_path_factory.mktemp("certificates"), [])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def healthy(box: Box, certificates: Certificates) -> AsyncIterator[Client]:
    """Services without a fault, for every test that changes nothing in them."""
    client = await _started(replace(box.world, behaviour=quick(), log=[]), certificates)
    yield client
    await client.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def start(box: Box, certificates: Certificates) -> AsyncIterator[Start]:
    """Start the services of a world like the box's own, with faults, and other ports for their neighbours."""
    started: list[Client] = []

    async def begin(*faults: str, **ports: int) -> Client:
        world = replace(box.world, behaviour=quick(), log=[], ports=replace(box.world.ports, **ports))
        for fault in faults:
            FAULTS[fault].apply(world)
        started.append(await _started(world, certificates))
        return started[-1]

    yield begin
    await asyncio.gather(*(client.stop() for client in started))


async def _started(world: World, certificates: Certificates) -> Client:
    services = Services(world, certificates)
    services.start()
    await asyncio.to_thread(services.settle)  # the front to the database lives in this very loop
    return Client(world, services, ssl.create_default_context(cafile=certificates.ca_file))


def quick() -> Behaviour:
    """Return healthy behaviour with short runs."""
    return Behaviour(chat=Chat(run_s=0.02))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port at which connections are taken and never served, as by a stalled connector."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_healthy_services_answer_200_and_say_who_they_are(healthy: Client) -> None:
    """Each health address answers 200 with the real body, and the backend's names the connector."""
    backend, auth = [(await healthy.get(f"{key}/health")).json() for key in ("backend", "auth")]
    ready = await healthy.get("backend/health/ready")
    assert (backend["status"], backend["service"], backend["vpc_connector"]) == (
        "healthy",
        "netra-ai-platform",
        {"status": "healthy"},
    )
    assert (auth["status"], auth["service"], auth["database_status"]) == ("healthy", "auth-service", "connected")
    assert (ready.status_code, ready.json()["core_db"], ready.json()["redis_db"]) == (200, "connected", "connected")
    assert (await healthy.get("app/health")).json()["status"] == "healthy"


async def test_pages_and_their_assets_are_served(healthy: Client) -> None:
    """Both pages are HTML, and every script and style that they name is served."""
    for page in ("app/", "app/chat"):
        answer = await healthy.get(page)
        assert answer.headers["content-type"].startswith("text/html")
        assets = [word.split('"')[1] for word in answer.text.split() if "/assets/" in word]
        assert len(assets) == 2
        assert [(await healthy.get(f"app{asset}")).status_code for asset in assets] == [200, 200]
    assert healthy.urls["backend"] in answer.text


async def test_login_token_carries_the_real_claims_and_is_accepted_by_both(healthy: Client) -> None:
    """A login gives a signed token with auth's claims; auth and backend accept it, until the logout."""
    token = await healthy.login()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["token_type"]) == ("netra-auth-service", "netra-platform", "access")
    assert {"sub", "iat", "exp", "jti", "env", "svc_id", "email", "permissions", "type"} <= claims.keys()
    assert (await healthy.post("auth/auth/validate", {"token": token})).json()["valid"] is True
    assert (await healthy.get("auth/auth/me", token)).json()["name"] == healthy.world.synthetic_user.name
    assert (await healthy.get("backend/api/threads", token)).status_code == 200
    assert (await healthy.post("auth/auth/logout", token=token)).json()["status"] == "success"
    assert (await healthy.get("auth/auth/verify", token)).json()["valid"] is False
    assert (await healthy.get("backend/api/threads", token)).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("login", {"email": "nobody@example.com", "password": "x"}, 401),
        ("login", {"email": "nobody@example.com"}, 422),
        ("dev/login", None, 403),
        ("e2e/test-auth", {"email": "a@example.com"}, 401),
        ("refresh", {"refresh_token": "x"}, 401),
        ("validate", {"token": "x"}, 200),
        ("logout", None, 200),
    ],
)
async def test_auth_refuses_with_the_real_statuses(healthy: Client, path: str, body: object, status: int) -> None:
    """What auth refuses, it refuses with the status of the real service; validate and logout never do."""
    assert (await healthy.post(f"auth/auth/{path}", body)).status_code == status


async def test_simulated_login_needs_only_its_key(healthy: Client) -> None:
    """The E2E key opens test-auth, and its token is accepted by the backend without a row in the database."""
    key = {"X-E2E-Bypass-Key": healthy.world.e2e_key}
    body = (await healthy.post("auth/auth/e2e/test-auth", {"email": "probe@example.com"}, **key)).json()
    assert body["user"]["id"] == "e2e-probe"
    assert (await healthy.get("backend/api/threads", body["access_token"])).status_code == 200


async def test_registered_user_refreshes_once_per_refresh_token(healthy: Client) -> None:
    """A new account gets tokens; its refresh token gives a new pair and is then used up."""
    account = {"email": f"{secrets.token_hex(4)}@example.com", "password": "correct horse", "name": "New"}
    granted = (await healthy.post("auth/auth/register", account)).json()
    assert (await healthy.post("auth/auth/register", account)).status_code == 409
    renewal = {"refresh_token": granted["refresh_token"]}
    assert (await healthy.post("auth/auth/refresh", renewal)).json()["token_type"] == "Bearer"
    assert (await healthy.post("auth/auth/refresh", renewal)).status_code == 401


async def test_threads_keep_messages_and_belong_to_their_user(healthy: Client) -> None:
    """A thread's messages are read back from the database; nobody else sees the thread; unknown paths read 401."""
    token, key = await healthy.login(), {"X-E2E-Bypass-Key": healthy.world.e2e_key}
    thread = (await healthy.post("backend/api/threads", {"title": "one"}, token)).json()
    messages = f"backend/api/threads/{thread['id']}/messages"
    assert (await healthy.post(messages, {"message": "hello"}, token)).json()["role"] == "user"
    listed = (await healthy.get(messages, token)).json()
    assert (listed["total"], listed["messages"][0]["content"]) == (1, "hello")
    stranger = (await healthy.post("auth/auth/e2e/test-auth", {"email": "s@example.com"}, **key)).json()
    assert (await healthy.get(messages, stranger["access_token"])).status_code == 404
    assert (await healthy.get("backend/no/such/path")).status_code == 401


@pytest.mark.parametrize("kind", ["execute_agent", "user_message"])
async def test_run_tells_five_events_and_answers_the_question(healthy: Client, kind: str) -> None:
    """A message starts a run: five events in order with one run id, a real tool, and the computed answer."""
    frames = await healthy.ask({"type": kind, "payload": {"content": QUESTION}})
    assert tuple(frame["type"] for frame in frames) == EVENTS
    assert len({(frame["run_id"], frame["thread_id"], frame["user_id"]) for frame in frames}) == 1
    executing, completed = frames[2]["data"], frames[3]["data"]
    assert executing["tool_name"] == completed["tool_name"] == "calculator"
    assert completed["result"] == {"value": 4711 * 382}
    assert all(fact in frames[4]["data"]["result"] for fact in FACTS)


async def test_answer_is_stored_in_the_thread(healthy: Client) -> None:
    """The question and the answer of a run are the thread's messages."""
    token = await healthy.login()
    async with healthy.socket(token) as connection:
        await connection.send(json.dumps({"type": "execute_agent", "content": QUESTION, "thread_id": "thread_mine"}))
        for _ in range(6):
            await connection.recv()
        messages: list[dict[str, Any]] = []
        while len(messages) < 2:  # while connected: who leaves ends the run, stored or not
            messages = (await healthy.get("backend/api/threads/thread_mine/messages", token)).json()["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"]


@pytest.mark.parametrize("envelope", ["manager", "handlers"])
async def test_other_emitters_shape_the_same_events(start: Start, envelope: Literal["manager", "handlers"]) -> None:
    """The manager nests an event twice; the handlers hide its name in `data.event`."""
    client = await start()
    client.world.behaviour.chat.envelope = envelope
    frames = await client.ask()
    names = [frame["payload"]["type"] if envelope == "manager" else frame["data"]["event"] for frame in frames]
    last = frames[-1]["payload"]["payload"]["final_response"] if envelope == "manager" else frames[-1]["data"]["result"]
    assert (tuple(names), FACTS[0] in last) == (EVENTS, True)


@pytest.mark.parametrize("prefix", ["jwt", "jwt-auth", "bearer"])
@pytest.mark.parametrize("encoded", [False, True])
async def test_socket_takes_the_token_as_subprotocol(healthy: Client, prefix: str, *, encoded: bool) -> None:
    """A token in a subprotocol, raw or base64url, opens the socket, and that subprotocol is answered."""
    token = await healthy.login()
    told = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=") if encoded else token
    async with healthy.socket(subprotocols=["jwt-auth", f"{prefix}.{told}"]) as connection:
        assert connection.subprotocol == f"{prefix}.{told}"
        greeting = json.loads(await connection.recv())
    assert greeting["data"]["user_id"].endswith("...")


async def test_socket_refuses_missing_forged_and_expired_tokens(healthy: Client) -> None:
    """No token and foreign subprotocols fail the handshake; a bad token is told AUTH_FAILED and closed with 1008."""
    for offered in (None, ["mqtt"]):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await healthy.socket(subprotocols=offered)
        assert refused.value.response.status_code == 403
    for token in (healthy.services.expired_token(), Tokens("k" * 32).issue("user-x", "x@example.com", "access", 60.0)):
        assert await _refusal(healthy, token) == ("AUTH_FAILED", 1008)


async def _refusal(client: Client, token: str) -> tuple[str, int]:
    async with client.socket(token) as connection:
        told = json.loads(await connection.recv())
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        return told["error_code"], connection.close_code


async def test_unknown_and_broken_messages_are_answered(healthy: Client) -> None:
    """An unknown type is acknowledged, a broken one and one without content are told so, a ping gets nothing."""
    async with healthy.socket(await healthy.login()) as connection:
        await connection.recv()
        sent = ["{", '{"type": "ping"}', '{"type": "hello"}', '{"type": "execute_agent"}']
        for text in sent:
            await connection.send(text)
        answers = [json.loads(await connection.recv()) for _ in range(3)]
    assert [answer.get("error_code", answer["type"]) for answer in answers] == [
        "JSON_PARSE_ERROR",
        "ack",
        "AGENT_REQUEST_ERROR",
    ]


async def test_stalled_database_shows_behind_a_healthy_backend(start: Start, silent_port: int) -> None:
    """With a stalled front /health stays 200; readiness, auth and logins do not, and the log names the timeout."""
    client = await start(postgres=silent_port)
    paths = ("backend/health", "backend/health/ready", "auth/health", "auth/auth/health")
    answers = await asyncio.gather(*(client.get(path) for path in paths))
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].json() == {"detail": "Core database unavailable"}
    assert "Database initialization timeout after 75.0s" in client.messages()
    assert "CRITICAL" in {entry.severity for entry in client.world.log}


async def test_failed_startup_is_logged_with_its_timeout(start: Start) -> None:
    """A backend that failed to start says in its body and in its log which timeout was in force."""
    client = await start("backend-startup-failed")
    body = (await client.get("backend/health")).json()
    assert (body["startup_failed"], "after 25.0s" in body["message"]) == (True, True)
    assert "Database initialization timeout after 25.0s" in client.messages()


async def test_absent_redis_leaves_logout_working(start: Start) -> None:
    """Without Redis a logout is still heeded, and readiness says that Redis is not there."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        client = await start(redis=closed.getsockname()[1])
        token = await client.login()
        await client.post("auth/auth/logout", token=token)
        assert (await client.get("backend/api/threads", token)).status_code == 401
        assert (await client.get("backend/health/ready")).json()["redis_db"] == "vpc_connectivity_degraded"


async def test_healthy_run_logs_only_known_noise(start: Start) -> None:
    """A login and a chat leave only INFO and all the noise that the profile allows, under the serving revisions."""
    client = await start()
    await client.ask()
    profile = load("replica")
    assert profile.logs is not None
    asked = {"resourceNames": [f"projects/{client.world.project}"], "filter": "severity!=INFO", "pageSize": 1000}
    tally = Tally(profile, profile.logs)
    kinds = {tally.add(read_entry(raw)) for raw in list_entries(Call(client.world, {}, {}, asked, ""))["entries"]}
    assert (kinds, set(tally.noise)) == ({"noise"}, set(profile.logs.noise))
    assert {entry.revision for entry in client.world.log} == {
        service.serving.name for service in client.world.services.values()
    }


@pytest.mark.parametrize(
    ("fault", "address", "status"),
    [
        ("backend-startup-failed", "backend/health", 503),
        ("backend-startup-failed", "backend/health/ready", 503),
        ("backend-health-redirected", "backend/health", 301),
        ("app-answered-by-backend", "app/chat", 401),
        ("backend-answered-by-app", "backend/api/threads", 404),
        ("auth-not-ready", "auth/health", 503),
        ("chat-assets-missing", "app/assets/chat.js", 404),
        ("chat-page-crashes", "app/chat", 500),
    ],
)
async def test_fault_shows_in_the_status(start: Start, fault: str, address: str, status: int) -> None:
    """The fault turns the answer of exactly the address that it is about."""
    assert (await (await start(fault)).get(address)).status_code == status


async def test_fault_shows_in_the_health_body(start: Start) -> None:
    """Bodies tell what a status hides: an unhealthy service, another one, a page that is none, no connector."""
    unhealthy = (await (await start("backend-reports-unhealthy")).get("backend/health")).json()
    other = (await (await start("backend-answered-by-app")).get("backend/health")).json()
    page = await (await start("app-answered-by-backend")).get("app/")
    silent = (await (await start("health-omits-connector")).get("backend/health")).json()
    assert (unhealthy["status"], other["service"]) == ("unhealthy", "frontend")
    assert (page.status_code, page.headers["content-type"]) == (200, "application/json")
    assert "vpc_connector" not in silent


@pytest.mark.parametrize(
    ("fault", "service"),
    [
        ("certificate-expired", "app"),
        ("certificate-untrusted", "app"),
        ("certificate-of-another-host", "app"),
        ("app-not-listening", "app"),
        ("backend-not-listening", "backend"),
    ],
)
async def test_fault_prevents_the_connection(start: Start, fault: str, service: str) -> None:
    """Neither TLS nor TCP gets through to the service; the others still answer."""
    client = await start(fault)
    with pytest.raises(httpx.ConnectError):
        await client.get(f"{service}/health")
    assert (await client.get("auth/health")).status_code == 200


async def test_expiring_certificate_still_serves(start: Start) -> None:
    """A certificate with five days left is accepted."""
    assert (await (await start("certificate-expiring")).get("backend/health")).status_code == 200


async def test_login_faults_refuse_the_right_credentials(start: Start) -> None:
    """Login answers 401 or 500 to the synthetic user, and the crash is logged."""
    refused, crashed = await start("login-refused"), await start("login-crashes")
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        await refused.login()
    with pytest.raises(httpx.HTTPStatusError, match="500"):
        await crashed.login()
    assert "unhandled RuntimeError" in crashed.messages()


async def test_desynchronised_backend_disagrees_with_auth(start: Start) -> None:
    """With other keys the backend refuses what auth accepts; with unheeded logouts it accepts what auth refuses."""
    keys, logout = await start("jwt-keys-differ"), await start("logout-unheeded")
    token = await keys.login()
    assert (await keys.get("auth/auth/verify", token)).json()["valid"] is True
    assert (await keys.get("backend/api/threads", token)).status_code == 401
    token = await logout.login()
    await logout.post("auth/auth/logout", token=token)
    assert (await logout.get("auth/auth/verify", token)).json()["valid"] is False
    assert (await logout.get("backend/api/threads", token)).status_code == 200


async def test_socket_faults_at_the_door(start: Start) -> None:
    """A valid token is refused, a handshake answers 503, an expired token or none at all is let in."""
    refuses = await start("socket-refuses-tokens")
    assert await _refusal(refuses, await refuses.login()) == ("AUTH_FAILED", 1008)
    with pytest.raises(websockets.InvalidStatus, match="503"):
        await (await start("socket-handshake-503")).socket()
    expired = await start("expired-token-accepted")
    for client, token in ((expired, expired.services.expired_token()), (await start("demo-mode-on"), "")):
        async with client.socket(token) as connection:
            assert json.loads(await connection.recv())["type"] == "connection_established"


async def test_silent_socket_faults_send_nothing(start: Start) -> None:
    """Without a greeting the first frame is the run's; a swallowed message gets no frame before the next pong."""
    quiet, swallowing = await start("socket-does-not-greet"), await start("messages-swallowed")
    async with quiet.socket(await quiet.login()) as connection:
        await connection.send(json.dumps({"type": "execute_agent", "content": QUESTION}))
        assert json.loads(await connection.recv())["type"] == "agent_started"
    async with swallowing.socket(await swallowing.login()) as connection:
        await connection.recv()
        await connection.send(json.dumps({"type": "execute_agent", "content": QUESTION}))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.3)


@pytest.mark.parametrize("fault", sorted(name for name in FAULTS if name.startswith("event-agent-")))
async def test_missing_event_is_the_only_one_missing(start: Start, fault: str) -> None:
    """Each fault takes one event away and leaves the other four in order."""
    missing = fault.removeprefix("event-").removesuffix("-missing").replace("-", "_")
    frames = await (await start(fault)).ask(count=4)
    assert [frame["type"] for frame in frames] == [event for event in EVENTS if event != missing]


async def test_disorderly_runs_tell_their_events_wrongly(start: Start) -> None:
    """Order, pairing and fields are broken as the faults say, and nothing else is."""
    early = [frame["type"] for frame in await (await start("events-out-of-order")).ask()]
    tool = [frame["type"] for frame in await (await start("tool-completed-before-executing")).ask()]
    unpaired = await (await start("tool-unpaired")).ask()
    bare = await (await start("event-fields-missing")).ask()
    assert sorted(early) == sorted(tool) == sorted(EVENTS)
    assert (early[0], tool.index("tool_completed")) == ("agent_thinking", 2)
    assert unpaired[2]["data"]["tool_name"] != unpaired[3]["data"]["tool_name"]
    assert "reasoning" not in bare[1]["data"]


@pytest.mark.parametrize("fault", ["answer-canned", "answer-fallback", "answer-empty", "answer-ignores-question"])
async def test_worthless_answer_lacks_the_result(start: Start, fault: str) -> None:
    """The run completes, and its answer does not hold what the question asked for."""
    frames = await (await start(fault)).ask()
    assert frames[-1]["type"] == "agent_completed"
    assert FACTS[0] not in frames[-1]["data"]["result"]


async def test_burst_sends_every_event_at_one_moment(start: Start) -> None:
    """In a burst the events' own timestamps lie closer together than the run's steps."""
    client = await start("events-in-one-burst")
    run_s = client.world.behaviour.chat.run_s = 1.0
    stamps = [datetime.fromisoformat(frame["timestamp"]) for frame in await client.ask()]
    assert (stamps[-1] - stamps[0]).total_seconds() < run_s / 4


async def test_slow_faults_exceed_the_limits(start: Start) -> None:
    """The delays lie beyond the limits of the profile."""
    client, limits = await start("backend-health-delayed", "answer-delayed"), load("replica").lock.limits
    assert client.world.behaviour.health.delays_s["backend"] > limits.health_max
    assert client.world.behaviour.chat.run_s > limits.reply_max
