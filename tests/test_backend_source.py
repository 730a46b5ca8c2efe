"""The backend's settings from each declared source: the service's report, a checkout, the backend's interpreter."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.settings import DatabaseSettings
from fixtures.probes import backend_source
from fixtures.probes.backend_source import read_settings
from fixtures.profile import Profile, load
from fixtures.replica import ports
from fixtures.replica.certificates import Certificates
from fixtures.replica.source_tree import write_source_tree
from fixtures.replica.world import Source

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

FILE = load("staging").backend_source.file
REPORT = {"timeouts": {"initialization_timeout": 75.0, "pool_timeout": 45}, "pool": {"pool_size": 10}}
NO_TABLES = "HTTP 200 without the tables `timeouts` and `pool`"


class Looking:
    """A context that needs no other probe."""

    def __init__(self, source: dict[str, Any], ca_file: Path | None = None) -> None:
        tls = {"ca_file": str(ca_file)} if ca_file is not None else {}
        self.profile: Profile = load("staging", {"backend_source": source, "tls": tls})

    async def see(self, probe: str) -> Attempt[Any]:
        """No other probe is asked."""
        raise AssertionError(probe)


async def refused(source: dict[str, Any], ca_file: Path | None = None) -> Why:
    """Return why the settings could not be read."""
    with pytest.raises(Blocked) as error:
        await read_settings(Looking(source, ca_file))
    return error.value.why


async def test_nothing_declared() -> None:
    """Without any source, the run was not told where to look, and says how to tell it."""
    why = await refused({})
    assert why.reason is Reason.NOT_CONFIGURED
    assert "--source PATH" in why.detail


# --- a checkout -----------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A healthy checkout of the backend."""
    return write_source_tree(Source(), FILE, tmp_path / "checkout")


async def test_a_checkout_is_read(checkout: Path) -> None:
    """A healthy checkout holds the lock, and the interpreter that is declared beside it is not asked."""
    said = await read_settings(Looking({"checkout": str(checkout), "python": "/nowhere/python"}))
    lock = load("staging").lock
    assert (said.source, said.broken, said.unknowable) == ("checkout", None, ())
    assert {name: said.timeout(name) for name in said.timeouts} == lock.timeouts.model_dump()
    assert {name: said.pool_value(name) for name in said.pool} == lock.pool.model_dump()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: (file.unlink(), file.mkdir())], ids=["missing", "folder"])
async def test_a_checkout_without_the_file(checkout: Path, spoil: Callable[[Path], object]) -> None:
    """A checkout without the settings module was not the right place to look; the file is named."""
    spoil(checkout / FILE)
    why = await refused({"checkout": str(checkout)})
    assert (why.reason, why.looked_at) == (Reason.NOT_CONFIGURED, str(checkout))
    assert FILE in why.detail


async def test_a_broken_checkout_is_a_finding(checkout: Path) -> None:
    """A file that does not parse is evidence against the source, not a lack of sight."""
    (checkout / FILE).write_text("TIMEOUTS = {", encoding="utf-8")
    said = await read_settings(Looking({"checkout": str(checkout)}))
    assert said.broken_kind == "syntax"


# --- the service's own report ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The authority that the profile trusts."""
    return Certificates(tmp_path_factory.mktemp("certificates"), [])


@asynccontextmanager
async def service(certificates: Certificates, answer: bytes | None) -> AsyncIterator[str]:
    """Yield the URL of a service over verified HTTPS that gives one answer; None: it stays silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificates.context())
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/settings"


def http(status: str, body: object) -> bytes:
    """Return an HTTP answer with a JSON body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + content


async def test_a_report_is_read(certificates: Certificates, checkout: Path) -> None:
    """The service's own report outweighs a checkout; what it does not report is absent."""
    async with service(certificates, http("200 OK", REPORT)) as url:
        said = await read_settings(Looking({"report_url": url, "checkout": str(checkout)}, certificates.ca_file))
    assert (said.source, said.where, set(said.timeouts)) == ("report", url, {"initialization_timeout", "pool_timeout"})
    assert (said.timeout("pool_timeout"), said.pool_value("pool_size")) == (45.0, 10.0)


@pytest.mark.parametrize(
    "value", ["75.0", True, None, float("inf"), 10**400, [75.0]], ids=lambda value: f"{value!r:.8}"
)
async def test_what_is_reported_but_no_number(certificates: Certificates, value: object) -> None:
    """A reported value that is no finite number is not compared, and says what it is."""
    report = {"timeouts": {"initialization_timeout": value}, "pool": {}}
    async with service(certificates, http("200 OK", report)) as url:
        said = await read_settings(Looking({"report_url": url}, certificates.ca_file))
    assert said.timeouts["initialization_timeout"].value is None
    assert "which is no finite number" in str(said.timeouts["initialization_timeout"].unknowable)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (http("500 Internal Server Error", REPORT), "HTTP 500"),
        (http("302 Found", REPORT), "HTTP 302"),
        (http("200 OK", b"<html>"), NO_TABLES),
        (http("200 OK", []), NO_TABLES),
        (http("200 OK", {"status": "healthy"}), NO_TABLES),
        (http("200 OK", {"timeouts": {}, "pool": 10}), NO_TABLES),
        (b"nonsense\r\n\r\n", "could not be read"),
        (b"", "the connection was closed by the other side"),
    ],
    ids=["500", "redirect", "html", "list", "other-object", "half", "no-http", "cut"],
)
async def test_a_report_that_cannot_be_read(certificates: Certificates, answer: bytes, detail: str) -> None:
    """A service that does not report is a matter of its health: the settings are blocked on HLT-BACKEND."""
    async with service(certificates, answer) as url:
        why = await refused({"report_url": url}, certificates.ca_file)
    assert (why.reason, why.criterion, why.looked_at) == (Reason.DEPENDENCY, "HLT-BACKEND", url)
    assert detail in why.detail


async def test_a_silent_service(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that accepts and never answers is given up at the limit."""
    monkeypatch.setattr(backend_source, "REPORT_MAX_S", 0.4)
    async with service(certificates, None) as url:
        why = await refused({"report_url": url}, certificates.ca_file)
    assert (why.reason, why.criterion) == (Reason.DEPENDENCY, "HLT-BACKEND")


async def test_a_report_of_a_stranger(certificates: Certificates) -> None:
    """A report under a certificate that the profile does not trust is not believed; nor is one from nowhere."""
    async with service(certificates, http("200 OK", REPORT)) as url:
        assert (await refused({"report_url": url})).reason is Reason.DEPENDENCY
    with ports.reserve() as closed:
        why = await refused({"report_url": f"https://127.0.0.1:{ports.number(closed)}/settings"})
    assert why.reason is Reason.DEPENDENCY


# --- the backend's own interpreter ----------------------------------------------------------------


async def asked(checkout: Path) -> DatabaseSettings:
    """Ask this interpreter, started in the checkout."""
    return await read_settings(Looking({"python": sys.executable, "python_root": str(checkout)}))


def files(directory: Path) -> list[Path]:
    """Return everything in a directory."""
    return sorted(directory.rglob("*"))


async def test_the_interpreter_is_asked(checkout: Path) -> None:
    """An interpreter that finds the backend where it is started gives the lock, and leaves nothing behind."""
    before = files(checkout)
    said = await asked(checkout)
    assert (said.source, said.where, said.broken) == ("subprocess", sys.executable, None)
    assert {name: said.timeout(name) for name in said.timeouts} == load("staging").lock.timeouts.model_dump()
    assert said.pool_value("capacity_safety_margin") == 0.8
    assert files(checkout) == before


async def test_the_interpreter_finds_an_installed_backend(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a directory of its own, the interpreter finds what its environment says, here by PYTHONPATH."""
    monkeypatch.setenv("PYTHONPATH", str(checkout))
    said = await read_settings(Looking({"python": sys.executable}))
    assert said.timeout("initialization_timeout") == 75.0


async def test_the_current_directory_is_not_the_backend(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that lies in the current directory by chance is not asked; the profile is to say where it is."""
    monkeypatch.chdir(checkout)
    why = await refused({"python": sys.executable})
    assert why.reason is Reason.NOT_CONFIGURED
    assert "declare backend_source.python_root" in why.detail


async def test_computed_values_are_seen_by_running(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reading cannot tell, the interpreter can, whatever the backend prints on its way in and out."""
    monkeypatch.setenv("ALLCLEAR_TEST_TIMEOUT", "62.5")
    text = """
        import atexit, os
        print("starting")
        atexit.register(print, "{}")
        def get_database_timeout_config(environment):
            return {"initialization_timeout": float(os.environ["ALLCLEAR_TEST_TIMEOUT"]), "pool_timeout": float("inf")}
        def get_cloud_sql_optimized_config(environment):
            return {"pool_config": {"pool_size": 10, "max_overflow": object()}}
    """
    (checkout / FILE).write_text(dedent(text), encoding="utf-8")
    said = await asked(checkout)
    assert (said.timeout("initialization_timeout"), said.pool_value("pool_size")) == (62.5, 10.0)
    assert said.unknowable == ("pool_timeout", "max_overflow")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import lost_module\n", "ModuleNotFoundError: No module named 'lost_module'"),
        ("TIMEOUTS = {\n", "SyntaxError"),
        ("TIMEOUTS = {}\n", "has no attribute 'get_database_timeout_config'"),
        ("raise SystemExit\n", "it ended with exit code 0 and said nothing"),
        ("def get_database_timeout_config(environment):\n    return 1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
    ids=["lost-import", "syntax", "no-function", "exits", "raises"],
)
async def test_a_backend_that_cannot_answer(checkout: Path, text: str, said: str) -> None:
    """A backend that raises, or ends, instead of answering for its settings is a finding against it."""
    (checkout / FILE).write_text(text, encoding="utf-8")
    settings = await asked(checkout)
    assert (settings.broken_kind, settings.timeouts, settings.pool) == ("raises", {}, {})
    assert said in str(settings.broken)


async def test_a_backend_that_hangs(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that never ends its import is given up at the limit."""
    monkeypatch.setattr(backend_source, "INTERPRETER_MAX_S", 0.5)
    (checkout / FILE).write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    why = await refused({"python": sys.executable, "python_root": str(checkout)})
    assert why.reason is Reason.UNKNOWABLE


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"python": "/nowhere/bin/python"}, Reason.TOOL_MISSING),
        ({"python": "no-such-interpreter"}, Reason.TOOL_MISSING),
        ({"python": str(Path(__file__).parent)}, Reason.TOOL_MISSING),
        ({"python": sys.executable, "python_root": "/nowhere"}, Reason.NOT_CONFIGURED),
    ],
    ids=["path", "name", "folder", "root"],
)
async def test_an_interpreter_that_is_not_there(source: dict[str, str], reason: Reason) -> None:
    """An interpreter or a directory that does not exist is our own lack, and named."""
    why = await refused(source)
    assert why.reason is reason
    assert next(reversed(source.values())) in why.detail
