"""On a runner of GitHub Actions: annotations that say what is broken, and output that commands the runner nothing."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from plugins.reporting import github
from tests.test_reports import compared, hint, incident, result, verdict
from tests.test_whole_run import ROOT, command, environment

COMMAND = re.compile(r"^\s*::([\w-]+)|##\[")


def test_causes_come_first() -> None:
    """A cause is an error with what was observed; what it explains is not repeated; a gap beside it warns."""
    first, *others = github.annotations(incident())
    assert first == (
        "::error title=VPC-STATE%3A The good state of VPC-STATE.::"
        "state of VPC connector staging-connector: ERROR, expected READY (plan 1.2)"
    )
    assert [line.split("::")[1].split(" ")[0] for line in others] == ["warning", "warning"]
    assert not any("SQL-DIRECT" in line for line in [first, *others])


def test_what_could_not_be_observed_is_an_error_where_it_decides() -> None:
    """In a run that is unproven, each reason is an error and names the criteria that it blocks."""
    results = [one for id, one in incident().results.items() if id in ("SQL-STATE", "SQL-PRIVATE")]
    (line,) = github.annotations(verdict(results, exit_code=6, word="UNPROVEN", SQL_STATE=hint()))
    assert line.startswith("::error title=Not observed%3A the permission cloudsql.instances.get is missing::")
    assert line.endswith("SQL-STATE, SQL-PRIVATE")


def test_no_more_than_github_shows() -> None:
    """Of each level there are ten at most, and the heaviest are kept."""
    many = verdict([result(f"X-{letter}", "fail", compared("ERROR")) for letter in "ABCDEFGHIJKLMN"])
    lines = github.annotations(many)
    assert len(lines) == github.MOST
    assert "X-A" in lines[0]


def test_what_services_say_is_no_command() -> None:
    """A line break, a percent sign or a colon of a service stays text within its annotation."""
    (line,) = github.annotations(verdict([result("X", "fail", compared("a\n::error::b\r100 %"))]))
    assert "\n" not in line
    assert line.count("\r") == 0
    assert line.endswith("a ::error::b 100 %25, expected READY (plan 1.2)")


def test_elsewhere_nothing_is_said() -> None:
    """Without GitHub's own variable nothing of this happens."""
    assert not github.is_there({"CI": "true"})
    assert github.is_there({"GITHUB_ACTIONS": "true"})


@pytest.mark.slow
def test_a_run_on_a_runner(tmp_path: Path) -> None:
    """Commands are off from the first to the last line, save for the annotations; the summary is on the page."""
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")
    env = environment(tmp_path) | {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    options = ("-m", "vpc", "--target", "replica", "--fault", "connector-in-error")
    done = subprocess.run(command(tmp_path, *options), cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    commands = [line for line in done.stdout.splitlines() if COMMAND.match(line)]
    first, resumed, *said, stopped, last = commands
    token = first.removeprefix("::stop-commands::")
    assert (resumed, stopped, last) == (f"::{token}::", first, f"::{token}::")
    assert any(line.startswith("::error title=VPC-STATE") for line in said)
    assert {COMMAND.match(line)[1] for line in said} <= {"error", "warning"}  # type: ignore[index]  # they match
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert "VPC-STATE" in text
    assert os.linesep not in token
