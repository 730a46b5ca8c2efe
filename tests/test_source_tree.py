"""The backend's source tree that the replica writes."""

import ast
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.faults.timeouts import MOVED
from fixtures.replica.source_tree import SourceTreeError, write_source_tree
from fixtures.replica.world import Source

PROFILE = load("replica")
FILE = PROFILE.backend_source.file


def settings(source: Source, directory: Path) -> dict[str, Any]:
    """Write a tree and return the names that its settings module defines."""
    return runpy.run_path(str(write_source_tree(source, FILE, directory) / FILE))


def broken_by(fault: str) -> Source:
    """Return the source of a world with one fault."""
    world = build_world(PROFILE)
    FAULTS[fault].apply(world)
    return world.source


def test_healthy_tree_holds_the_lock(tmp_path: Path) -> None:
    """Without edits, staging's timeouts and pool settings are the profile's lock."""
    module = settings(Source(), tmp_path)
    assert module["get_database_timeout_config"]("staging") == PROFILE.lock.timeouts.model_dump()
    pool = module["get_cloud_sql_optimized_config"]("staging")["pool_config"]
    assert PROFILE.lock.pool.model_dump().items() <= pool.items()


def test_unknown_environment_gets_development(tmp_path: Path) -> None:
    """An environment that is not defined gets development's timeouts, silently, as the real backend does."""
    timeouts = settings(Source(), tmp_path)["get_database_timeout_config"]
    assert timeouts("nowhere") == timeouts("Development")


def test_alerts_at_the_planned_levels(tmp_path: Path) -> None:
    """A bare interpreter can import the tree; its handlers hear of 21 s and 26 s, not of 19 s, and may ask back."""
    checkout = write_source_tree(Source(), FILE, tmp_path)
    script = """
import json
from netra_backend.app.core import database_timeout_config as settings
heard = []
def handler(environment, alert):
    settings.get_connection_performance_summary(environment)
    heard.append([environment, alert["level"], alert["type"], alert["threshold"]])
settings.register_connection_alert_handler(handler)
for seconds in (19.0, 21.0, 26.0):
    settings.monitor_connection_attempt("staging", seconds, True)
print(json.dumps(heard))
"""
    heard = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(heard.stdout) == [
        ["staging", "warning", "connection_time", 20.0],
        ["staging", "critical", "connection_time", 25.0],
    ]


@pytest.mark.parametrize("moved", MOVED, ids=lambda moved: moved.setting)
def test_moved_timeouts(moved: Any, tmp_path: Path) -> None:
    """A regression and a drift move one timeout of staging off the lock, to either side, and nothing else."""
    locked = PROFILE.lock.timeouts.model_dump()
    assert locked[moved.setting] == moved.locked
    name = moved.setting.replace("_", "-")
    for word, value in (("regressed", moved.regressed), ("drifted", moved.drifted)):
        module = settings(broken_by(f"{name}-{word}"), tmp_path / word)
        assert module["get_database_timeout_config"]("staging") == {**locked, moved.setting: value}
        assert (value < moved.locked) is (word == "regressed")


def test_merge_markers_break_the_syntax(tmp_path: Path) -> None:
    """With unresolved merge markers, Python cannot parse the settings module."""
    checkout = write_source_tree(broken_by("settings-merge-markers"), FILE, tmp_path)
    text = (checkout / FILE).read_text(encoding="utf-8")
    assert [line[:7] for line in text.splitlines() if line.startswith(("<<<<<<<", "=======", ">>>>>>>"))] == [
        "<<<<<<<",
        "=======",
        ">>>>>>>",
    ]
    with pytest.raises(SyntaxError):
        ast.parse(text)


def test_missing_key(tmp_path: Path) -> None:
    """Without its line, staging has no health check timeout, and keeps the other four."""
    module = settings(broken_by("settings-missing-key"), tmp_path)
    assert set(PROFILE.lock.timeouts.model_dump()) - set(module["get_database_timeout_config"]("staging")) == {
        "health_check_timeout"
    }


def test_deleted_source(tmp_path: Path) -> None:
    """A deleted settings module leaves a checkout without it."""
    checkout = write_source_tree(broken_by("source-deleted"), FILE, tmp_path)
    assert (checkout / FILE).parent.is_dir()
    assert not (checkout / FILE).exists()


def test_edit_that_does_not_fit(tmp_path: Path) -> None:
    """An edit whose old text is not in the file is refused, and quoted."""
    with pytest.raises(SourceTreeError, match="does not occur: 'no such line'"):
        write_source_tree(Source(replacements=[("no such line", "")]), FILE, tmp_path)
