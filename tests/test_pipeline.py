"""The post-deploy gate that docs/pipeline.md shows: its files are valid, and their own shell steps are run for real."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pipeline"
WORKFLOW = FOLDER / "post-deploy.yml"


def steps() -> list[dict[str, Any]]:
    """Return the workflow's steps."""
    loaded = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = loaded["jobs"]["gate"]["steps"]
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a clone holds."""
    copy = tmp_path / "allclear"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    return copy


def environment(python: Path, home: Path) -> dict[str, str]:
    """Return a pipeline's environment, in which `python` and what it installs come first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GOOGLE_", "GITHUB_"))}
    path = f"{python.parent}:{os.environ['PATH']}"
    return kept | {"PATH": path, "HOME": str(home), "ALLCLEAR_TARGET": "replica", "WAIT_READY": "60"}


def virtual_environment(directory: Path) -> Path:
    """Make one that sees what this one has installed, so that installing takes seconds; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    site = next(directory.glob("lib/*/site-packages"))
    (site / "seen.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return directory / "bin" / "python"


def gate(checkout: Path, script: str, env: dict[str, str]) -> int:
    """Run shell steps as a pipeline does, and return their exit code."""
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=checkout, env=env, check=False)
    return done.returncode


def test_the_workflow_gates(checkout: Path, tmp_path: Path) -> None:
    """The workflow's own `run` lines let a good deployment pass, advisories and all, and stop any other."""
    env = environment(virtual_environment(tmp_path / "venv"), tmp_path)
    install, verify = (step["run"] for step in steps() if "run" in step)
    assert gate(checkout, install, env) == 0
    for fault, code in ((None, 0), ("backend-reports-unhealthy", 1), ("gcp-all-403", 6)):
        shutil.rmtree(checkout / "reports", ignore_errors=True)
        assert gate(checkout, verify, env | ({"PYTEST_ADDOPTS": f"--fault={fault}"} if fault else {})) == code
        verdict = json.loads((checkout / "reports" / "latest" / "verdict.json").read_text(encoding="utf-8"))
        assert verdict["exit_code"] == code
        kept = next(step["with"]["path"] for step in steps() if "upload-artifact" in step.get("uses", ""))
        (run,) = checkout.glob(kept.rstrip("/"))
        assert {"report.html", "junit.xml", "verdict.json"} <= {path.name for path in run.iterdir()}


def test_the_shell_script_gates(checkout: Path, tmp_path: Path) -> None:
    """The plain shell script makes its own environment and ends with the gate's exit code."""
    env = environment(virtual_environment(checkout / ".venv"), tmp_path)
    env |= {"PYTEST_ADDOPTS": "--fault=revision-not-ready"}
    assert gate(checkout, "docs/pipeline/post-deploy.sh", env) == 1


def test_the_report_is_kept_whatever_the_verdict() -> None:
    """The artifacts of a gate that has stopped a deployment are those that are needed."""
    (upload,) = [step for step in steps() if "upload-artifact" in step.get("uses", "")]
    assert (upload["if"], upload["with"]["if-no-files-found"]) == ("always()", "error")


def test_the_page_shows_the_files() -> None:
    """docs/pipeline.md links both files, and says what is to be filled in."""
    page = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")
    text = WORKFLOW.read_text(encoding="utf-8")
    assert {"pipeline/post-deploy.yml", "pipeline/post-deploy.sh"} <= set(page.replace(")", "(").split("("))
    for blank in ("OWNER/allclear", "WORKLOAD_IDENTITY_PROVIDER", "ALLCLEAR_SERVICE_ACCOUNT"):
        assert blank in page
        assert blank in text
