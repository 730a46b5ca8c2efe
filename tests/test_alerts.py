"""What alert policies alert on, whom they tell, and how the backend's own handler is driven."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.engine.runner import Runner
from fixtures.evidence.alerts import AlertHandler, AlertPolicies, Fired, Level
from fixtures.evidence.base import Blocked, Reason
from fixtures.probes import alert_handler, alert_policies
from fixtures.probes.alert_condition import NotUnderstood, about_connections, read_condition
from fixtures.probes.alert_handler import Backend, close_to, drive, values
from fixtures.probes.alert_policies import understand
from fixtures.profile import Profile, load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.google.server import ControlPlane
from fixtures.replica.resources import AlertPolicy
from fixtures.replica.source_tree import write_source_tree
from fixtures.replica.world import Denial, World

METRIC = "custom.googleapis.com/database/connection_time"
IN_MS = "logging.googleapis.com/user/connect-ms"
UNITS = {METRIC: "s", IN_MS: "ms"}
FILE = "netra_backend/app/core/database_timeout_config.py"
RAISES = """
def register_connection_alert_handler(handler):
    raise ValueError("password=hunter2hunter2")

def monitor_connection_attempt(environment, connection_time, success):
    pass
"""
CHANNEL = "projects/p/notificationChannels/1"


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The replica's profile, which knows a second metric in milliseconds."""
    return load("replica", {"monitoring": {"also": {IN_MS: "ms"}}})


def threshold(text: str = f'metric.type="{METRIC}"', **told: Any) -> dict[str, Any]:
    """Return a threshold condition."""
    plain = {"filter": text, "comparison": "COMPARISON_GT", "thresholdValue": 25.0, "duration": "60s"}
    return {"displayName": "c", "conditionThreshold": {**plain, **told}}


def query(kind: str, text: str) -> dict[str, Any]:
    """Return a condition in MQL or PromQL."""
    return {f"condition{kind}QueryLanguage": {"query": text, "duration": "120s"}}


@pytest.mark.parametrize(
    ("condition", "understood"),
    [
        (threshold(), (25.0, ">", 60.0)),
        (threshold(comparison="COMPARISON_GE", duration="0s"), (25.0, ">=", 0.0)),
        (threshold(comparison="COMPARISON_LT"), (25.0, "<", 60.0)),
        (threshold(f'metric.type="{IN_MS}"', thresholdValue=25000), (25.0, ">", 60.0)),
        (threshold(thresholdValue=None) | {}, None),
        (threshold(f'resource.type = "generic_task" AND metric.type = "{METRIC}"'), (25.0, ">", 60.0)),
        (threshold(f'metric.type="{METRIC}" AND metric.labels.environment="staging"'), (25.0, ">", 60.0)),
        (threshold(f'metric.type="{METRIC}" AND metric.label.environment="production"'), None),
        (threshold(f'metric.type="{METRIC}" AND resource.labels.service_name="netra-backend-staging"'), (25, ">", 60)),
        (threshold(f'metric.type="{METRIC}" AND resource.labels.service_name="another"'), None),
        (threshold(f'metric.type="{METRIC}" OR metric.type="x"'), None),
        (threshold(f'metric.type="{METRIC}" AND NOT metric.label.a="b"'), None),
        (threshold(f'metric.type="x" AND metric.label.other="{METRIC}"'), None),
        (threshold(aggregations=[{"perSeriesAligner": "ALIGN_PERCENTILE_99"}]), (25.0, ">", 60.0)),
        (
            threshold(aggregations=[{"perSeriesAligner": "ALIGN_DELTA", "crossSeriesReducer": "REDUCE_PERCENTILE_95"}]),
            (25.0, ">", 60.0),
        ),
        (threshold(aggregations=[{"perSeriesAligner": "ALIGN_RATE"}]), None),
        (threshold(aggregations=[{"crossSeriesReducer": "REDUCE_COUNT"}]), None),
        (threshold(aggregations=[{"perSeriesAligner": "ALIGN_MIN"}]), None),
        (threshold(denominatorFilter="x"), None),
        (threshold(forecastOptions={"forecastHorizon": "3600s"}), None),
        (threshold(comparison="COMPARISON_UNSPECIFIED"), None),
        (query("Monitoring", f"fetch generic_task::{METRIC} | every 1m | condition val() > 25"), (25.0, ">", 120.0)),
        (
            query("Monitoring", f"fetch generic_task | metric '{IN_MS}' | align mean() | condition val() >= 25 's'"),
            (25.0, ">=", 120.0),
        ),
        (query("Monitoring", f"fetch generic_task::{IN_MS} | condition val() > 25000"), (25.0, ">", 120.0)),
        (query("Monitoring", f"fetch x::{METRIC} | filter a == 'b' | condition val() > 25"), None),
        (query("Monitoring", f"{{ fetch x::{METRIC} ; fetch y::z }} | ratio | condition val() > 25"), None),
        (query("Monitoring", f"fetch x::{METRIC} | condition val() > 25 'furlong'"), None),
        (query("Prometheus", "custom_googleapis_com:database_connection_time > 25"), (25.0, ">", 120.0)),
        (query("Prometheus", f'max(max_over_time({{"{METRIC}"}}[5m])) >= 25.0'), (25.0, ">=", 120.0)),
        (query("Prometheus", "avg(logging_googleapis_com:user_connect_ms) > 25000"), (25.0, ">", 120.0)),
        (query("Prometheus", "rate(custom_googleapis_com:database_connection_time[5m]) > 25"), None),
        (query("Prometheus", 'custom_googleapis_com:database_connection_time{env="x"} > 25'), None),
        (query("Prometheus", "custom_googleapis_com:database_connection_time > 25 and up"), None),
        ({"conditionAbsent": {"filter": f'metric.type="{METRIC}"'}}, None),
        ({"displayName": METRIC}, None),
    ],
)
def test_conditions(profile: Profile, condition: dict[str, Any], understood: tuple[float, str, float] | None) -> None:
    """A condition that is plain is understood, in seconds; any other one says that it is not."""
    if condition.get("conditionThreshold", {}).get("thresholdValue", 0) is None:
        del condition["conditionThreshold"]["thresholdValue"]
        understood = (0.0, ">", 60.0)
    assert about_connections(condition, UNITS)
    if understood is None:
        with pytest.raises(NotUnderstood):
            read_condition(condition, profile, UNITS)
    else:
        found = read_condition(condition, profile, UNITS)
        assert (found.seconds, found.comparison, found.duration_s) == understood


def policy(**told: Any) -> dict[str, Any]:
    """Return a policy of one condition."""
    plain = {"displayName": "p", "enabled": True, "combiner": "OR", "notificationChannels": [CHANNEL]}
    return {**plain, "conditions": [threshold()], **told}


@pytest.mark.parametrize(
    ("told", "channel", "flaw"),
    [
        ({}, {"type": "email"}, None),
        ({}, {"type": "email", "enabled": True, "verificationStatus": "VERIFIED"}, None),
        ({"enabled": False}, {"type": "email"}, "disabled"),
        ({"enabled": None}, {"type": "email"}, "disabled"),
        ({"validity": {"code": 3, "message": "no such metric"}}, {"type": "email"}, "invalid"),
        ({"validity": {}}, {"type": "email"}, None),
        ({"conditions": [threshold(comparison="COMPARISON_LT")]}, {"type": "email"}, "wrong-comparison"),
        ({"conditions": [threshold(duration="301s")]}, {"type": "email"}, "too-slow"),
        ({"notificationChannels": []}, {"type": "email"}, "no-channel"),
        ({}, {"type": "email", "enabled": False}, "channel-disabled"),
        ({}, {"type": "sms", "verificationStatus": "UNVERIFIED"}, "channel-disabled"),
        ({}, None, "channel-disabled"),
    ],
)
def test_flaws(profile: Profile, told: dict[str, Any], channel: dict[str, Any] | None, flaw: str | None) -> None:
    """A policy that would tell nobody of a slow connection says what keeps it from that."""
    seen = understand([policy(**told)], {} if channel is None else {CHANNEL: channel}, profile)
    assert [level.flaw for level in seen.levels] == [flaw]


def test_unseen_channels_are_taken_as_declared(profile: Profile) -> None:
    """Where the channels may not be read, a policy that names one is taken to tell somebody."""
    (level,) = understand([policy()], None, profile).levels
    assert (level.flaw, level.channels) == (None, ("1",))


def test_conditions_that_must_meet_are_not_understood(profile: Profile) -> None:
    """A level that alerts only together with another condition is no level of its own."""
    both = policy(combiner="AND", conditions=[threshold(), threshold(thresholdValue=20.0)])
    seen = understand([both], {}, profile)
    assert (seen.levels, len(seen.not_understood)) == ((), 2)
    either = policy(conditions=[threshold(), threshold(thresholdValue=20.0)])
    assert [one.seconds for one in understand([either], {}, profile).levels] == [25.0, 20.0]


def test_other_policies_are_only_counted(profile: Profile) -> None:
    """A policy about something else is neither a level nor something that was not understood."""
    seen = understand([policy(conditions=[threshold('metric.type="x"')])], {}, profile)
    assert (seen.policies, seen.levels, seen.not_understood) == (1, (), ())


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
    """The healthy world, fresh for each test."""
    world, control = plane
    vars(world).update(vars(build_world(load("replica"))))
    world.ports.google = int(control.url.rsplit(":", 1)[1])
    control.seen.clear()
    return world


async def policies(plane: tuple[World, ControlPlane]) -> AlertPolicies:
    """Return what the probe sees."""
    value = (await Runner(load("replica", plane[1].overlay())).see("alert_policies")).value
    assert isinstance(value, AlertPolicies)
    return value


@pytest.mark.asyncio
async def test_planned_policies(world: World, plane: tuple[World, ControlPlane]) -> None:
    """The healthy target has both levels, sound, among its other policies."""
    seen = await policies(plane)
    assert {(one.seconds, one.flaw, one.channels) for one in seen.levels} == {
        (20.0, None, ("on-call",)),
        (25.0, None, ("on-call",)),
    }
    assert (seen.policies, seen.not_understood, seen.channels_unseen) == (3, (), "")
    assert "example.com" not in seen.model_dump_json()


@pytest.mark.asyncio
async def test_policies_of_many_pages(
    world: World, plane: tuple[World, ControlPlane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Policies are read to the last page; more than can be read are not taken for all."""
    monkeypatch.setattr(alert_policies, "PAGE", 2)
    other = [AlertPolicy(f"other {number}", "x", 1.0, "WARNING", []) for number in range(9)]
    world.alert_policies = other + world.alert_policies
    assert (await policies(plane)).policies == 12
    monkeypatch.setattr(alert_policies, "MOST_PAGES", 3)
    why = (await Runner(load("replica", plane[1].overlay())).see("alert_policies")).blocked
    assert why is not None
    assert why.reason is Reason.UNKNOWABLE


@pytest.mark.parametrize(
    ("methods", "blocked"), [("monitoring.projects.alertPolicies.", True), ("monitoring.projects.notif", False)]
)
@pytest.mark.asyncio
async def test_forbidden(world: World, plane: tuple[World, ControlPlane], methods: str, *, blocked: bool) -> None:
    """Policies that may not be read are blocked; channels that may not are said not to be known."""
    world.denials.append(Denial("permission", methods))
    answer = await Runner(load("replica", plane[1].overlay())).see("alert_policies")
    if blocked:
        assert answer.blocked is not None
        assert (answer.blocked.permission, answer.blocked.role) == (
            "monitoring.alertPolicies.list",
            "roles/monitoring.viewer",
        )
    else:
        assert "notificationChannels.list" in answer.value.channels_unseen
        assert {one.flaw for one in answer.value.levels} == {None}


@pytest.mark.parametrize(
    ("silent_until", "fires_from", "named", "at"),
    [
        (20.0, 20.5, 20.0, 20.0),
        (19.5, 20.0, 20.0, 20.0),
        (20.0, 20.5, None, 20.0),
        (28.0, 28.5, 28.0, 28.0),
        (33.0, 33.5, 33.25, 33.25),
        (28.0, 28.5, 20.0, 28.5),
        (28.0, 28.5, None, 28.5),
        (None, 0.5, None, 0.5),
        (None, None, None, None),
    ],
)
def test_fired_level(
    silent_until: float | None, fires_from: float | None, named: float | None, at: float | None
) -> None:
    """The level is what the alert names, or the planned one, only where what was tried bears it out."""
    assert Fired(level="warning", silent_until=silent_until, fires_from=fires_from, threshold=named).at(20.0) == at


def test_values_lie_closely_around_both_levels(profile: Profile) -> None:
    """Both levels are tried closely below and above, and the way up to twice the limit beside."""
    tried = values(profile.lock.limits)
    assert close_to(profile.lock.limits) == [19.5, 20.5, 24.5, 25.5]
    assert {19.5, 20.0, 20.5, 24.5, 25.0, 25.5} <= set(tried)
    assert (tried == sorted(tried), tried[-1]) == (True, 70.0)


async def driven(tmp_path: Path, *changes: tuple[str, str], whole: str | None = None) -> AlertHandler:
    """Drive the replica's backend with some of its source changed, or another module in its place."""
    world = build_world(load("replica"))
    world.source.replacements += changes
    checkout = write_source_tree(world.source, FILE, tmp_path)
    if whole is not None:
        (checkout / FILE).write_text(whole, encoding="utf-8")
    return await drive_in(checkout)


async def drive_in(checkout: Path) -> AlertHandler:
    """Drive the backend of a checkout by this interpreter."""
    backend = Backend(Path(sys.executable), FILE[:-3].replace("/", "."), checkout / FILE, checkout, own=False)
    return await drive(backend, "staging", load("replica").lock.limits)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_planned_handler(tmp_path: Path) -> None:
    """The healthy handler fires past both levels and not below, and may read the summary."""
    seen = await driven(tmp_path)
    assert seen.heard == {"19.5": "nothing", "20.5": "warning", "24.5": "warning", "25.5": "critical"}
    assert {level: one.at(0.0) for level, one in seen.fired.items()} == {"warning": 20.0, "critical": 25.0}
    assert (seen.failure, seen.gaps, seen.deadlock, seen.tried) == (None, (), False, 140)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "levels"),
    [
        ("alert-levels-from-timeout", {"warning": 28.0, "critical": 33.25}),
        ("alert-levels-lowered", {"warning": 12.0, "critical": 20.0}),
        ("alert-level-removed", {"warning": 20.0, "critical": None}),
        ("alert-handlers-forgotten", {"warning": None, "critical": None}),
    ],
)
@pytest.mark.asyncio
async def test_levels_are_observed(tmp_path: Path, fault: str, levels: dict[str, float | None]) -> None:
    """Wherever the handler really fires is what is seen."""
    world = build_world(load("replica"))
    FAULTS[fault].apply(world)
    seen = await drive_in(write_source_tree(world.source, FILE, tmp_path))
    assert {level: one.at(one.threshold or 0.0) for level, one in seen.fired.items()} == levels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "failure", "deadlock"),
    [("alert-monitor-hangs", "hang", None), ("alert-handlers-told-under-lock", None, True)],
)
@pytest.mark.asyncio
async def test_hangs_are_told(tmp_path: Path, fault: str, failure: str | None, deadlock: bool | None) -> None:
    """A monitor that hangs, and one that hangs only when its handler reads the summary, are told apart."""
    world = build_world(load("replica"))
    FAULTS[fault].apply(world)
    seen = await drive_in(write_source_tree(world.source, FILE, tmp_path))
    assert (seen.failure, seen.deadlock) == (failure, deadlock)
    assert deadlock is None or seen.heard["25.5"] == "critical"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_incidents_handler(tmp_path: Path) -> None:
    """Levels worked out from the timeout and told under the lock: both are seen, in one go."""
    world = build_world(load("replica"))
    for fault in ("alert-levels-from-timeout", "alert-handlers-told-under-lock"):
        FAULTS[fault].apply(world)
    seen = await drive_in(write_source_tree(world.source, FILE, tmp_path))
    assert seen.heard == dict.fromkeys(("19.5", "20.5", "24.5", "25.5"), "nothing")
    assert {level: one.at(20.0) for level, one in seen.fired.items()} == {"warning": 28.0, "critical": 33.25}
    assert (seen.failure, seen.deadlock) == (None, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("whole", "failure", "words"),
    [
        ("def broken(:\n", "import-failed", "SyntaxError"),
        ("raise RuntimeError('no settings')\n", "import-failed", "RuntimeError: no settings"),
        ("import sys\nsys.exit(3)\n", "import-failed", "SystemExit: 3"),
        ("import netra_backend.app.services.monitoring\n", "import-failed", "No module named 'netra_backend.app.serv"),
        ("x = 1\n", "no-function", "it has no function register_connection_alert_handler and no monitor_"),
        (
            RAISES,
            "raises",
            "ValueError: password=[redacted]",
        ),
        ("import os\nos._exit(7)\n", "died", "ended in the middle"),
    ],
)
@pytest.mark.asyncio
async def test_modules_that_cannot_be_driven(tmp_path: Path, whole: str, failure: str, words: str) -> None:
    """A module that does not load, lacks the functions, raises or ends the process is the backend's own failure."""
    seen = await driven(tmp_path, whole=whole)
    assert (seen.failure, seen.tried) == (failure, 0)
    assert words in seen.detail


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_module_that_never_loads_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes back, and what never stops talking, is ended, with every process that it started."""
    monkeypatch.setattr(alert_handler, "DRIVE_S", 2.0)
    child = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    assert (await driven(tmp_path / "silent", whole=f"{child}time.sleep(600)\n")).failure == "hang"
    monkeypatch.setattr(alert_handler, "DRIVE_S", 60.0)
    seen = await driven(tmp_path / "talking", whole="while True:\n    print('x' * 10000)\n")
    assert seen.failure == "hang"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_nothing_of_ours_is_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend's code gets no variable of ours, no standard input, and an empty directory to work in."""
    monkeypatch.setenv("CANARY_TOKEN", "canary")
    whole = (
        "import os, sys\n"
        "raise RuntimeError(f'{sorted(set(os.environ) - {\"LC_CTYPE\"})} {sys.stdin.read()!r} {os.listdir()}')\n"
    )
    assert (await driven(tmp_path, whole=whole)).detail == "RuntimeError: [] '' []"
    assert not any("__pycache__" in folders for _, folders, _ in os.walk(tmp_path))


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_package_that_we_lack_is_not_the_backends_fault(tmp_path: Path) -> None:
    """A third party's package that this interpreter lacks blocks; the backend's own interpreter has to have it."""
    with pytest.raises(Blocked) as error:
        await driven(tmp_path, whole="import sqlalchemy_of_nobody\n")
    assert error.value.why.reason is Reason.TOOL_MISSING
    backend = Backend(Path(sys.executable), "netra_backend_of_nobody.settings", None, None, own=True)
    seen = await drive(backend, "staging", load("replica").lock.limits)
    assert (seen.failure, seen.source) == ("import-failed", "subprocess")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({}, Reason.NOT_CONFIGURED),
        ({"checkout": "/nowhere"}, Reason.NOT_CONFIGURED),
        ({"python": "/nowhere/python"}, Reason.TOOL_MISSING),
        ({"report_url": "http://127.0.0.1:9/report"}, Reason.DEPENDENCY),
    ],
)
@pytest.mark.asyncio
async def test_no_backend_to_drive(source: dict[str, str], reason: Reason) -> None:
    """Without a backend to drive nothing is said of it."""
    why = (await Runner(load("staging", {"backend_source": source})).see("alert_handler")).blocked
    assert why is not None
    assert why.reason is reason


def level(seconds: float, flaw: str | None = None) -> Level:
    """Return a level of a policy."""
    return Level(policy=f"at {seconds}", seconds=seconds, comparison=">", duration_s=60.0, channels=(), flaw=flaw)


@pytest.mark.parametrize(
    ("levels", "standing"),
    [
        ([], {"warning": None, "critical": None}),
        ([level(20), level(25)], {"warning": 20, "critical": 25}),
        ([level(25)], {"warning": None, "critical": 25}),
        ([level(20), level(33.25)], {"warning": 20, "critical": 33.25}),
        ([level(12), level(25)], {"warning": 12, "critical": 25}),
        ([level(28), level(33.25)], {"warning": 28, "critical": 33.25}),
        ([level(28)], {"warning": None, "critical": 28}),
        ([level(19)], {"warning": 19, "critical": None}),
    ],
)
def test_levels_stand_for_what_was_meant(levels: list[Level], standing: dict[str, float | None]) -> None:
    """A condition stands for the level at whose value it is, else for the one that must have been meant."""
    found = AlertPolicies(metrics=(), policies=0, levels=tuple(levels)).standing_for({"warning": 20, "critical": 25})
    assert {name: one and one.seconds for name, one in found.items()} == standing


def test_a_sound_policy_outweighs_a_flawed_one_at_the_same_level() -> None:
    """Of two policies at one level the one that alerts somebody counts."""
    seen = AlertPolicies(metrics=(), policies=2, levels=(level(25, "disabled"), level(25)))
    found = seen.standing_for({"critical": 25})["critical"]
    assert found is not None
    assert found.flaw is None
