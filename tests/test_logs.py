"""What a log entry says, what a window of entries amounts to, and how the window is read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.engine.runner import Runner
from fixtures.evidence.base import Reason
from fixtures.evidence.logs import Logs
from fixtures.probes import logs as probe
from fixtures.probes.log_entry import HEAD, QUOTE, TAIL, Entry, quote, read_entry
from fixtures.probes.log_tally import Tally
from fixtures.profile import Profile, ProfileError, load
from fixtures.profile.patterns import pattern
from fixtures.replica.behaviour import LogEntry
from fixtures.replica.build import build_world
from fixtures.replica.google.server import ControlPlane
from fixtures.replica.world import Denial, World
from fixtures.secret import Secret

BACKEND = "netra-backend-staging"
AT = "2026-01-02T03:04:05.678901Z"
TIMEOUT = "DeterministicStartupError: Database initialization timeout after 25.0s in staging environment"


def raw(severity: str | None = "ERROR", **payload: Any) -> dict[str, Any]:
    """Return an entry as the API shows it."""
    labels = {"service_name": BACKEND, "revision_name": f"{BACKEND}-00042-xuv"}
    entry = {"timestamp": AT, "resource": {"type": "cloud_run_revision", "labels": labels}, **payload}
    return entry if severity is None else {**entry, "severity": severity}


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"textPayload": "Worker failed to boot."}, "Worker failed to boot."),
        ({"jsonPayload": {"message": "started", "service": "netra-service"}}, "started"),
        ({"jsonPayload": {"textPayload": "inner"}}, "inner"),
        (
            {"jsonPayload": {"message": "m", "error": {"type": "E", "value": "v", "traceback": "last line"}}},
            "m\nE: v\nlast line",
        ),
        ({"jsonPayload": {"message": "m", "error": "plain"}}, "m\nplain"),
        ({"jsonPayload": {"message": "fine", "error": {"message": "Missing field", "severity": "ERROR"}}}, "fine"),
        ({"protoPayload": {"methodName": "Replace", "status": {"message": "not ready"}}}, "Replace\nnot ready"),
        (
            {"httpRequest": {"requestMethod": "GET", "requestUrl": "https://x.test/ws?token=abc", "status": 503}},
            "GET /ws answered 503",
        ),
        ({}, None),
        ({"textPayload": "  \n"}, None),
        ({"jsonPayload": {"message": None, "error": 7}}, None),
        ({"jsonPayload": "no table"}, None),
    ],
)
def test_payloads(payload: dict[str, Any], text: str | None) -> None:
    """Each payload that an entry may carry is read as its text; a record's harmless `error.message` is none."""
    assert read_entry(raw(**payload)).text == text


@pytest.mark.parametrize(("said", "read"), [("CRITICAL", "CRITICAL"), ("DEFAULT", None), (None, None), ("", None)])
def test_severity(said: str | None, read: str | None) -> None:
    """An entry without a severity, or with the default one, has none."""
    assert read_entry(raw(said, textPayload="x")).severity == read


def test_long_text_is_bounded() -> None:
    """Of a long text the begin and the end are kept, where a traceback says what happened."""
    text = read_entry(raw(textPayload="begin" + "x" * 10**6 + "TimeoutError")).text or ""
    assert len(text) == HEAD + TAIL + 1
    assert text.startswith("begin")
    assert text.endswith("TimeoutError")


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl",
        "postgresql://netra_user:hunter2hunter2@10.1.0.3/netra",
        "password=correct-horse-battery",
        "kJ8sLq2Vn5Xc7Zb0Mw4R",
        "registered-canary",
    ],
)
def test_quote_holds_no_secret(secret: str) -> None:
    """What is or looks like a secret is not in a quote, wherever the quote begins."""
    Secret("canary", "registered-canary")
    hidden = secret.rpartition(":")[2].split("@")[0] if "://" in secret else secret.rpartition("=")[2]
    text = f"{'padding ' * 20} connection refused for {secret} and so on"
    for begin in (0, text.index("connection"), text.index(secret), text.index(secret) + len(secret) + QUOTE // 4 - 3):
        assert hidden not in quote(text, begin)
        assert hidden[-8:] not in quote(text, begin)


def test_quote_is_one_short_line() -> None:
    """A quote is short, on one line, begins at a word, and cannot drive a terminal."""
    said = quote(f"{'word ' * 100}\n\x1b[31mconnection refused{' tail' * 100}", 505)
    assert "connection refused" in said
    assert said.startswith("word")
    assert len(said) <= QUOTE
    assert said.isprintable()


def entry(text: str | None, severity: str | None = "ERROR", service: str = BACKEND, seconds: float = 0.0) -> Entry:
    """Return an entry some seconds before a fixed moment."""
    return Entry(datetime.fromisoformat(AT) - timedelta(seconds=seconds), service, f"{service}-1", severity, text)


def tally() -> Tally:
    """Return an empty tally by staging's own noise and signatures."""
    profile = load("staging")
    assert profile.logs is not None
    return Tally(profile, profile.logs)


@pytest.mark.parametrize(
    ("text", "severity", "kind", "critical"),
    [
        (TIMEOUT, "CRITICAL", "signature", 1),
        (TIMEOUT, None, "signature", 0),
        ("Sentry SDK not available - install it", "WARNING", "noise", 0),
        ("SERVICE_ID contained whitespace - sanitized", "CRITICAL", "noise", 0),
        ("GOLDEN PATH AUTH: Starting permissive authentication", "CRITICAL", "noise", 0),
        ("Continuing without migrations", None, "noise", 0),
        ("[2026-01-02 03:04:05 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000", None, "noise", 0),
        ("[2026-01-02 03:04:05 +0000] [1] [ERROR] Worker (pid:7) exited", None, "without-severity", 0),
        ("Sentry SDK not available; Connection refused", "WARNING", "signature", 0),
        ("something broke", "CRITICAL", "critical", 1),
        ("something broke", "ALERT", "critical", 1),
        ("something broke", "EMERGENCY", "critical", 1),
        ("something broke", "ERROR", "other", 0),
        ("something", None, "without-severity", 0),
        (None, "WARNING", "without-payload", 0),
        (None, None, "without-payload", 0),
        (None, "CRITICAL", "critical", 1),
    ],
)
def test_classes(text: str | None, severity: str | None, kind: str, critical: int) -> None:
    """Each entry is what patterns, severity and payload make of it; a signature outweighs noise."""
    counted = tally()
    assert counted.add(entry(text, severity)) == kind
    assert counted.critical.total() == critical


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("database initialization TIMEOUT after 8.0s", "initialisation-timeout"),
        ("psycopg2.OperationalError: server closed the connection unexpectedly", "connection-reset"),
        ("ConnectionRefusedError: [Errno 111] Connect call failed ('10.1.0.3', 5432)", "connection-refused"),
        ("asyncpg/connect_utils.py line 1054, in _connect\nasyncio.TimeoutError", "connection-timeout"),
        ("QueuePool limit of size 10 overflow 15 reached", "pool-exhausted"),
        ("FATAL: remaining connection slots are reserved", "too-many-clients"),
        ("sorry, too many clients already", "too-many-clients"),
        ('password authentication failed for user "netra_user"', "password-refused"),
        ('database "netra" does not exist', "database-missing"),
        ("InvalidAuthorizationSpecificationError: connection requires a valid TLS session", "tls-refused"),
        ("Circuit breaker db: opening circuit", "circuit-open"),
        ("ModuleNotFoundError: No module named 'netra_backend.app.services.monitoring'", "module-missing"),
        ("Error -3 connecting to 10.107.0.3:6379", "redis"),
        ("The request was aborted because there was no available instance.", "no-instance"),
        ("RACE CONDITION detected, connection rejected", "websocket-not-ready"),
        ("Container called exit(3).", "restart-loop"),
        ("DETERMINISTIC STARTUP FAILURE", "restart-loop"),
        ("GET /health answered 503", "malformed-response"),
    ],
)
def test_signatures(text: str, id: str) -> None:
    """Each of the outage's lines is known by its own signature and by no other."""
    counted = tally()
    counted.add(entry(text))
    assert list(counted.signatures()) == [id]


def test_numbers_are_kept_newest_first() -> None:
    """A signature keeps the numbers that it named, when it was seen, and by whom."""
    counted = tally()
    for seconds, number in ((0, "25.0"), (10, "25.0"), (20, "20.0"), (30, "8.0")):
        counted.add(entry(f"Database initialization timeout after {number}s", seconds=seconds))
    seen = counted.signatures()["initialisation-timeout"]
    assert (seen.seconds, seen.count, seen.services) == ((25.0, 20.0, 8.0), 4, (BACKEND,))
    assert "25.0" in seen.last.text
    assert seen.last.at - seen.first_at == timedelta(seconds=30)


def test_a_number_that_is_none_is_left_out() -> None:
    """A line with dots in place of its number is still a signature."""
    counted = tally()
    counted.add(entry("Database initialization timeout after ...s"))
    assert counted.signatures()["initialisation-timeout"].seconds == ()


def test_consequences_count_only_alone() -> None:
    """A line that follows from another one is a cause only where no other was seen."""
    at = datetime.now(UTC)
    counted = tally()
    counted.add(entry("Container called exit(3)."))

    def causes() -> list[str]:
        seen = Logs(
            windows={},
            until=at,
            read=0,
            critical={},
            unsigned={},
            without_severity=0,
            without_payload=0,
            noise={},
            signatures=counted.signatures(),
        )
        return list(seen.causes)

    assert causes() == ["restart-loop"]
    counted.add(entry(TIMEOUT))
    assert causes() == ["initialisation-timeout"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(a+)+$", "repeats a group"),
        ("(?:a|a)*b", "repeats a group"),
        ("(a|b){2,9}", "repeats a group"),
        (".*a.*b", "can be tried in 4000000 ways"),
        (r"[\w.]+ [\d]{1,}", "can be tried in 4000000 ways"),
        ("a{1,4001}", "can be tried in 4001 ways"),
        (".{0,99}a.{0,99}b", "can be tried in 10000 ways"),
        ("a?" * 12, "can be tried in 4096 ways"),
        ("(?=a)b", "only (?:...) and (?P<name>...)"),
        ("(a", "is not a regular expression"),
    ],
)
def test_hostile_patterns_are_refused(text: str, words: str) -> None:
    """A pattern that could take for ever on some line is refused, in words."""
    with pytest.raises(ValueError, match=r"repe|way|allowed|expression") as error:
        pattern(text)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "text", [r"after \(x\)+ y", r"[*+(){4000}]{1,9}", ".*?b", "(?:a|b)? c", r"a\*\*\**", "(?P<seconds>x)"]
)
def test_harmless_patterns_are_taken(text: str) -> None:
    """Escapes and character classes are not mistaken for repetitions."""
    assert pattern(text) == text


def test_a_wrong_pattern_in_a_profile_is_one_line(tmp_path: Path) -> None:
    """A mistake in one entry of a table of patterns is one line with its key."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "staging"\n[logs.noise.mine]\npatern = "x"\n[logs.noise.hers]\npattern = "(a+)+"\nreason = "r"\n'
    )
    with pytest.raises(ProfileError) as error:
        load(str(path))
    lines = str(error.value).splitlines()
    assert any("logs.noise.mine.patern: no such key (nearest: pattern)" in line for line in lines)
    assert any("logs.noise.hers.pattern: '(a+)+' repeats a group" in line for line in lines)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, ControlPlane]]:
    """A control plane."""
    world = build_world(load("replica"))
    plane = ControlPlane(world, tmp_path_factory.mktemp("google"))
    plane.start()
    yield world, plane
    plane.stop()


@pytest.fixture
def world(plane: tuple[World, ControlPlane]) -> World:
    """The healthy world, fresh for each test, in which each service has written one harmless entry."""
    world, control = plane
    vars(world).update(vars(build_world(load("replica"))))
    world.ports.google = int(control.url.rsplit(":", 1)[1])
    control.seen.clear()
    for service in world.services.values():
        world.log.append(LogEntry("INFO", service.name, service.serving.name, "Application startup complete."))
    return world


def write(world: World, severity: Any, message: str, payload: Any = "json", key: str = "backend", **ago: float) -> None:
    """Have a service write an entry, some time ago."""
    service = world.services[key]
    moment = datetime.now(UTC) - timedelta(**ago)
    world.log.append(LogEntry(severity, service.name, service.serving.name, message, payload, moment))


def profile_of(plane: tuple[World, ControlPlane], **logs: Any) -> Profile:
    """Return the replica's profile with the control plane's address."""
    return load("replica", {**plane[1].overlay(), "logs": logs})


async def seen(plane: tuple[World, ControlPlane], **logs: Any) -> Logs:
    """Return what the probe sees."""
    value = (await Runner(profile_of(plane, **logs)).see("logs")).value
    assert isinstance(value, Logs)
    return value


@pytest.mark.asyncio
async def test_quiet_log(world: World, plane: tuple[World, ControlPlane]) -> None:
    """In a quiet log nothing is found; each service's window begins with its revision, or as far back as declared."""
    found = await seen(plane)
    assert (found.read, found.unread, found.critical, found.signatures) == (0, "", {}, {})
    assert {key: one.newest_at is not None for key, one in found.windows.items()} == dict.fromkeys(world.services, True)
    assert found.windows["backend"].since == world.backend.created_at
    assert found.windows["app"].since == found.until - timedelta(hours=24)


@pytest.mark.asyncio
async def test_entries_of_every_payload(world: World, plane: tuple[World, ControlPlane]) -> None:
    """Criticals, untold entries, noise and signatures are counted, whichever payload they came in."""
    write(world, "CRITICAL", "quality monitor died", "json")
    write(world, "CRITICAL", "so did the other", "text", key="auth")
    write(world, "DEFAULT", TIMEOUT, "text")
    write(world, "ERROR", "Revision is not ready: Worker failed to boot", "audit")
    write(world, "WARNING", "", "empty")
    write(world, "DEFAULT", "who knows", "text")
    write(world, "WARNING", "Sentry SDK not available", "json")
    found = await seen(plane)
    assert found.critical == {"backend": 1, "auth": 1}
    assert (found.without_payload, found.without_severity, found.noise) == (1, 1, {"sentry": 1})
    assert found.signatures["initialisation-timeout"].seconds == (25.0,)
    assert list(found.causes) == ["initialisation-timeout"]


@pytest.mark.asyncio
async def test_window(world: World, plane: tuple[World, ControlPlane]) -> None:
    """What was written before the revision, by a service that nobody declared, or since the run began, is not read."""
    write(world, "CRITICAL", "of an earlier revision", hours=7)
    write(world, "CRITICAL", "of this one", hours=5)
    write(world, "CRITICAL", "by our own questions", hours=-1)
    world.log.append(LogEntry("CRITICAL", "another-service", "another-service-1", "not ours"))
    assert (await seen(plane)).critical == {"backend": 1}


@pytest.mark.asyncio
async def test_pages(world: World, plane: tuple[World, ControlPlane], monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of several pages is read to its begin, each entry once."""
    monkeypatch.setattr(probe, "PAGE", 7)
    for number in range(30):
        write(world, "CRITICAL", f"number {number}", seconds=number)
    found = await seen(plane)
    assert (found.read, found.critical, found.unread) == (30, {"backend": 30}, "")
    assert plane[1].seen["logging.entries.list"] == 5 + 3
    assert found.quotes[0].text == "number 0"


@pytest.mark.asyncio
async def test_bound(world: World, plane: tuple[World, ControlPlane], monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that holds more than the bound is said not to have been read whole; one that just fits is not."""
    monkeypatch.setattr(probe, "PAGE", 7)
    for number in range(21):
        write(world, "WARNING", f"number {number}", seconds=number)
    assert (await seen(plane, max_entries=21)).unread == ""
    cut = await seen(plane, max_entries=14)
    assert (cut.read, cut.unread) == (14, "the window was not read whole: it holds more than the newest 14 entries")
    monkeypatch.setattr(probe, "MOST_PAGES", 2)
    assert (await seen(plane)).unread == "the window was not read whole: after 2 pages there were more"
    monkeypatch.setattr(probe, "READ_S", -1.0)
    assert "and 7 entries there may be more" in (await seen(plane)).unread


@pytest.mark.asyncio
async def test_what_was_read_outlives_a_page_that_fails(
    world: World, plane: tuple[World, ControlPlane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a later page is refused, what the earlier ones held is still seen, and the rest is said to be unread."""
    monkeypatch.setattr(probe, "PAGE", 2)
    for number in range(6):
        write(world, "CRITICAL", f"number {number}", seconds=number)
    taken = Tally.add

    def deny(self: Tally, one: Entry) -> Any:
        world.denials[:] = [Denial("quota", "logging.")] if self.read >= 3 else []
        return taken(self, one)

    monkeypatch.setattr(Tally, "add", deny)
    found = await seen(plane)
    assert found.critical == {"backend": 4}
    assert "after 4 entries, logging.googleapis.com refuses more calls" in found.unread


@pytest.mark.asyncio
async def test_silent_log(world: World, plane: tuple[World, ControlPlane]) -> None:
    """A service of which the log holds nothing at all is told from one that has nothing to complain of."""
    world.log_excluded.add("auth")
    newest = {key: one.newest_at is not None for key, one in (await seen(plane)).windows.items()}
    assert newest == {"backend": True, "auth": False, "app": True}


@pytest.mark.asyncio
async def test_unknown_revision_leaves_the_declared_window(world: World, plane: tuple[World, ControlPlane]) -> None:
    """Where Cloud Run may not be read, the logs still are, as far back as the profile says."""
    world.denials.append(Denial("permission", "run."))
    write(world, "CRITICAL", "yesterday", hours=20)
    found = await seen(plane)
    assert found.critical == {"backend": 1}
    assert found.windows["backend"].reason == "the last 24 h: the serving revision is not known"


@pytest.mark.asyncio
async def test_forbidden_log(world: World, plane: tuple[World, ControlPlane]) -> None:
    """A log that may not be read is blocked, with the permission and the role that grants it."""
    world.denials.append(Denial("permission", "logging."))
    why = (await Runner(profile_of(plane)).see("logs")).blocked
    assert why is not None
    assert (why.reason, why.permission) == (Reason.PERMISSION_DENIED, "logging.logEntries.list")
    assert why.role == "roles/logging.viewer"
