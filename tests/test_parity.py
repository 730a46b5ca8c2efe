"""PARITY: two targets side by side, what may differ, and until when."""

import asyncio
import runpy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.engine import runner as runner_module
from fixtures.engine.runner import Runner
from fixtures.evidence.base import Attempt, Blocked, Evidence, Reason, Why
from fixtures.evidence.cloud_run import CloudRun, Revision, Service, Variable
from fixtures.evidence.cloud_sql import Instance
from fixtures.evidence.parity import Parity, SharedSetting
from fixtures.evidence.secrets import Secret, Secrets
from fixtures.evidence.settings import DatabaseSettings, Setting
from fixtures.evidence.vpc import Connector
from fixtures.expect import Expect
from fixtures.probes.parity_settings import PROBES as COMPARED
from fixtures.probes.registry import PROBES, Probe
from fixtures.profile import Profile, ProfileError, load
from fixtures.replica.box import Box
from fixtures.replica.handout import write_profile

SUITE = Path(__file__).parent.parent / "suites/prevention/test_parity.py"
NOW = datetime(2025, 9, 15, tzinfo=UTC)
TODAY = NOW.date()


def attempt(evidence: Evidence | None = None, blocked: Why | None = None) -> Attempt[Any]:
    """Return a probe's answer."""
    return Attempt(evidence=evidence, blocked=blocked, started_at=NOW, seconds=0.0, source="a test")


def service(**values: Any) -> Attempt[Any]:
    """Return a service with one serving revision."""
    variables = values.pop("variables", (Variable(name="JWT_SECRET_KEY", secret="jwt"), Variable(name="A", value="1")))
    settings = {"memory_bytes": 4 * 2**30, "cpu_millicores": 4000, "min_instances": 1, "max_instances": 10, **values}
    revision = Revision(
        name="r",
        created_at=NOW,
        ready=True,
        ready_at=NOW,
        connector="c",
        egress="all-traffic",
        variables=variables,
        **settings,
    )
    return attempt(Service(kind="Cloud Run service", name="s", found=True, serving=revision))


def world(**overrides: Any) -> dict[str, Attempt[Any]]:
    """Return the answers of a target's probes."""
    secret = attempt(Secret(kind="secret", name="s", found=True, state="ENABLED"))
    timeouts = {"connection_timeout": Setting(value=35.0, where="x")}
    healthy = {
        "cloud_run": attempt(CloudRun(services={"backend": service()})),
        "connector": attempt(Connector(kind="VPC connector", name="c", found=True, max_instances=10)),
        "instance": attempt(
            Instance(kind="Cloud SQL instance", name="i", found=True, tier="small", flags={"max_connections": "100"})
        ),
        "database_settings": attempt(
            DatabaseSettings(source="checkout", where="x", environment="e", timeouts=timeouts)
        ),
        "secrets": attempt(Secrets(secrets={"database_url": secret})),
    }
    return healthy | overrides


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that compares two worlds with the real probe."""

    def compare(here: dict[str, Any], there: dict[str, Any], profile: Profile | None = None) -> Attempt[Parity]:
        class Stub(Probe):
            def load(self) -> Any:
                async def answer(at: Any) -> Any:
                    seen = (here if at.profile.target.name == "staging" else there)[self.name]
                    if seen.blocked is not None:
                        raise Blocked(seen.blocked)
                    return seen.evidence

                return answer

        stubs = {name: Stub(**vars(PROBES[name])) for name in COMPARED}
        monkeypatch.setattr(runner_module, "PROBES", {**PROBES, **stubs})
        return asyncio.run(_see(profile or load("staging")))

    return compare


async def _see(profile: Profile) -> Attempt[Parity]:
    return await Runner(profile).see("parity")


def differing(seen: Attempt[Parity]) -> dict[str, tuple[str | None, str | None]]:
    """Return the settings that differ, with both sides."""
    return {one.name: (one.here, one.there) for one in seen.value.settings if one.here != one.there}


def test_targets_that_agree(compared: Any) -> None:
    """Two equal worlds differ in nothing, and everything that is declared was compared."""
    seen = compared(world(), world())
    assert differing(seen) == {}
    assert seen.value.unseen == ()
    assert seen.value.against == "Netra Apex production"
    assert {one.name.split(".")[0] for one in seen.value.settings} == {
        "services",
        "connector",
        "instance",
        "settings",
        "timeouts",
        "secrets",
    }


@pytest.mark.parametrize(
    ("probe", "evidence", "difference"),
    [
        (
            "cloud_run",
            CloudRun(services={"backend": service(memory_bytes=2**30)}),
            {"services.backend.memory": ("4Gi", "1Gi")},
        ),
        (
            "cloud_run",
            CloudRun(services={"backend": service(variables=(Variable(name="JWT_SECRET_KEY", withheld="a JWT"),))}),
            {
                "services.backend.env.JWT_SECRET_KEY": ("from a secret", "in clear"),
                "services.backend.env.A": ("in clear", None),
            },
        ),
        (
            "instance",
            Instance(kind="i", name="i", found=True, tier="large", flags={"max_connections": "200"}),
            {"instance.tier": ("small", "large"), "instance.flags.max_connections": ("100", "200")},
        ),
        (
            "connector",
            Connector(kind="c", name="c", found=False),
            {"connector": ("exists", "does not exist"), "connector.max_instances": ("10", None)},
        ),
        (
            "secrets",
            Secrets(secrets={"database_url": attempt(Secret(kind="s", name="s", found=True, state="DISABLED"))}),
            {"secrets.database_url": ("ENABLED", "DISABLED")},
        ),
    ],
    ids=["memory", "variables", "instance", "connector", "secret"],
)
def test_each_difference_is_named(compared: Any, probe: str, evidence: Evidence, difference: dict[str, Any]) -> None:
    """A setting that differs is named with both sides, and nothing else is."""
    assert differing(compared(world(), world(**{probe: attempt(evidence)}))) == difference


@pytest.mark.parametrize("probe", COMPARED)
def test_a_side_that_cannot_be_seen_is_no_difference(compared: Any, probe: str) -> None:
    """What one side hides is unseen, with that side's name, and none of its settings is compared."""
    why = Why(reason=Reason.PERMISSION_DENIED, detail="not permitted")
    seen = compared(world(), world(**{probe: attempt(blocked=why)})).value
    assert [one.detail for one in seen.unseen] == ["Netra Apex production: not permitted"]
    assert all(one.here == one.there for one in seen.settings)


def test_a_value_that_cannot_be_read_is_no_agreement(compared: Any) -> None:
    """A setting that is computed on both sides is unseen, and not the same."""
    computed = {"connection_timeout": Setting(value=None, where="x", unknowable="it is computed")}
    settings = attempt(DatabaseSettings(source="checkout", where="x", environment="e", timeouts=computed))
    seen = compared(world(database_settings=settings), world(database_settings=settings)).value
    assert {one.reason for one in seen.unseen} == {Reason.UNKNOWABLE}
    assert "timeouts.connection_timeout" not in [one.name for one in seen.settings]


@pytest.mark.parametrize("against", ["replica", "nowhere"])
def test_a_target_that_cannot_be_compared_with(compared: Any, against: str) -> None:
    """A target that is not there, or would have to be started first, is a matter of the profile."""
    blocked = compared(world(), world(), load("staging", {"parity": {"against": against}})).blocked
    assert blocked.reason is Reason.NOT_CONFIGURED


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the criterion on what was seen, and returns what it compared."""
    # Its markers are the suite's own, and not known here.
    bare = SimpleNamespace(parity=None, criterion=lambda *_, **__: lambda function: function)
    monkeypatch.setattr(pytest, "mark", bare)
    criterion = runpy.run_path(str(SUITE))["test_targets_agree"]

    def judge(settings: list[SharedSetting], exceptions: list[dict[str, Any]], unseen: tuple[Why, ...] = ()) -> Expect:
        expect = Expect()
        seen = Parity(against="production", settings=tuple(settings), unseen=unseen)
        criterion(attempt(seen), load("staging", {"parity": {"exceptions": exceptions}}), expect)
        return expect

    return judge


def allow(setting: str, expires: date) -> dict[str, Any]:
    """Return an exception."""
    return {"setting": setting, "reason": "it is meant to be", "expires": expires}


DIFFERS = SharedSetting(name="pool.pool_size", here="10", there="20")
AGREES = SharedSetting(name="pool.max_overflow", here="15", there="15")


@pytest.mark.parametrize(
    ("exceptions", "symptoms"),
    [
        ([], ["differs"]),
        ([allow("pool.pool_size", TODAY)], []),
        ([allow("pool.pool_size", TODAY - timedelta(days=1))], ["exception-expired"]),
        ([allow("pool.pool_size", TODAY), allow("pool.max_overflow", TODAY)], ["exception-unused"]),
        ([allow("pool.pool_size", TODAY), allow("pool.pool_sise", TODAY)], ["exception-unused"]),
    ],
    ids=["none", "valid", "expired", "needless", "mistyped"],
)
def test_exceptions(judged: Any, exceptions: list[dict[str, Any]], symptoms: list[str]) -> None:
    """An exception covers its difference to its last day; one that has expired or covers nothing is told."""
    expect = judged([DIFFERS, AGREES], exceptions)
    assert [one.symptom for one in expect.judgement.comparisons if not one.holds] == symptoms
    assert ("it is meant to be" in " ".join(expect.judgement.notes)) == (
        bool(exceptions) and "exception-expired" not in symptoms
    )


def test_an_exception_for_what_is_hidden_is_not_called_needless(judged: Any) -> None:
    """While something is unseen, an exception whose setting was not seen may still be needed."""
    why = Why(reason=Reason.NO_ROUTE, detail="no route")
    expect = judged([AGREES], [allow("instance.tier", TODAY)], (why,))
    assert all(one.holds for one in expect.judgement.comparisons)
    assert expect.judgement.blocked == [why]


def test_a_mistake_in_an_exception_is_one_clear_line(tmp_path: Path) -> None:
    """An exception with a wrong key, or without a reason, is refused in words."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "staging"\n[[parity.exceptions]]\nsetting = "a"\nreson = "b"\nexpires = 2025-01-01\n')
    with pytest.raises(ProfileError, match=r"reson: no such key \(nearest: reason\)"):
        load(str(path))


def test_a_written_profile_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """A profile that is written with a list of tables can be read again."""
    exceptions = [{"setting": "a.b", "reason": 'say "so"', "expires": "2030-01-31"}]
    tables = {"extends": "staging", "parity": {"against": "production", "exceptions": exceptions}}
    parity = load(str(write_profile(tables, tmp_path / "mine.toml"))).parity
    assert parity is not None
    assert parity.exceptions[0].expires == date(2030, 1, 31)


async def _on_the_replica(*faults: str) -> Attempt[Parity]:
    box = Box(["google", "source", "parity"], faults)
    try:
        await box.start()
        return await Runner(load("replica", box.overlay())).see("parity")
    finally:
        await box.stop()


@pytest.mark.slow
def test_the_replica_and_its_counterpart() -> None:
    """The healthy replica differs from its counterpart in its timeouts alone, which the profile allows."""
    timeouts = {f"timeouts.{name}" for name in load("replica").lock.timeouts.model_dump()}
    seen = asyncio.run(_on_the_replica())
    assert set(differing(seen)) == timeouts
    assert seen.value.unseen == ()


@pytest.mark.slow
def test_a_counterpart_that_differs() -> None:
    """What a fault changes in the counterpart is named, and nothing else."""
    seen = asyncio.run(_on_the_replica("production-differs"))
    assert {name: sides for name, sides in differing(seen).items() if not name.startswith("timeouts.")} == {
        "connector.machine_type": ("e2-micro", "e2-standard-4"),
        "instance.tier": ("db-custom-2-7680", "db-custom-4-15360"),
        "services.backend.max_instances": ("10", "20"),
        "services.backend.env.FEATURE_STREAMING": (None, "in clear"),
    }


@pytest.mark.slow
def test_a_counterpart_that_is_closed() -> None:
    """Where the other side answers 403 nothing is compared but the source, and each refusal says whose it is."""
    seen = asyncio.run(_on_the_replica("production-forbidden"))
    assert all(why.detail.startswith("the replica's counterpart: ") for why in seen.value.unseen)
    assert {(why.reason, why.project) for why in seen.value.unseen} == {(Reason.PERMISSION_DENIED, "netra-production")}
    assert {one.name.split(".")[0] for one in seen.value.settings} == {"settings", "timeouts", "pool"}
