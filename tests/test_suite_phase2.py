"""What the criteria of phase 2 say of made-up evidence: each boundary, what is missing, what was not seen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import suites.phase2.test_2_1_terraform as terraform
import suites.phase2.test_2_2_cloud_run as cloud_run
import suites.phase2.test_2_3_pool as pool
from fixtures.evidence.base import Attempt, Blocked
from fixtures.evidence.cloud_run import CloudRun, Revision, Service, Traffic
from fixtures.evidence.settings import DatabaseSettings, Setting
from fixtures.evidence.terraform import Change, Difference, TerraformPlan
from fixtures.expect import Locked
from fixtures.profile import load
from tests.on_evidence import DENIED, NOW, attempt, judged, symptoms

LOCK = Locked(load("staging").lock, "lock")


def change(kind: str = "update", *attributes: str, **more: Any) -> Change:
    """Return what a plan would change of a resource: each of the attributes from 3 to 2."""
    differences = tuple(Difference(attribute=name, before="3", after="2") for name in attributes)
    return Change(address="vpc.c", kind=kind, differences=differences, **more)


CODE, PLANNED = "the Terraform code", "what Terraform would change"


@pytest.mark.parametrize(
    ("plan", "expected", "notes"),
    [
        ({}, {CODE: "", PLANNED: ""}, []),
        (
            {"broken": "no such block", "broken_kind": "invalid-configuration"},
            {CODE: "invalid-configuration"},
            ["no such block"],
        ),
        (
            {"changes": (change("update", "min", "max"),)},
            {CODE: "", "vpc.c min": "unapplied", "vpc.c max": "unapplied"},
            ["Terraform would change: vpc.c (update)"],
        ),
        (
            {"changes": (change("update", "min", drifted=True, left_out=2),)},
            {CODE: "", "vpc.c min": "drifted"},
            ["vpc.c: 2 more attributes differ", "Terraform would change: vpc.c (update)"],
        ),
        (
            {"changes": (change("replace", "network", drifted=True), change("create"))},
            {CODE: "", "vpc.c network": "replace"},
            ["Terraform would change: vpc.c (replace), vpc.c (create)"],
        ),
        ({"changes": (change("create"),)}, {CODE: "", PLANNED: "create"}, []),
        ({"changes": (change("update", drifted=True), change("create"))}, {CODE: "", PLANNED: "drifted"}, []),
        (
            {"outside": ("vpc.c: state",)},
            {CODE: "", PLANNED: ""},
            ["changed outside Terraform, which would leave it so: vpc.c: state"],
        ),
    ],
)
def test_terraform_has_nothing_to_change(plan: dict[str, Any], expected: dict[str, str], notes: list[str]) -> None:
    """A plan without a change holds; each attribute that differs is told, with whose doing it was, and all changes."""
    seen = attempt(TerraformPlan(kind="Terraform resource", name="vpc.c", found=True, **plan))
    judgement = judged(terraform.test_connector_is_as_declared, seen)
    assert (symptoms(judgement), judgement.notes) == (expected, notes)


def test_a_plan_that_was_not_made_is_not_seen() -> None:
    """Where nothing was planned, nothing is judged."""
    with pytest.raises(Blocked):
        judged(terraform.test_connector_is_as_declared, attempt(DENIED))


def service(serving: Revision | None = None, traffic: dict[str, int] | None = None, **values: Any) -> Attempt[Any]:
    """Return a service whose newest revision is ready and takes all the traffic."""
    shares = tuple(Traffic(revision=name, percent=share) for name, share in (traffic or {}).items())
    named = {"kind": "service", "name": "b", "found": True, "latest_created": "r2", "latest_ready": "r2"}
    return attempt(Service(**{**named, "serving": serving, "traffic": shares, **values}))


READY, TRAFFIC = "latest ready revision of backend", "traffic of the latest revision of backend"


@pytest.mark.parametrize(
    ("values", "expected", "observed", "note"),
    [
        ({"traffic": {"r2": 100}}, {READY: "", TRAFFIC: ""}, "100 %", "r2 100 %"),
        ({"traffic": {"r2": 99, "r1": 1}}, {READY: "", TRAFFIC: "split"}, "99 %", "r2 99 %, r1 1 %"),
        ({"traffic": {"r1": 100}}, {READY: "", TRAFFIC: "elsewhere"}, "0 %", "r1 100 %"),
        ({}, {READY: "", TRAFFIC: "elsewhere"}, "0 %", "none"),
        (
            {"traffic": {"r1": 100}, "latest_ready": "r1"},
            {READY: "not-ready", TRAFFIC: "elsewhere"},
            "0 %",
            "r1 100 %",
        ),
        (
            {"traffic": {"r1": 100}, "latest_created": None},
            {READY: "not-ready", TRAFFIC: "elsewhere"},
            "0 %",
            "r1 100 %",
        ),
    ],
)
def test_the_latest_revision_serves(values: Any, expected: dict[str, str], observed: str, note: str) -> None:
    """The newest revision is ready and takes all; else it is told whether the traffic is split or elsewhere."""
    run = attempt(CloudRun(services={"backend": service(**values)}))
    judgement = judged(cloud_run.test_latest_revision_serves, run, LOCK)
    assert symptoms(judgement) == expected
    assert judgement.comparisons[-1].observed == observed
    assert judgement.notes == [f"traffic of b: {note}"]


def test_each_service_is_looked_at() -> None:
    """A service that may not be read is blocked, one that is not there is told, and the next is compared."""
    all_of_them = {"app": attempt(DENIED), "auth": service(found=False), "backend": service(traffic={"r2": 100})}
    judgement = judged(cloud_run.test_latest_revision_serves, attempt(CloudRun(services=all_of_them)), LOCK)
    assert judgement.blocked == [DENIED]
    assert symptoms(judgement) == {"latest ready revision of auth": "not-found", READY: "", TRAFFIC: ""}
    assert judgement.notes == ["traffic of b: r2 100 %"]


def revision(**values: Any) -> Revision:
    """Return a revision that is as the plan wants it."""
    sizes = {"memory_bytes": 4 * 2**30, "cpu_millicores": 4000, "min_instances": 1, "max_instances": 10}
    attached = {"connector": "c", "egress": "all-traffic", "variables": ()}
    started = {"name": "r2", "created_at": NOW, "ready": True, "ready_at": NOW + timedelta(seconds=75)}
    return Revision(**{**started, **sizes, **attached, **values})


SERVING, TOOK = "the serving revision", "from creation to ready"


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (service(revision()), {SERVING: "", TOOK: ""}),
        (service(revision(ready_at=NOW + timedelta(seconds=60))), {SERVING: "", TOOK: ""}),
        (service(revision(ready_at=NOW + timedelta(seconds=75.1))), {SERVING: "", TOOK: "slow"}),
        (service(revision(ready=False, ready_at=NOW + timedelta(seconds=90))), {SERVING: "not-ready"}),
        (service(revision(ready=False, ready_at=None)), {SERVING: "not-ready"}),
        (service(revision(ready_at=None)), {SERVING: ""}),
        (service(), {SERVING: "not-ready"}),
        (service(found=False), {SERVING: "not-found"}),
    ],
)
def test_a_revision_starts_in_time(backend: Attempt[Any], expected: dict[str, str]) -> None:
    """A ready revision took at most the locked time; of one that is not ready, or when, no time is compared."""
    assert symptoms(judged(cloud_run.test_revision_starts_in_time, backend, LOCK)) == expected


def test_a_revision_that_is_not_seen_has_no_start() -> None:
    """A service that may not be read is blocked, and nothing is compared."""
    judgement = judged(cloud_run.test_revision_starts_in_time, attempt(DENIED), LOCK)
    assert (judgement.blocked, judgement.comparisons) == ([DENIED], [])


@pytest.mark.parametrize(
    ("criterion", "name", "label", "outcomes"),
    [
        (
            cloud_run.test_memory,
            "memory_bytes",
            "memory limit",
            {4 * 2**30: "", 4 * 2**30 - 1: "below", 4 * 2**30 + 1: "above", None: "missing"},
        ),
        (cloud_run.test_cpu, "cpu_millicores", "CPU limit", {4000: "", 3999: "below", 4001: "above", None: "missing"}),
        (cloud_run.test_min_instances, "min_instances", "min instances", {1: "", 2: "", 0: "below"}),
        (
            cloud_run.test_max_instances,
            "max_instances",
            "max instances",
            {10: "", 9: "below", 11: "above", None: "missing"},
        ),
    ],
)
def test_the_serving_revision_is_sized_as_planned(
    criterion: Callable[..., None], name: str, label: str, outcomes: dict[int | None, str]
) -> None:
    """Each size is the locked one, but there may be more instances always running; a service must be seen."""
    for value, symptom in outcomes.items():
        assert symptoms(judged(criterion, service(revision(**{name: value})), LOCK)) == {label: symptom}
    assert symptoms(judged(criterion, service(found=False), LOCK)) == {label: "not-found"}
    assert judged(criterion, attempt(DENIED), LOCK).blocked == [DENIED]


def settings(broken_kind: str | None = None, **values: float | None) -> Attempt[Any]:
    """Return the backend's pool; a value of None is not defined."""
    known = {name: Setting(value=value, where="x.py:1") for name, value in values.items() if value is not None}
    evidence = DatabaseSettings(
        source="checkout", where="x.py", environment="staging", broken_kind=broken_kind, pool=known
    )
    return attempt(evidence)


@pytest.mark.parametrize(
    ("criterion", "name", "locked"),
    [
        (pool.test_pool_size, "pool_size", 10),
        (pool.test_max_overflow, "max_overflow", 15),
        (pool.test_pool_wait, "pool_timeout", 90.0),
        (pool.test_capacity_buffer, "vpc_connector_capacity_buffer", 5),
        (pool.test_safety_margin, "capacity_safety_margin", 0.8),
    ],
)
def test_a_pool_value_is_the_locked_one(criterion: Callable[..., None], name: str, locked: float) -> None:
    """Each value of the pool must be the locked one and defined, in a source that the backend can use."""
    source = f"the source of {name}"
    for value, symptom in ((locked, ""), (locked - 0.1, "below"), (locked + 0.1, "above"), (None, "missing")):
        assert symptoms(judged(criterion, settings(**{name: value}), LOCK)) == {source: "", name: symptom}
    broken = settings(broken_kind="syntax", **{name: locked})
    assert symptoms(judged(criterion, broken, LOCK)) == {source: "syntax", name: ""}
    with pytest.raises(Blocked):
        judged(criterion, attempt(DENIED), LOCK)


FITS = {"pool_size": 3, "max_overflow": 4, "vpc_connector_capacity_buffer": 10, "capacity_safety_margin": 0.8}
NEEDED = "connections needed at max instances"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {NEEDED: ""}),
        ({"pool_size": 2}, {NEEDED: ""}),
        ({"vpc_connector_capacity_buffer": 11}, {NEEDED: "over-capacity"}),
        *(({name: None}, {"the pool's values": "missing"}) for name in FITS),
        ({"pool_size": 7, "max_overflow": 0}, {NEEDED: ""}),
        ({"pool_size": 1, "max_overflow": 6}, {NEEDED: ""}),
        ({"pool_size": 0}, {"a bound on the pool's connections": "missing"}),
        ({"max_overflow": -1}, {"a bound on the pool's connections": "missing"}),
    ],
)
def test_all_instances_find_connections(changed: dict[str, float | None], expected: dict[str, str]) -> None:
    """What all instances need may be all of the share, not more; a value, or a bound, that is not there is missing."""
    assert symptoms(judged(pool.test_capacity_suffices, settings(**{**FITS, **changed}), LOCK)) == expected


def test_the_arithmetic_is_shown() -> None:
    """The sum of what is needed, what is available, and how many instances would fit are in the notes."""
    assert judged(pool.test_capacity_suffices, settings(**FITS), LOCK).notes == [
        "needed: (3 + 4) * 10 instances + 10 = 80",
        "available: 100 connections * 0.8 = 80",
        "largest safe number of instances: 10",
    ]
