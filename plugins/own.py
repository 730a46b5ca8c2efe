"""`--own DIR`: criteria, hints, probes and faults of one's own, beside ours (docs/your-own.md)."""

import os
from pathlib import Path
from types import ModuleType

import pytest

from fixtures.observe import fixture_of
from fixtures.own import FOLDERS, OwnError, enter
from fixtures.probes.registry import PROBES


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    given = os.environ.get("ALLCLEAR_OWN", "")
    parser.getgroup("allclear").addoption(
        "--own",
        action="append",
        default=given.split(os.pathsep) if given else [],
        metavar="DIR",
        help="a folder of your own with suites, runbook, probes, faults; may be repeated (default: $ALLCLEAR_OWN)",
    )


def enter_all(config: pytest.Config) -> None:
    """Enter the folders: their probes become fixtures, their suites are collected in a run that names no path.

    Raises:
        pytest.UsageError: a folder cannot be used.
    """
    ours = set(PROBES)
    try:
        for folder in config.option.own:
            enter(Path(folder).resolve())
    except OwnError as error:
        raise pytest.UsageError(f"--own {error}") from None
    fixtures = ModuleType("allclear-own")
    for name in PROBES.keys() - ours:
        setattr(fixtures, name, fixture_of(PROBES[name]))
    config.pluginmanager.register(fixtures, "allclear-own")
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args += [str(suites) for folder in FOLDERS if (suites := folder / "suites").is_dir()]


def faults() -> dict[str, str]:
    """Return what every fault of the replica breaks, ours and those of the folders, by id."""
    from fixtures.own import load_faults
    from fixtures.replica.faults import FAULTS  # only here: a live run does not load the replica

    load_faults()
    return {fault.id: fault.breaks for fault in FAULTS.values()}
