"""The Terraform plan: what its JSON means, and the real terraform in a throw-away copy."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.engine.client import Engine
from fixtures.engine.runner import Runner
from fixtures.evidence.base import Attempt, Reason
from fixtures.evidence.terraform import TerraformPlan
from fixtures.probes import terraform
from fixtures.probes.terraform_plan import HIDDEN, UNKNOWN, read_plan
from fixtures.probes.terraform_refusal import broken, broken_by_evaluation, reason, summary
from fixtures.profile import load
from fixtures.replica.box import Box
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.handout import write_profile
from fixtures.replica.infrastructure import InfrastructureError, write_infrastructure
from fixtures.replica.terraform_state import TerraformState
from fixtures.replica.world import World
from fixtures.secret import redact

CONNECTOR = "google_vpc_access_connector.staging_connector"
ADDRESS = "terraform_data.staging_connector"
NO_OP = {"address": CONNECTOR, "change": {"actions": ["no-op"], "before": {}, "after": {}}}
needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None and not os.environ.get("CI"), reason="terraform is not installed"
)
"""Skipped only where it is not installed, never in CI."""


def change(before: dict[str, Any], after: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return one entry of a plan's `resource_changes`."""
    return {"address": CONNECTOR, "change": {"actions": ["update"], "before": before, "after": after, **more}}


def told(*changes: dict[str, Any], **more: Any) -> TerraformPlan:
    """Return what a plan with these changes says of the connector."""
    return read_plan({"resource_changes": list(changes), **more}, CONNECTOR)


def test_no_change() -> None:
    """A plan that leaves the connector as it is changes nothing."""
    assert told(NO_OP).changes == ()
    assert told(NO_OP).found


def test_an_address_that_nobody_declares_is_no_agreement() -> None:
    """Terraform has no change at an address that is not in the code; that is told, with what is declared."""
    module = {"resources": [{"address": "google_compute_network.vpc"}]}
    nested = {"module_calls": {"net": {"module": {"resources": [{"address": "google_compute_subnetwork.a"}]}}}}
    seen = read_plan({"configuration": {"root_module": module | nested}}, CONNECTOR)
    assert not seen.found
    assert seen.existing == ("google_compute_network.vpc", "module.net.google_compute_subnetwork.a")


def test_instances_of_the_address_count() -> None:
    """A connector that is declared with `count` is found at its instance's address."""
    assert told(NO_OP | {"address": f"{CONNECTOR}[0]"}).found


def test_attributes_are_told_old_to_new() -> None:
    """Each attribute that differs is named with both values, nested ones by their path."""
    (seen,) = told(change({"max": 3, "subnet": [{"name": "a"}]}, {"max": 10, "subnet": [{"name": "b"}]})).changes
    assert [(one.attribute, one.before, one.after) for one in seen.differences] == [
        ("max", "3", "10"),
        ("subnet.0.name", "a", "b"),
    ]
    assert (seen.kind, seen.drifted) == ("update", False)


def test_what_was_changed_by_hand_is_told_from_what_was_never_applied() -> None:
    """A resource in `resource_drift` was changed outside Terraform; where nothing fights it, it is only mentioned."""
    here, was = {"max": 3}, {"max": 10}
    drift = {"resource_drift": [change(was, here)]}
    assert told(change(here, was), **drift).changes[0].drifted
    left = told(NO_OP, **drift)
    assert (left.changes, left.outside) == ((), (f"{CONNECTOR} max: 10 -> 3",))


def test_what_forces_a_replacement_comes_first() -> None:
    """Of a replacement's attributes, those that force it are named first."""
    forced = change({"a": 1, "network": "x"}, {"a": 2, "network": "y"}, actions=["delete", "create"])
    forced["change"]["replace_paths"] = [["network"]]
    (seen,) = told(forced).changes
    assert seen.kind == "replace"
    assert seen.differences[0].attribute == "network"


def test_values_known_after_apply_are_named_only_alone() -> None:
    """What only follows from another change is left out beside it, and named where there is nothing else."""
    (both,) = told(change({"max": 3, "id": "a"}, {"max": 4}, after_unknown={"id": True})).changes
    assert [one.attribute for one in both.differences] == ["max"]
    (alone,) = told(change({"id": "a"}, {}, after_unknown={"id": True})).changes
    assert [(one.attribute, one.after) for one in alone.differences] == [("id", UNKNOWN)]


@pytest.mark.parametrize("marks", [{"pw": True}, True, {"pw": {"inner": True}}], ids=["value", "whole", "inner"])
@pytest.mark.parametrize("side", ["before_sensitive", "after_sensitive"])
def test_sensitive_values_are_never_shown(marks: Any, side: str) -> None:
    """A value that either side marks as sensitive is in no evidence, and is blanked out wherever else it turns up."""
    secrets = ("correct-horse-old", "correct-horse-new")
    values = [
        {"inner": secret} if isinstance(marks, dict) and isinstance(marks["pw"], dict) else secret for secret in secrets
    ]
    seen = told(change({"pw": values[0]}, {"pw": values[1]}, **{side: marks}))
    assert [(one.before, one.after) for one in seen.changes[0].differences] == [HIDDEN]
    assert not any(secret in seen.model_dump_json() or secret in redact(f"said {secret}") for secret in secrets)


def test_values_that_look_like_secrets_are_not_shown() -> None:
    """A value that Terraform does not mark, but whose name says that it is a secret, is not shown either."""
    assert (
        "hunter2hunter2" not in told(change({"db_password": "hunter2hunter2"}, {"db_password": "x"})).model_dump_json()
    )


def test_long_plans_are_cut() -> None:
    """Of many attributes some are shown and the others counted; of a long value its beginning."""
    (seen,) = told(change({}, {f"a{n:02}": "x" * 500 for n in range(20)})).changes
    assert (len(seen.differences), seen.left_out) == (8, 12)
    assert max(len(one.after) for one in seen.differences) == 120


def test_outputs_alone_are_a_change() -> None:
    """A plan that changes nothing but an output is not a plan without changes."""
    seen = told(NO_OP, output_changes={"ip": {"actions": ["update"]}, "same": {"actions": ["no-op"]}})
    assert seen.changed == ("output ip (update)",)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Error: Failed to query available provider packages\n\nlookup registry: no such host", Reason.TOOL_MISSING),
        ("Error: Unsupported Terraform Core version\n\n  on main.tf line 2, in terraform:", Reason.TOOL_MISSING),
        ("Error: storage.NewClient() failed: google: could not find default credentials.", Reason.NO_CREDENTIALS),
        ("Error: googleapi: Error 403: The caller does not have permission", Reason.PERMISSION_DENIED),
        ("Error: No value for required variable\n\n  on main.tf line 1:", Reason.NOT_CONFIGURED),
        ("Error: Backend initialization required", Reason.NOT_CONFIGURED),
        ("Error: googleapi: Error 503: backend error", Reason.API_UNAVAILABLE),
        ("Error: something new", Reason.UNKNOWABLE),
    ],
)
def test_what_we_lack_is_told_apart(said: str, means: Reason) -> None:
    """Each kind of error that is about us has its reason, and none of them is the code's fault."""
    assert reason(said) is means
    assert broken_by_evaluation(said) is None


def test_errors_of_the_code_are_told_from_errors_of_its_surroundings() -> None:
    """`validate` names a place for what is wrong with the code; a missing module has one too, and is not its fault."""
    place = {"range": {"filename": "main.tf", "start": {"line": 3}}}
    errors = [{"severity": "error", "summary": "Missing expression", **place}]
    assert broken(json.dumps({"diagnostics": errors})) == "main.tf line 3: Missing expression"
    for summary_ in ("Module not installed", "Unsupported Terraform Core version"):
        assert broken(json.dumps({"diagnostics": [{"severity": "error", "summary": summary_, **place}]})) is None
    assert broken(json.dumps({"diagnostics": [{"severity": "error", "summary": "Missing required provider"}]})) is None
    assert broken("no JSON at all") is None


def test_an_error_of_a_plan_is_the_codes_unless_something_was_asked() -> None:
    """A failed condition is the code's; the same place with a resource's address is a provider's answer."""
    failed = 'Error: Resource precondition failed\n\n  on main.tf line 8, in resource "a" "b":\n\nno\n'
    assert broken_by_evaluation(failed) == "main.tf line 8: Resource precondition failed"
    asked = 'Error: could not read\n\n  with google_x.y,\n  on main.tf line 8, in resource "google_x" "y":\n'
    assert broken_by_evaluation(asked) is None


def test_a_summary_holds_the_errors_and_no_warning() -> None:
    """Of what terraform says, the errors are kept, on one line and bounded."""
    assert summary("Warning: old\n\nError: one\n  two\n") == "one two"
    assert len(summary("Error: " + "x" * 1000)) == 300


def test_the_code_declares_the_lock() -> None:
    """The replica's code declares the connector that the plan wants, word for word."""
    text = (Path(write_infrastructure.__code__.co_filename).parent / "infrastructure_tree/main.tf").read_text()
    lock, name = load("replica").lock.connector, load("replica").connector.name
    for value in (name, lock.network, lock.ip_cidr_range):
        assert f'"{value}"' in text
    assert f"min_instances = {lock.min_instances}" in text
    assert f"max_instances = {lock.max_instances}" in text


def test_an_edit_that_does_not_fit(tmp_path: Path) -> None:
    """An edit of the code whose old text is not in it is refused, and quoted."""
    world = build_world(load("replica"))
    world.infrastructure.replacements.append(("no such line", ""))
    with pytest.raises(InfrastructureError, match="does not occur: 'no such line'"):
        write_infrastructure(world.infrastructure, tmp_path)


# ---- with the real terraform -----------------------------------------------------------------


def code(directory: Path, *faults: str) -> Path:
    """Write the replica's code and state, broken by the faults."""
    world = build_world(load("replica"))
    for fault in faults:
        FAULTS[fault].apply(world)
    written = write_infrastructure(world.infrastructure, directory)
    TerraformState(world, "staging-connector", written).write()
    return written


def seen_in(directory: Path, **declared: Any) -> Attempt[TerraformPlan]:
    """Run the probe on a directory and return its answer."""
    table = {"directory": str(directory), "address": ADDRESS, **declared}

    async def see() -> Attempt[TerraformPlan]:
        return await Runner(load("staging", {"terraform": table})).see("terraform_plan")

    return asyncio.run(see())


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are made: a directory of the test's own, which is empty again when it ends."""
    place = tmp_path / "copies"
    place.mkdir()
    monkeypatch.setattr(terraform.tempfile, "gettempdir", lambda: str(place))
    return place


def snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and time of every file of a directory."""
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.slow
@needs_terraform
def test_code_and_state_that_agree(tmp_path: Path, nothing_left: Path) -> None:
    """Nothing is found to change, no file of the original is touched or added, and no copy is left."""
    directory = code(tmp_path)
    before = snapshot(directory)
    seen = seen_in(directory).value
    assert (seen.found, seen.changes, seen.broken) == (True, (), None)
    assert snapshot(directory) == before
    assert list(nothing_left.iterdir()) == []


@pytest.mark.slow
@needs_terraform
@pytest.mark.parametrize(
    ("fault", "differences"),
    [
        ("connector-drifted", [("input.machine_type", "e2-standard-4", "e2-micro")]),
        ("connector-change-not-applied", [("input.max_instances", "10", "20")]),
        ("connector-scaled-down", [("input.max_instances", "3", "10")]),
        ("connector-deleted", []),
    ],
)
def test_differences_are_found(tmp_path: Path, fault: str, differences: list[tuple[str, str, str]]) -> None:
    """What differs between code and state is named, old to new."""
    (change_,) = seen_in(code(tmp_path, fault)).value.changes
    assert change_.address == ADDRESS
    assert [(one.attribute, one.before, one.after) for one in change_.differences] == differences
    assert change_.kind == ("update" if differences else "create")


def applied(world: World, directory: Path) -> None:
    """Write code and state, have the real terraform apply the connector, and let the world follow."""
    code = write_infrastructure(world.infrastructure, directory)
    state = TerraformState(world, "staging-connector", code)
    state.write()
    assert not state.follow()
    words = ["terraform", f"-chdir={code}", "apply", f"-target={ADDRESS}", "-no-color"]
    subprocess.run(words, input="yes\n", check=True, capture_output=True, text=True)
    assert state.follow()
    state.write()
    assert not state.follow()


@pytest.mark.slow
@needs_terraform
@pytest.mark.parametrize("fault", ["connector-drifted", "connector-change-not-applied", "connector-deleted"])
def test_what_is_applied_is_so(tmp_path: Path, fault: str) -> None:
    """When terraform has applied the code, the world has the declared connector, and a plan finds nothing to change."""
    world = build_world(load("replica"))
    FAULTS[fault].apply(world)
    applied(world, tmp_path)
    most = 20 if fault == "connector-change-not-applied" else 10
    assert (world.connector.machine_type, world.connector.max_instances) == ("e2-micro", most)
    assert seen_in(tmp_path / "terraform-gcp-staging").value.changes == ()


@pytest.mark.slow
@needs_terraform
@pytest.mark.parametrize(
    ("attribute", "there"), [("max_instances", 11), ("network", "default"), ("machine_type", "e2-standard-4")]
)
def test_what_google_refuses_is_not_so(tmp_path: Path, attribute: str, there: object) -> None:
    """A limit is not lowered, a network and a connector in error are not changed: the next plan says so again."""
    world = build_world(load("replica"))
    setattr(world.connector, attribute, there)
    world.connector.state = "ERROR" if attribute == "machine_type" else "READY"
    applied(world, tmp_path)
    assert getattr(world.connector, attribute) == there
    (change_,) = seen_in(tmp_path / "terraform-gcp-staging").value.changes
    assert [one.attribute for one in change_.differences] == [f"input.{attribute}"]


def test_a_state_that_terraform_holds_is_left_alone(tmp_path: Path) -> None:
    """While terraform works, the state is neither written nor followed; what only left the state is not deleted."""
    world = build_world(load("replica"))
    state = TerraformState(world, "staging-connector", tmp_path)
    state.write()
    file, lock = tmp_path / "terraform.tfstate", tmp_path / ".terraform.tfstate.lock.info"
    forgotten = json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"resources": []})
    file.write_text(forgotten, encoding="utf-8")
    lock.touch()
    assert not state.follow()
    state.write()
    assert file.read_text(encoding="utf-8") == forgotten
    lock.unlink()
    assert not state.follow()
    assert [one.name for one in world.connectors] == ["staging-connector"]


@pytest.mark.slow
@needs_terraform
@pytest.mark.asyncio
async def test_the_replica_does_what_is_applied() -> None:
    """In a replica that runs, the connector becomes what terraform applies; its code lies in the backend's checkout."""
    box = Box(["source", "terraform"], ["connector-drifted"])
    await box.start()
    try:
        code = Path(box.overlay()["terraform"]["directory"])
        assert code.parent == Path(box.overlay()["backend_source"]["checkout"])
        words = [f"-chdir={code}", "apply", f"-target={ADDRESS}", "-auto-approve"]
        apply = await asyncio.create_subprocess_exec("terraform", *words, stdout=asyncio.subprocess.DEVNULL)
        assert await apply.wait() == 0
        async with asyncio.timeout(60):
            while box.world.connector.machine_type != "e2-micro":  # noqa: ASYNC110 - another process wrote it
                await asyncio.sleep(0.02)
    finally:
        await box.stop()


@pytest.mark.slow
@needs_terraform
def test_code_that_cannot_be_planned(tmp_path: Path) -> None:
    """Code that does not parse is a finding, with file and line."""
    seen = seen_in(code(tmp_path, "terraform-configuration-broken")).value
    assert seen.broken_kind == "invalid-configuration"
    assert (seen.broken or "").startswith("main.tf line ")


@pytest.mark.slow
@needs_terraform
@pytest.mark.parametrize(
    ("fault", "why", "said"),
    [
        ("terraform-state-missing", Reason.NOT_CONFIGURED, "without it a plan sees everything as new"),
        ("terraform-provider-unavailable", Reason.TOOL_MISSING, "registry.invalid"),
    ],
)
def test_a_plan_that_cannot_be_made_here(
    tmp_path: Path, nothing_left: Path, fault: str, why: Reason, said: str
) -> None:
    """Without state or provider the plan is blocked with the reason, and no copy is left."""
    blocked = seen_in(code(tmp_path, fault)).blocked
    assert blocked is not None
    assert blocked.reason is why
    assert said in blocked.detail
    assert list(nothing_left.iterdir()) == []


@pytest.mark.slow
@needs_terraform
def test_code_may_refer_to_what_stands_beside_it(tmp_path: Path) -> None:
    """A local module outside the declared directory is found in the copy, too, and a variable file inside it."""
    directory = code(tmp_path)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "main.tf").write_text('output "max" {\n  value = 10\n}\n', encoding="utf-8")
    (directory / "more.tf").write_text('module "limits" {\n  source = "../modules"\n}\nvariable "most" {}\n')
    (directory / "most.tfvars").write_text("most = 10\n", encoding="utf-8")
    file = directory / "main.tf"
    file.write_text(file.read_text().replace("max_instances = 10", "max_instances = max(module.limits.max, var.most)"))
    assert seen_in(directory, var_files=["most.tfvars"]).value.changes == ()
    blocked = seen_in(directory).blocked
    assert blocked is not None
    assert blocked.reason is Reason.NOT_CONFIGURED
    assert "No value for required variable" in blocked.detail


@pytest.mark.slow
def test_terraform_is_not_installed(tmp_path: Path, nothing_left: Path) -> None:
    """Without terraform the plan is blocked, and says what to install."""
    blocked = seen_in(code(tmp_path), binary="no-such-terraform").blocked
    assert blocked is not None
    assert blocked.reason is Reason.TOOL_MISSING
    assert "install Terraform" in blocked.detail
    assert list(nothing_left.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("exists", [True, False], ids=["empty", "absent"])
def test_a_directory_without_code(tmp_path: Path, *, exists: bool) -> None:
    """A directory that holds no Terraform code is a matter of the profile."""
    if exists:
        (tmp_path / "code").mkdir()
    blocked = seen_in(tmp_path / "code").blocked
    assert blocked is not None
    assert blocked.reason is Reason.NOT_CONFIGURED


def test_a_relative_directory_needs_a_checkout() -> None:
    """Without a checkout there is no telling where the declared directory is."""
    blocked = seen_in(Path("terraform-gcp-staging")).blocked
    assert blocked is not None
    assert blocked.reason is Reason.NOT_CONFIGURED
    assert "--source PATH" in blocked.detail


HANGS = """#!/bin/sh
echo $$ >> "$ALLCLEAR_TEST_PIDS"
trap '' INT
sleep 600 & echo $! >> "$ALLCLEAR_TEST_PIDS"
wait
wait
"""


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", ["deadline", "cancellation"])
def test_a_terraform_that_hangs_is_ended_with_its_children(
    tmp_path: Path, nothing_left: Path, monkeypatch: pytest.MonkeyPatch, ended_by: str
) -> None:
    """At the deadline, and when the run is cancelled, terraform and its plugins are gone, and so is the copy."""
    binary, pids = tmp_path / "terraform", tmp_path / "pids"
    binary.write_text(HANGS, encoding="utf-8")
    binary.chmod(0o755)
    monkeypatch.setenv("ALLCLEAR_TEST_PIDS", str(pids))
    monkeypatch.setattr(terraform, "MAX_S", 2.0 if ended_by == "deadline" else 60.0)
    directory = code(tmp_path)
    if ended_by == "deadline":
        blocked = seen_in(directory, binary=str(binary)).blocked
        assert blocked is not None
        assert "did not come to an end within 2 s" in blocked.detail
    else:
        table = {"directory": str(directory), "address": ADDRESS, "binary": str(binary)}

        async def cancelled() -> None:
            task = asyncio.create_task(terraform.read_terraform(Runner(load("staging", {"terraform": table}))))
            while not pids.exists() or len(pids.read_text().split()) < 2:  # noqa: ASYNC110 - a process writes it
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})

        asyncio.run(cancelled())
    assert list(nothing_left.iterdir()) == []
    for pid in map(int, pids.read_text().split() if pids.exists() else ()):
        assert not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


@pytest.mark.slow
def test_an_engine_that_is_killed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the engine is killed while terraform runs, terraform ends and the copy, which may hold secrets, goes."""
    binary, pids, place = tmp_path / "terraform", tmp_path / "pids", tmp_path / "copies"
    binary.write_text(HANGS, encoding="utf-8")
    binary.chmod(0o755)
    place.mkdir()
    monkeypatch.setenv("ALLCLEAR_TEST_PIDS", str(pids))
    monkeypatch.setenv("TMPDIR", str(place))
    profile = tmp_path / "mine.toml"
    table = {"directory": str(code(tmp_path)), "address": ADDRESS, "binary": str(binary)}
    write_profile({"extends": "staging", "terraform": table}, profile)
    engine = Engine(str(profile), None, ())
    engine.client().start(["terraform_plan"])
    _until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    (copy,) = place.iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    os.kill(engine.pid, signal.SIGKILL)
    _until(lambda: not any(place.iterdir()))
    engine.stop()


def _until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(2000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to hold")
