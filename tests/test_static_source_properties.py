"""The static reader against the interpreter: it never states a value that running the module does not return."""

import os
import random
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.evidence.settings import DatabaseSettings, Setting
from fixtures.probes.static_source import POOL, TIMEOUTS, read
from tests.settings_modules import ENVIRONMENTS, VARIABLE, modules

FILE = "netra_backend/app/core/database_timeout_config.py"
PLAN = (Path(__file__).parent.parent / "fixtures/replica/backend_tree" / FILE).read_text(encoding="utf-8")
WORLDS: tuple[dict[str, str], ...] = ({}, {VARIABLE: "25"}, {VARIABLE: "pool_timeout"})
"""Environment variables that the modules are run with."""

pytestmark = [pytest.mark.slow]

fixed = settings(
    derandomize=True, database=None, deadline=None, max_examples=50, suppress_health_check=list(HealthCheck)
)


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


@fixed
@given(text=modules(odd=True), environment=st.sampled_from((*ENVIRONMENTS, "nowhere", "Staging")))
def test_what_is_stated_is_what_running_returns(text: str, environment: str) -> None:
    """Of any module, whatever it looks up, computes, merges or changes, no value is stated that it does not return."""
    assert_true(text, environment)


@fixed
@given(text=modules(odd=False), environment=st.sampled_from(ENVIRONMENTS))
def test_plain_modules_are_read_in_full(text: str, environment: str) -> None:
    """Of a module that depends on nothing outside itself, every value is told: caution is no excuse."""
    said = assert_true(text, environment)
    returned = run(text, environment, {})
    if returned is None:
        assert_refused(said)
    else:
        plain = {name: value for name, value in returned[0].items() if not isinstance(value, bool)}
        assert states(said.timeouts) == {name: float(value) for name, value in plain.items()}


def torn(seed: int) -> str:
    """Return the plan's own file after a bad merge: some lines before its classes lost, doubled or moved.

    Objects are not followed, so what their construction raises is not told.
    """
    settings_part, monitor = PLAN.split("@dataclass\n", maxsplit=1)
    chance, lines = random.Random(seed), settings_part.splitlines()
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, other = sorted((chance.randrange(len(lines)), chance.randrange(len(lines))))
        match chance.choice(("lose", "double", "swap", "move")):
            case "lose":
                del lines[at : at + chance.choice((1, 1, 3))]
            case "double":
                lines[at:at] = lines[at : at + chance.choice((1, 1, 3))]
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "move":
                lines.insert(other, lines.pop(at))
    return "\n".join([*lines, "", "@dataclass", monitor])


@pytest.mark.parametrize("block", range(4), ids=lambda block: f"from-{block * 30}")
def test_a_torn_file_is_read_as_it_runs(block: int) -> None:
    """However the plan's own file is torn, what is said of it is what importing and asking it gives."""
    for seed in range(block * 30, block * 30 + 30):
        text = torn(seed)
        said = assert_true(text, "staging")
        if run(text, "staging", {}) is None:
            assert_refused(said)
