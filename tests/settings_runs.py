"""Runs a settings module for real, and holds what the static reader says of it against what it returns."""

import os
from typing import Any
from unittest import mock

from fixtures.evidence.settings import DatabaseSettings, Setting
from fixtures.probes.static_source import POOL, TIMEOUTS, read
from tests.settings_modules import VARIABLE

FILE = "netra_backend/app/core/database_timeout_config.py"
WORLDS: tuple[dict[str, str], ...] = ({}, {VARIABLE: "25"}, {VARIABLE: "pool_timeout"})
"""Environment variables that the modules are run with."""


def run(text: str, environment: str, world: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Import a module's text and ask it for timeouts and pool, each afresh; None if that fails."""
    asked = []
    for function, key in (("get_database_timeout_config", None), ("get_cloud_sql_optimized_config", "pool_config")):
        with mock.patch.dict(os.environ, world):
            try:
                names: dict[str, Any] = {"__name__": "settings_under_test"}
                exec(compile(text, FILE, "exec"), names)
                told = names[function](environment)
                asked.append(dict(told if key is None else told.get(key, {})))
            except Exception:  # noqa: BLE001 - whatever a generated module raises, it returns nothing
                return None
    return asked[0], asked[1]


def states(said: dict[str, Setting]) -> dict[str, float]:
    """Return the values that were stated."""
    return {name: setting.value for name, setting in said.items() if setting.value is not None}


def holds(setting: Setting | None, returned: dict[str, Any], name: str) -> bool:
    """Whether what was said of a setting agrees with what running returned."""
    if setting is None:
        return name not in returned
    if setting.value is None:
        return True
    value = returned.get(name)
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value) == setting.value


def assert_true(text: str, environment: str) -> DatabaseSettings:
    """Assert that everything said of a module is so wherever running it returns anything, and return what was said."""
    said = read(text.encode(), FILE, environment)
    runs = [run(text, environment, world) for world in WORLDS]
    for returned in filter(None, runs):
        assert said.broken_kind not in ("raises", "no-function", "syntax", "encoding", "merge-markers"), said.broken
        for table, names, values in ((said.timeouts, TIMEOUTS, returned[0]), (said.pool, POOL, returned[1])):
            wrong = {name: table.get(name) for name in names if not holds(table.get(name), values, name)}
            assert not wrong, (wrong, values)
    return said


def assert_refused(said: DatabaseSettings) -> None:
    """Assert that a module that fails whatever surrounds it is not said to have both timeouts and pool."""
    assert not (states(said.timeouts) and states(said.pool)), said
