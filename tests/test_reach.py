"""Is it the target, or is it us: the decision, the controls, and what is shown of them."""

import os
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.evidence.base import Attempt, Blocked, Evidence, Reason
from fixtures.evidence.identity import Vantage
from fixtures.evidence.reach import Control, Controls
from fixtures.probes import controls as dialling
from fixtures.probes import reach
from fixtures.probes.controls import control_hosts, read_controls
from fixtures.probes.reach import Silence, judge, require_way, verdict
from fixtures.profile import Profile, load

OUTSIDE = Vantage(place="laptop", label="this machine (host oncall-7)", inside_vpc=False)
INSIDE = Vantage(place="vpc", label="a Cloud Run job", inside_vpc=True)
PUBLIC, PRIVATE, LOOPBACK = "8.8.4.4", "10.1.0.3", "127.0.0.1"


def control(*, resolved: bool | None = True, answered: bool = True) -> Control:
    """Return a control that went like this."""
    detail = "answered in 9 ms" if answered else "did not answer in 3 s"
    return Control(
        host="www.googleapis.com", port=443, resolved=resolved, answered=answered, seconds=0.0, detail=detail
    )


FINE = Controls(controls=(control(), control(answered=False)))
SILENT = Controls(controls=(control(answered=False),))
NAMELESS = Controls(controls=(control(resolved=False, answered=False),))


@dataclass
class Looking:
    """A context whose other probes' answers are given, and which remembers what was asked."""

    profile: Profile = field(default_factory=lambda: load("staging"))
    answers: dict[str, Evidence] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def see(self, probe: str) -> Attempt[Any]:
        """Return the given answer."""
        self.asked.append(probe)
        return Attempt(evidence=self.answers[probe], started_at=datetime.now(UTC), seconds=0.0, source=probe)


@pytest.mark.parametrize(
    ("host", "failure", "vantage", "controls", "reason"),
    [
        (LOOPBACK, "timeout", OUTSIDE, SILENT, None),
        ("::1", "refused", OUTSIDE, SILENT, None),
        (PRIVATE, "timeout", OUTSIDE, FINE, Reason.NO_ROUTE),
        (PRIVATE, "refused", OUTSIDE, FINE, Reason.NO_ROUTE),
        ("fd00::5", "unreachable", OUTSIDE, FINE, Reason.NO_ROUTE),
        (PRIVATE, "timeout", None, FINE, Reason.NO_ROUTE),
        (PRIVATE, "stalled", OUTSIDE, FINE, None),
        (PRIVATE, "timeout", INSIDE, FINE, None),
        (PRIVATE, "timeout", INSIDE, SILENT, Reason.NO_ROUTE),
        (PRIVATE, "refused", INSIDE, SILENT, None),
        (PUBLIC, "timeout", OUTSIDE, FINE, None),
        (PUBLIC, "timeout", OUTSIDE, SILENT, Reason.NO_ROUTE),
        (PUBLIC, "unreachable", INSIDE, SILENT, Reason.NO_ROUTE),
        (PUBLIC, "refused", OUTSIDE, SILENT, None),
        (PUBLIC, "cut", OUTSIDE, SILENT, None),
        ("db.example.com", "unresolved", OUTSIDE, FINE, None),
        ("db.example.com", "unresolved", OUTSIDE, NAMELESS, Reason.DNS),
        ("db.example.com", "unresolved", OUTSIDE, SILENT, Reason.NO_ROUTE),
    ],
)
def test_who_is_silent(
    host: str, failure: str, vantage: Vantage | None, controls: Controls, reason: Reason | None
) -> None:
    """The address, how it failed, where we look from and the controls decide together."""
    why = judge(Silence(host, 5432, (), failure), vantage, controls, "staging-connector")
    assert (why.reason if why is not None else None) is reason


def test_a_name_is_judged_by_its_addresses() -> None:
    """A name that stands for private addresses is private."""
    silence = Silence("db.internal", 5432, (PRIVATE,), "timeout")
    assert judge(silence, OUTSIDE, FINE, "staging-connector") is not None
    assert judge(Silence("db.internal", 5432, (PRIVATE, PUBLIC), "timeout"), OUTSIDE, FINE, "x") is None


def test_a_private_address_comes_with_the_way_to_see_it() -> None:
    """The reason says from where the same command would see it."""
    why = judge(Silence(PRIVATE, 5432, (), "timeout"), OUTSIDE, FINE, "staging-connector")
    assert why is not None
    assert all(word in why.detail for word in ("ALLCLEAR_VANTAGE=vpc", "staging-connector", "oncall-7", "same command"))


def test_controls_are_shown() -> None:
    """Each control is named with what it did, and a proxy with what it means."""
    shown = str(FINE.model_copy(update={"proxy": "HTTPS_PROXY=proxy.corp:3128"}))
    assert "www.googleapis.com:443 answered in 9 ms" in shown
    assert "HTTPS_PROXY=proxy.corp:3128" in shown


@pytest.mark.asyncio
@pytest.mark.parametrize(("host", "vantage"), [(PUBLIC, OUTSIDE), (PRIVATE, INSIDE)], ids=["public", "in the VPC"])
async def test_the_targets_own_silence_is_shown_with_the_controls(host: str, vantage: Vantage) -> None:
    """An address that can be reached and times out while a control answers is the target's failure."""
    at = Looking(answers={"vantage": vantage, "controls": FINE})
    assert "answered in 9 ms" in await verdict(at, Silence(host, 443, (), "timeout"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("silence", "asked"),
    [
        (Silence(LOOPBACK, 1, (), "timeout"), []),
        (Silence(PUBLIC, 1, (), "refused"), ["vantage"]),
    ],
)
async def test_controls_are_asked_only_where_they_decide(silence: Silence, asked: list[str]) -> None:
    """Neither this machine nor something that answered needs a control."""
    at = Looking(answers={"vantage": OUTSIDE, "controls": SILENT})
    assert await verdict(at, silence) == ""
    assert at.asked == asked


@pytest.mark.asyncio
async def test_our_own_silence_blocks() -> None:
    """Outside, a private address blocks without any control; with no control answering, a public one does too."""
    at = Looking(answers={"vantage": OUTSIDE, "controls": SILENT})
    with pytest.raises(Blocked):
        await verdict(at, Silence(PRIVATE, 5432, (), "timeout"))
    assert at.asked == ["vantage"]
    with pytest.raises(Blocked) as caught:
        await verdict(at, Silence(PUBLIC, 443, (), "timeout"))
    assert "did not answer in 3 s" in caught.value.why.detail


@pytest.mark.asyncio
async def test_a_private_address_is_tried_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """From outside one short try decides; inside the VPC, or for this machine, none is made."""
    tried: list[str] = []

    async def dial(host: str, _: int) -> Control:
        tried.append(host)
        return control(answered=False)

    monkeypatch.setattr(reach, "dial", dial)
    await require_way(Looking(answers={"vantage": INSIDE}), PRIVATE, 5432)
    outside = Looking(answers={"vantage": OUTSIDE})
    await require_way(outside, LOOPBACK, 5432)
    await require_way(outside, PUBLIC, 5432)
    assert tried == []
    with pytest.raises(Blocked) as caught:
        await require_way(outside, PRIVATE, 5432)
    assert (tried, caught.value.why.reason) == ([PRIVATE], Reason.NO_ROUTE)


@pytest.mark.asyncio
async def test_controls_tell_what_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener and a refusal both answer; a name that does not exist does not."""

    def lookup(host: str, port: int, **_: Any) -> Any:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (LOOPBACK, port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:secret@proxy.corp:3128")
    with socket.create_server((LOOPBACK, 0)) as listening, socket.socket() as closed:
        closed.bind((LOOPBACK, 0))
        urls = {
            "backend": {"url": f"https://{LOOPBACK}:{listening.getsockname()[1]}"},
            "auth": {"url": f"http://localhost:{closed.getsockname()[1]}"},
            "app": {"url": "https://app.invalid"},
        }
        endpoints = {"run": "https://run.invalid"}
        seen = await read_controls(Looking(load("staging", {"services": urls, "google": {"endpoints": endpoints}})))
    assert [(one.answered, one.resolved) for one in seen.controls] == [
        (True, None),
        (True, True),
        (False, False),
        (False, False),
    ]
    assert seen.proxy == "HTTPS_PROXY=proxy.corp:3128"
    assert (seen.names_resolve, seen.any_answered) == (True, True)


@pytest.mark.asyncio
async def test_a_control_that_hangs_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name lookup that never returns ends at the control's limit."""
    monkeypatch.setattr(dialling, "CONTROL_MAX_S", 0.05)
    reader, writer = os.pipe()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: os.read(reader, 1))
    hung = await dialling.dial("database.example", 5432)
    os.write(writer, b"x")
    os.close(writer)
    assert (hung.answered, hung.resolved) == (False, False)
    assert "did not answer" in hung.detail


def test_controls_are_the_other_hosts_and_googles_front() -> None:
    """Staging's controls are its three services and Google's own front, each once."""
    assert control_hosts(load("staging")) == [
        ("backend.staging.netrasystems.ai", 443),
        ("auth.staging.netrasystems.ai", 443),
        ("app.staging.netrasystems.ai", 443),
        ("www.googleapis.com", 443),
    ]
    endpoints = {"run": "http://127.0.0.1:8080", "sqladmin": "http://127.0.0.1:8080"}
    assert control_hosts(load("staging", {"google": {"endpoints": endpoints}}))[3:] == [("127.0.0.1", 8080)]
