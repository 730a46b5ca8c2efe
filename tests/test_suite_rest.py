"""What the suites beside the plan's phases say of made-up evidence: preflight, prevention and soak."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import suites.preflight.test_0_vantage as preflight
from fixtures.evidence.base import Attempt, Evidence, Reason, Why
from fixtures.evidence.identity import Identity
from fixtures.evidence.parity import Parity, SharedSetting
from fixtures.evidence.preflight import Apis, ApiState, Grant, Permissions, Project, Tool, Tools, Ways
from fixtures.evidence.reach import Control, Controls
from fixtures.evidence.settings import DatabaseSettings, Setting
from fixtures.evidence.soak import Blind, Lapse, Soak, Track
from fixtures.expect import Judgement, Locked
from fixtures.profile import load
from fixtures.profile.lock import Pool, Timeouts
from suites.prevention.test_lock import test_settings_can_be_locked as settings_can_be_locked
from suites.prevention.test_parity import test_targets_agree as targets_agree
from suites.soak.test_soak import test_everything_holds as everything_holds
from tests.on_evidence import judged

STAGING = load("staging")
LOCK = Locked(STAGING.lock, "lock")
NOON = datetime(2025, 9, 16, 12, 0, tzinfo=UTC)
TODAY = NOON.date()


def seen(evidence: Evidence) -> Attempt[Any]:
    """Return a probe's answer, which it had at noon."""
    return Attempt(evidence=evidence, started_at=NOON, seconds=0.0, source="a test")


def compared(judgement: Judgement) -> list[tuple[str, str, str]]:
    """Return subject, observed value and symptom of every comparison, and that it only warns."""
    return [(one.subject, one.observed, f"{one.symptom}{'?' * one.warning}") for one in judgement.comparisons]


# ---- preflight


@pytest.mark.parametrize(("principal", "note"), [("a@x.example", "a@x.example"), (None, "an account that Google")])
def test_whose_credentials_they_are_is_told(principal: str | None, note: str) -> None:
    """Credentials hold by their kind, and whose they are is a note."""
    identity = Identity(principal=principal, kind="user", expires_at=None)
    judgement = judged(preflight.test_credentials_are_present, seen(identity))
    assert compared(judgement) == [("Google credentials", "user", "")]
    assert judgement.notes[0].startswith(f"those of {note}")


def test_credentials_of_no_kind_are_whose_nobody_says() -> None:
    """Without a kind there are no credentials, and nothing is said of whose they are."""
    judgement = judged(preflight.test_credentials_are_present, seen(Identity(principal="a", kind="", expires_at=None)))
    assert (compared(judgement), judgement.notes) == ([("Google credentials", "", "missing")], [])


LIFE = "life of a token that cannot be renewed"
VALID = ("the access token", "valid", "")


@pytest.mark.parametrize(
    ("minutes", "renewable", "comparisons"),
    [
        (31, False, [VALID, (LIFE, "1860 s", "?")]),
        (30, False, [VALID, (LIFE, "1800 s", "?")]),
        (29, False, [VALID, (LIFE, "1740 s", "too-short?")]),
        (29, True, [VALID]),
        (None, False, [VALID]),
        (None, True, [VALID]),
        (-1, True, []),
    ],
)
def test_the_life_of_a_token(minutes: int | None, renewable: bool, comparisons: list[Any]) -> None:
    """Only a token that ends and cannot be renewed is measured, and only warns; one that has ended blocks."""
    ends = None if minutes is None else NOON + timedelta(minutes=minutes)
    identity = Identity(principal=None, kind="user", expires_at=ends, renewable=renewable)
    judgement = judged(preflight.test_token_outlives_the_run, seen(identity), LOCK)
    assert compared(judgement) == comparisons
    assert [why.reason for why in judgement.blocked] == [Reason.CREDENTIALS_EXPIRED] * (not comparisons)


@pytest.mark.parametrize(
    ("state", "comparisons", "reasons"),
    [("ACTIVE", [("the project p", "active", "")], []), ("DELETE_REQUESTED", [], [Reason.NOT_CONFIGURED])],
)
def test_a_project_that_is_shut_down_blocks(state: str, comparisons: list[Any], reasons: list[Reason]) -> None:
    """An active project holds, any other blocks."""
    judgement = judged(preflight.test_project_is_seen, seen(Project(id="p", number="1", state=state)))
    assert compared(judgement) == comparisons
    assert [why.reason for why in judgement.blocked] == reasons


@pytest.mark.parametrize(
    ("granted", "vital", "comparisons", "blocked", "notes"),
    [
        (True, True, [("a.b.get on projects/p", "granted", "")], 0, ["1 of 1 permissions are granted"]),
        (False, True, [], 1, ["0 of 1 permissions are granted"]),
        (True, False, [("a.b.get (roles/x)", "granted", "?")], 0, ["1 of 1 permissions are granted"]),
        (False, False, [("a.b.get (roles/x)", "missing", "not-granted?")], 0, ["0 of 1 permissions are granted"]),
        (
            None,
            True,
            [],
            0,
            ["0 of 1 permissions are granted", "Google does not say of a project whether a.b.get is granted"],
        ),
    ],
)
def test_a_permission(
    granted: bool | None, vital: bool, comparisons: list[Any], blocked: int, notes: list[str]
) -> None:
    """A vital permission blocks when it is missing, another one warns, and one that nobody knows of is noted."""
    grant = Grant(permission="a.b.get", role="roles/x", vital=vital, granted=granted, where="projects/p")
    judgement = judged(preflight.test_permissions_are_granted, seen(Permissions(grants=(grant,))))
    assert (compared(judgement), len(judgement.blocked), judgement.notes) == (comparisons, blocked, notes)


def test_an_api_that_is_off_blocks() -> None:
    """Of two APIs the one that is on holds, and the other blocks."""
    apis = Apis(apis=(ApiState(service="a", enabled=True), ApiState(service="b", enabled=False)))
    judgement = judged(preflight.test_apis_are_switched_on, seen(apis))
    assert compared(judgement) == [("a", "switched on", "")]
    assert [why.reason for why in judgement.blocked] == [Reason.API_DISABLED]
    assert judgement.notes == ["1 of 2 APIs are switched on"]


def door(host: str, *, answered: bool) -> Control:
    """Return a dialled address."""
    return Control(host=host, port=1, resolved=None, answered=answered, seconds=0.0, detail="timed out")


def test_what_is_silent_warns() -> None:
    """Each host that is silent warns by its label, and an address that is not known is noted."""
    public = Controls(controls=(door("google", answered=True), door("app", answered=False)))
    ways = Ways(ways={"Redis": door("10.0.0.1", answered=False)}, unknown=("database",))
    judgement = judged(preflight.test_hosts_can_be_reached, seen(public), seen(ways))
    assert compared(judgement) == [
        ("the network", "something answers", ""),
        ("google:1", "answers", "?"),
        ("app:1", "timed out", "unreachable?"),
        ("Redis at 10.0.0.1:1", "timed out", "unreachable?"),
    ]
    assert judgement.notes == ["1 of 3 hosts and ports answer", "the address of the database is not known"]


def test_without_a_network_nothing_can_be_said() -> None:
    """Where nothing at all answers, the network blocks."""
    public = Controls(controls=(door("google", answered=False),))
    judgement = judged(preflight.test_hosts_can_be_reached, seen(public), seen(Ways(ways={})))
    assert [why.reason for why in judgement.blocked] == [Reason.NO_ROUTE]
    assert compared(judgement) == [("google:1", "timed out", "unreachable?")]


def test_tools() -> None:
    """A tool that something is lost without is compared, any other only noted."""
    given = [("a", "1.0", True), ("b", None, True), ("c", None, False)]
    tools = Tools(tools=tuple(Tool(name=n, version=v, purpose="x", vital=vital) for n, v, vital in given))
    judgement = judged(preflight.test_tools_are_installed, seen(tools))
    assert compared(judgement) == [("a", "there", ""), ("b", "not there", "tool-missing")]
    assert judgement.notes == ["a: 1.0 (x)", "b: none (x)", "c: none (x)"]


# ---- prevention

FINE = {
    "timeouts": {name: Setting(value=1.0, where="x") for name in Timeouts.model_fields},
    "pool": {name: Setting(value=1.0, where="x") for name in Pool.model_fields},
}
COMPUTED = {**FINE["pool"], "pool_size": Setting(value=None, where="x", unknowable="it is computed")}


@pytest.mark.parametrize(
    ("values", "symptoms"),
    [
        ({}, []),
        ({"broken_kind": "merge-markers"}, ["merge-markers"]),
        ({"pool": {}}, ["missing"]),
        ({"duplicates": ("pool_size is 10 and 20",)}, ["duplicate"]),
        ({"pool": COMPUTED}, ["computed"]),
    ],
    ids=["fine", "broken", "undefined", "twice", "computed"],
)
def test_settings_that_cannot_be_locked(values: dict[str, Any], symptoms: list[str]) -> None:
    """Each of the four ways in which a checkout's settings cannot be relied on has its symptom."""
    evidence = DatabaseSettings(source="checkout", where="x", environment="e", **{**FINE, **values})
    judgement = judged(settings_can_be_locked, seen(evidence))
    assert len(judgement.comparisons) == 4
    assert [one.symptom for one in judgement.violations] == symptoms


DIFFERS = SharedSetting(name="size", here="10", there="20")
AGREES = SharedSetting(name="size", here="15", there="15")
HIDDEN = Why(reason=Reason.NO_ROUTE, detail="no route")
UNUSED = ("an exception that is not needed", "size", "exception-unused")
LABEL = "size, against production"


@pytest.mark.parametrize(
    ("settings", "expires", "unseen", "comparisons"),
    [
        ([DIFFERS], None, (), [(LABEL, "10", "differs")]),
        ([DIFFERS], TODAY, (), []),
        ([DIFFERS], TODAY + timedelta(days=1), (HIDDEN,), []),
        ([DIFFERS], TODAY - timedelta(days=1), (), [(LABEL, "10", "exception-expired")]),
        ([AGREES], None, (), [(LABEL, "15", "")]),
        ([AGREES], TODAY, (), [(LABEL, "15", ""), UNUSED]),
        ([AGREES], TODAY, (HIDDEN,), [(LABEL, "15", ""), UNUSED]),
        ([], TODAY, (), [UNUSED]),
        ([], TODAY, (HIDDEN,), []),
    ],
)
def test_exceptions(
    settings: list[SharedSetting], expires: date | None, unseen: tuple[Why, ...], comparisons: list[Any]
) -> None:
    """An exception covers a difference to its last day; one that covers nothing that could be seen is told."""
    exceptions = [] if expires is None else [{"setting": "size", "reason": "meant", "expires": expires}]
    profile = load("staging", {"parity": {"against": "replica", "exceptions": exceptions}})
    evidence = Parity(against="production", settings=tuple(settings), unseen=unseen)
    judgement = judged(targets_agree, seen(evidence), profile)
    assert (compared(judgement), judgement.blocked) == (comparisons, list(unseen))
    told = [f"size: 10 here, 20 there; allowed until {expires}: meant"]
    assert judgement.notes == told * (settings == [DIFFERS] and not comparisons)


def test_a_profile_that_compares_with_nothing_allows_nothing() -> None:
    """Without a table of exceptions every difference is told."""
    profile = STAGING.model_copy(update={"parity": None})
    judgement = judged(targets_agree, seen(Parity(against="production", settings=(DIFFERS,))), profile)
    assert compared(judgement) == [(LABEL, "10", "differs")]


# ---- soak

WELL = {name: Track(count=180, slowest_s=0.2, slowest_at_s=60.0) for name in ("backend", "sessions", "login", "socket")}


def soaked(length: str | None = None, tracks: dict[str, Track] | None = None, **values: Any) -> Judgement:
    """Return what SOAK makes of a soak, of whose tracks some are as given."""
    profile = load("staging", {"soak": {"length": length}} if length else None)
    whole = {"began_at": NOON, "asked_s": 1800.0, "held_s": 1800.0, "tracks": {**WELL, **(tracks or {})}}
    return judged(everything_holds, seen(Soak(**{**whole, **values})), profile, LOCK, Locked(profile, ""))


@pytest.mark.parametrize(
    ("length", "asked_s", "held_s", "symptoms", "reservations"),
    [
        (None, 1800.0, 1800.0, [""], 0),
        (None, 60.0, 60.0, ["below"], 0),
        ("30 min", 1800.0, 1800.0, [""], 0),
        ("40 min", 2400.0, 2400.0, [""], 0),
        ("29 min", 1740.0, 1740.0, [""], 1),
        ("29 min", 1740.0, 1739.0, [], 1),
    ],
)
def test_how_long_it_held(
    length: str | None, asked_s: float, held_s: float, symptoms: list[str], reservations: int
) -> None:
    """It is held to what was asked, with a reservation where that is less than the plan's; cut short, it blocks."""
    judgement = soaked(length, asked_s=asked_s, held_s=held_s)
    assert [one.symptom for one in judgement.comparisons if one.subject == "held for"] == symptoms
    assert len(judgement.reservations) == reservations
    assert [why.looked_at for why in judgement.blocked] == ["soak"] * (not symptoms)


def test_what_was_not_watched_blocks() -> None:
    """A gap and a thing without a look block, and the latter is not compared."""
    gap = Blind(track="backend", from_s=60.0, until_s=90.0, why=HIDDEN)
    judgement = soaked(blind=(gap,), tracks={"socket": Track()})
    assert [why.detail for why in judgement.blocked] == [
        "could not look at backend from 12:01:00Z to 12:01:30Z: no route",
        "socket was not looked at once",
    ]
    assert "openings and pings of the socket" not in [one.subject for one in judgement.comparisons]


@pytest.mark.parametrize(
    ("track", "label", "symptom"),
    [
        ("backend", f"health calls of {STAGING.services.backend.name}", "health-lapses"),
        ("sessions", f"fresh sessions of {STAGING.database.instance}", "sessions-lost"),
        ("socket", "openings and pings of the socket", "socket-lost"),
        ("login", "logins and renewals of the token", "login-lost"),
    ],
)
def test_each_track_fails_by_its_symptom(track: str, label: str, symptom: str) -> None:
    """One failed look is a violation of that track alone, and the time of it is told."""
    lapse = Lapse(from_s=61.0, until_s=61.0, times=1, kind="cut")
    judgement = soaked(tracks={track: Track(count=9, failed=1, lapses=(lapse,))})
    assert [(one.subject, one.symptom) for one in judgement.violations] == [(label, symptom)]
    assert f"{track}: cut at 12:01:01Z" in judgement.notes
    assert [note for note in judgement.notes if "slowest" in note] == [
        f"{name}: slowest 0.200 s at 12:01:00Z" for name in WELL if name != track
    ]
    assert ("slowest session" in [one.subject for one in judgement.comparisons]) is (track != "sessions")


@pytest.mark.parametrize(("lapses", "more", "rest"), [(5, 0, []), (6, 0, ["and 1 more"]), (5, 2, ["and 2 more"])])
def test_some_lapses_are_told(lapses: int, more: int, rest: list[str]) -> None:
    """Five lapses are told one by one, and how many more there are only where there are more."""
    one = Lapse(from_s=1.0, until_s=3.0, times=2, kind="slow")
    track = Track(count=99, failed=20, lapses=(one,) * lapses, more_lapses=more)
    notes = [note for note in soaked(tracks={"backend": track}).notes if note.startswith("backend: ")]
    told = ["backend: slow 2 times from 12:00:01Z to 12:00:03Z"] * 5
    assert notes == [*told, *(f"backend: {text}" for text in rest)]


@pytest.mark.parametrize(("name", "before"), [("connect_warning", 0), ("connect_critical", 1)])
def test_the_slowest_session_at_each_level(name: str, before: int) -> None:
    """A session just inside an alert level does not pass it, one on it does; neither fails."""
    level = getattr(STAGING.lock.limits, name)
    for seconds, passed in ((level - 0.001, before), (level, before + 1)):
        judgement = soaked(tracks={"sessions": Track(count=60, slowest_s=seconds, slowest_at_s=1.0)})
        assert [one.symptom for one in judgement.warnings] == ["sessions-slow"] * passed
        assert judgement.violations == []
        assert [one.subject for one in judgement.comparisons].count("slowest session") == 2


@pytest.mark.parametrize(("lifetime_s", "lives"), [(None, "an unknown time"), (900.0, "15 min")])
def test_the_life_of_its_token_is_told(lifetime_s: float | None, lives: str) -> None:
    """Where it logged in, it tells how long a token lives and how often one was renewed; elsewhere nothing."""
    assert soaked(lifetime_s=lifetime_s, renewals=2).notes[-1] == f"a token lives {lives}; renewals: 2"
    without = {name: track for name, track in WELL.items() if name != "login"}
    evidence = Soak(began_at=NOON, asked_s=1800.0, held_s=1800.0, tracks=without)
    judgement = judged(everything_holds, seen(evidence), STAGING, LOCK, Locked(STAGING, ""))
    assert not any("token" in note for note in judgement.notes)
