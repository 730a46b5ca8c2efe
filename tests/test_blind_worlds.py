"""Blind worlds: what cannot be seen is never clear, never held against staging, and comes with what would settle it."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.profile import load
from fixtures.replica.faults import FAULTS
from plugins.runbook import read
from tests.matrix.runs import BARE
from tests.test_whole_run import command, environment, outcomes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
UNPROVEN, USAGE, NOTHING = 6, 4, 5
REPLICA = ("--target", "replica")
APIS = (
    *("vpcaccess", "run", "sqladmin", "secretmanager", "monitoring", "logging"),
    *("cloudresourcemanager", "serviceusage", "oauth2"),
)
AWAY = ("*.pyc", "__pycache__", ".*", "reports", "tests", "docs", "benchmarks", "dist", "build")


@dataclass(frozen=True)
class Told:
    """What a run left behind."""

    code: int
    said: str
    verdict: dict[str, Any]

    @property
    def blocked(self) -> list[dict[str, Any]]:
        """The criteria that were not observed."""
        return [one for one in self.verdict["criteria"] if one["outcome"] == "blocked"]


def look(directory: Path, *options: str, house: Path = ROOT) -> Told:
    """Run to the end on a bare machine, and return what it left behind."""
    process = subprocess.Popen(
        command(directory / "reports", *options),
        cwd=house,
        env=bare(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return told(directory, process)


def bare(directory: Path) -> dict[str, str]:
    """Return an environment without credentials, proxies, or any program but terraform, where there is one."""
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    if (terraform := shutil.which("terraform")) and not (programs / "terraform").exists():
        (programs / "terraform").symlink_to(terraform)
    kept = {name: value for name, value in environment(directory).items() if not name.lower().endswith("_proxy")}
    return kept | {"PATH": str(programs)}


def told(directory: Path, process: subprocess.Popen[str]) -> Told:
    """Wait for a run, and return what it left behind."""
    said, _ = process.communicate()
    written = directory / "reports" / "latest" / "verdict.json"
    verdict = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    return Told(process.returncode, " ".join(said.split()), verdict)


def is_blind(seen: Told, reasons: set[str], headline: str) -> None:
    """Assert what holds in every blind world.

    Nothing fails, so nothing is held against staging; the exit code and the headline say that it is unproven, and why;
    each criterion that was not observed has its reason, and a hint that is for this reason.
    """
    assert seen.code == seen.verdict["exit_code"] == UNPROVEN, seen.said
    assert seen.verdict["verdict"] == "UNPROVEN"
    assert "fail" not in outcomes(seen.verdict).values()
    assert seen.verdict["causes"] == []
    unseen, known = len(seen.blocked), seen.verdict["coverage"]["selected"] - seen.verdict["coverage"]["n/a"]
    assert seen.verdict["headline"].startswith(f"{unseen} of {known} criteria could not be observed")
    assert re.search(headline, seen.verdict["headline"]), seen.verdict["headline"]
    hints = {hint.id: hint for hint in read().hints}
    told_of = set()
    for one in seen.blocked:
        given = {why["reason"] for why in one["blocked"]}
        told_of |= given
        assert all(why["detail"] for why in one["blocked"]), one["id"]
        assert one["hints"], one["id"]
        assert given & {*hints[one["hints"][0]["id"]].reasons}, one["id"]
        assert any(hint["commands"] for hint in one["hints"]), one["id"]
    assert told_of - {"tool-missing"} == reasons


@pytest.mark.parametrize(
    ("fault", "reasons", "headline", "settled_by"),
    [
        ("gcp-all-403", {"permission-denied"}, "permissions are missing", "add-iam-policy-binding"),
        ("gcp-all-401", {"credentials-refused"}, "Google does not accept the credentials", "gcloud auth list"),
        ("gcp-credentials-expire-midway", {"credentials-expired"}, "the Google login has expired", "gcloud auth"),
        ("gcp-tokens-expire-at-once", {"credentials-expired"}, "the Google login has expired", "gcloud auth"),
        ("gcp-api-disabled", {"api-disabled"}, r"the API vpcaccess\.googleapis\.com is", "gcloud services enable"),
        ("gcp-all-silent", {"api-unavailable"}, "Google's APIs do not answer as they should", "curl -sSI https://"),
        ("monitoring-forbidden", {"permission-denied"}, "permission", "add-iam-policy-binding"),
    ],
)
def test_google_does_not_answer(tmp_path: Path, fault: str, reasons: set[str], headline: str, settled_by: str) -> None:
    """Refused, expired, switched off or silent, from the start or half way: just what hangs on it is not observed."""
    seen = look(tmp_path, *REPLICA, "-m", "not soak", "--fault", fault)
    is_blind(seen, reasons, headline)
    unseen = {id for id, outcome in (FAULTS[fault].turns | BARE).items() if outcome == "blocked"}
    assert {one["id"] for one in seen.blocked} == unseen
    assert settled_by in seen.said


def test_the_credentials_ended_half_way(tmp_path: Path) -> None:
    """What was seen before the credentials ran out still stands, and only what came after is open."""
    seen = look(tmp_path, *REPLICA, "-m", "vpc", "--fault", "gcp-credentials-expire-midway")
    assert outcomes(seen.verdict) == {
        **dict.fromkeys(("VPC-STATE", "VPC-NET", "VPC-CIDR", "VPC-CAP"), "pass"),
        **dict.fromkeys(("VPC-ANNOT", "VPC-EGRESS"), "blocked"),
    }


def test_no_name_can_be_looked_up(tmp_path: Path) -> None:
    """Without DNS nothing at all is seen; that is said of this machine, and the names are not called wrong."""
    seen = look(tmp_path, "--target", str(nameless(tmp_path)), "-m", "phase1 or health or logs")
    is_blind(seen, {"dns", "not-configured"}, "names cannot be looked up from here")
    assert {*outcomes(seen.verdict).values()} == {"blocked"}
    assert "is not declared" not in seen.said


def nameless(directory: Path) -> Path:
    """Write a live target and a login, all of whose hosts have names that never resolve (RFC 6761)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    login = {
        "type": "service_account",
        "client_email": "allclear@netra-staging.iam.gserviceaccount.com",
        "private_key": private.decode(),
        "token_uri": "https://oauth2.allclear.invalid/token",
    }
    (directory / "login.json").write_text(json.dumps(login), encoding="utf-8")
    services = "".join(
        f'[services.{key}]\nurl = "https://{key}.allclear.invalid"\n' for key, _ in load("staging").services
    )
    endpoints = "".join(f'{api} = "https://{api}.allclear.invalid"\n' for api in APIS)
    written = directory / "nameless.toml"
    written.write_text(
        f'extends = "staging"\n{services}[google]\ncredentials_file = "{directory / "login.json"}"\n'
        f"[google.endpoints]\n{endpoints}",
        encoding="utf-8",
    )
    return written


def test_there_are_no_credentials(tmp_path: Path) -> None:
    """Without any credentials, all that Google is asked for is not observed, and how to log in is said once."""
    seen = look(tmp_path, "-m", "vpc or cloudsql or environment or cloudrun")
    is_blind(seen, {"no-credentials"}, "this machine has no Google credentials|no usable Google credentials")
    assert seen.said.count("$ gcloud auth application-default login") == 2  # as the next command, and where it is told


def test_nothing_is_selected(tmp_path: Path) -> None:
    """A selection that matches nothing is pytest's own exit code, and no verdict."""
    seen = look(tmp_path, *REPLICA, "-m", "phase1 and phase2")
    assert (seen.code, seen.verdict) == (NOTHING, {})


def without(directory: Path, table: str, reason: str = "") -> Path:
    """Write staging's profile without one of its tables, with or without the reason why."""
    text = (ROOT / "fixtures" / "targets" / "staging.toml").read_text(encoding="utf-8")
    left = re.sub(rf"^\[{table}[\].].*?(?=^\[(?!{table}[\].])|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    assert left != text
    written = directory / "short.toml"
    undeclared = f'\n[not_declared]\n{table} = "{reason}"\n' if reason else ""
    written.write_text(left + undeclared, encoding="utf-8")
    return written


@pytest.mark.parametrize("table", ["connector", "database", "lock", "redis", "logs", "monitoring", "chat"])
def test_a_profile_lacks_a_section(tmp_path: Path, table: str) -> None:
    """A section that is left out without a reason is a usage error that names it: no criterion goes without a word."""
    seen = look(tmp_path, "--target", str(without(tmp_path, table)), "-m", "phase1")
    assert (seen.code, seen.verdict) == (USAGE, {})
    assert re.search(rf"short\.toml: {table}: this (key|table) is missing", seen.said)


def test_a_profile_says_why_it_lacks_a_section(tmp_path: Path) -> None:
    """With a reason, its criteria are not applicable and say so; where nothing else is left, nothing is proven."""
    seen = look(tmp_path, "--target", str(without(tmp_path, "logs", "written elsewhere")), "-m", "logs")
    assert (seen.code, {*outcomes(seen.verdict).values()}) == (UNPROVEN, {"n/a"})
    assert {one["reason"] for one in seen.verdict["criteria"]} == {"the profile declares no logs: written elsewhere"}
    assert seen.verdict["headline"] == "nothing was observed"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of allclear itself, to be broken."""
    copied = tmp_path / "house"
    shutil.copytree(ROOT, copied, ignore=shutil.ignore_patterns(*AWAY))
    return copied


BREAKS = {
    "a probe raises": (
        "fixtures/probes/vpc_access.py",
        r'(async def read_connector\(.*?""".*?"""\n)',
        r'\1    raise ZeroDivisionError("canary")\n',
        {"VPC-STATE", "VPC-NET", "VPC-CIDR", "VPC-CAP"},
        "allclear's own probe 'connector' crashed: ZeroDivisionError: canary",
    ),
    "a probe hangs": (
        "fixtures/probes/vpc_access.py",
        r'(async def read_connector\(.*?""".*?"""\n)',
        r"\1    await __import__('asyncio').Event().wait()\n",
        {"VPC-STATE", "VPC-NET", "VPC-CIDR", "VPC-CAP"},
        "the probe 'connector' did not come back within its",
    ),
    "a test raises": (
        "suites/phase1/test_1_2_vpc_connector.py",
        r'expect\(connector, "network"\)\.equals\(.*?\)\n',
        'raise ZeroDivisionError("canary")\n',
        {"VPC-NET"},
        "the test of VPC-NET broke: ZeroDivisionError: canary",
    ),
    "a test compares nothing": (
        "suites/phase1/test_1_2_vpc_connector.py",
        r'expect\(connector, "network"\)\.equals\(.*?\)\n',
        'expect(connector, "network")\n',
        {"VPC-NET"},
        "the test of VPC-NET broke: ComparedNothing: this criterion compared nothing, so it proves nothing",
    ),
    "a test compares within a loop over nothing": (
        "suites/phase1/test_1_2_vpc_connector.py",
        r"if service\.behind_connector:\n            egress",
        "if not service:\n            egress",
        {"VPC-EGRESS"},
        "the test of VPC-EGRESS broke: ComparedNothing",
    ),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_the_suite_itself_is_broken(house: Path, broken: str, tmp_path: Path) -> None:
    """What breaks in allclear is its own error: its criteria are not observed, and all others hold."""
    name, old, new, ids, detail = BREAKS[broken]
    path = house / name
    text, count = re.subn(old, new, path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert count == 1
    path.write_text(text, encoding="utf-8")
    seen = look(tmp_path, *REPLICA, "-m", "vpc", house=house)
    is_blind(seen, {"suite-error"}, re.escape(detail))
    assert {one["id"] for one in seen.blocked} == ids
    assert {*outcomes(seen.verdict).values()} == {"blocked", "pass"}


def test_the_engine_is_killed_half_way(tmp_path: Path) -> None:
    """When the engine dies during a run, what was seen before stands, and the rest is our own error."""
    options = (*REPLICA, "-m", "phase1", "--fault", "gcp-all-silent")
    process = subprocess.Popen(
        command(tmp_path / "reports", *options),
        cwd=ROOT,
        env=bare(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_results(tmp_path)
    os.kill(engine_of(process.pid), signal.SIGKILL)
    seen = told(tmp_path, process)
    is_blind(seen, {"suite-error"}, "the engine process")
    assert {"TMO-INIT": "pass", "VPC-STATE": "blocked"}.items() <= outcomes(seen.verdict).items()


def wait_for_results(directory: Path) -> None:
    """Wait until a criterion has been judged."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for lines in (directory / "reports").glob("*/results.jsonl"):
            if '"event": "result"' in lines.read_text(encoding="utf-8"):
                return
        time.sleep(0.02)
    raise AssertionError("no criterion was judged")


def engine_of(pid: int) -> int:
    """Return the process id of a run's engine."""
    children: Iterable[psutil.Process] = psutil.Process(pid).children()
    return next(one.pid for one in children if "fixtures.engine" in one.cmdline())
