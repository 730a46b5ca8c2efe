"""What the current Allure makes of our results: the site is generated, and its own data are read."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.test_whole_run import ROOT, command, environment

ALLURE = shutil.which("allure")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ALLURE is None, reason="needs Allure 3 (npm install -g allure)"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a run with the connector down."""
    assert ALLURE is not None
    directory = tmp_path_factory.mktemp("allure")
    options = ("-m", "vpc or timeouts", "--target", "replica", "--fault", "connector-in-error")
    results = f"--alluredir={directory / 'results'}"
    run = [*command(directory, *options), results]
    subprocess.run(run, cwd=ROOT, env=environment(directory), stdout=subprocess.DEVNULL, check=False)
    generate = [ALLURE, "generate", str(directory / "results"), "-o", str(directory / "site")]
    subprocess.run(generate, cwd=directory, capture_output=True, check=True)
    return directory / "site"


def shown(site: Path) -> dict[str, dict[str, Any]]:
    """Return what the site has of each test, by criterion."""
    found = {}
    for path in (site / "data" / "test-results").glob("*.json"):
        test = json.loads(path.read_text(encoding="utf-8"))
        labels = {label["name"]: label["value"] for label in test["labels"]}
        if "criterion" in labels:
            found[labels["criterion"]] = test
    return found


def test_the_site_tells_what_failed(site: Path) -> None:
    """A failing criterion has its severity, its sentence, its comparisons as steps, evidence and commands attached."""
    test = shown(site)["VPC-STATE"]
    labels = {(label["name"], label["value"]) for label in test["labels"]}
    assert test["status"] == "failed"
    assert {("severity", "critical"), ("section", "1.2"), ("feature", "phase1"), ("story", "vpc")} <= labels
    assert "ERROR, expected READY" in test["error"]["message"]
    steps = {step["name"]: step["status"] for step in test["steps"] if step["type"] == "step"}
    assert steps == {"state of VPC connector staging-connector: ERROR, expected READY": "failed"}
    attached = {one["link"]["name"]: one["link"] for one in test["attachments"]}
    assert set(attached) == {"evidence", "what to do"}
    for link in attached.values():
        assert (site / "data" / "attachments" / f"{link['id']}{link['ext']}").stat().st_size > 0


def test_the_site_tells_a_warning_from_a_pass(site: Path) -> None:
    """Allure has no word for a warning: it passes there, and its title and its steps say that it warns."""
    test = shown(site)["TMO-NEST"]
    assert test["status"] == "passed"
    assert test["name"].startswith("WARN TMO-NEST")
    assert any(step["name"].startswith("WARN ") for step in test["steps"] if step["type"] == "step")


def test_the_site_says_what_it_is_worth(site: Path) -> None:
    """The site's environment says that a replica run says nothing about staging, and what the verdict was."""
    known = {item["name"]: item for item in json.loads((site / "widgets" / "allure_environment.json").read_text())}
    assert known["disclaimer"]["values"] == ["REPLICA RUN: this says nothing about staging."]
    assert known["verdict"]["values"] == ["NOT CLEAR"]
