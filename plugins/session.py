"""The course of a run: its options, its target, its engine, its record, and its end."""

import contextlib
import json
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from fixtures.engine.client import Address, Client, Engine, EngineDied
from fixtures.observe import CLIENT, PROFILE, undeclared
from fixtures.own import FOLDERS
from fixtures.probes.registry import PROBES
from fixtures.profile import Profile, ProfileError, load
from plugins.criteria import CRITERION, criteria
from plugins.incident import told
from plugins.own import enter_all, faults
from plugins.readiness import wait_ready_s
from plugins.remediation import check
from plugins.reporting.record import Criterion, Record
from plugins.runbook import CatalogueError

_SELECTION = "selection.json"


class Run:
    """The state of one run on the process that reports it."""

    def __init__(self, record: Record, profile: Profile, engine: Engine) -> None:
        self.record = record
        self.profile = profile
        self.engine = engine
        self.clock = time.perf_counter()


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("allclear", "allclear: what to verify, and where")
    group.addoption(
        "--target",
        default=os.environ.get("ALLCLEAR_TARGET", "staging"),
        metavar="NAME|FILE",
        help="the target: a profile in fixtures/targets, or a TOML file (default: $ALLCLEAR_TARGET, else staging)",
    )
    group.addoption("--source", metavar="PATH", help="a checkout of the backend at the deployed commit")
    group.addoption(
        "--fault", action="append", default=[], metavar="ID", help="break the replica on purpose; may be repeated"
    )
    group.addoption(
        "--soak-minutes", metavar="N", help="how long -m soak lasts (default: as the plan asks, lock.limits.soak)"
    )
    group.addoption(
        "--reports", metavar="DIR", help="where the run's own directory is made (default: reports, beside conftest.py)"
    )
    group.addoption("--list-faults", action="store_true", help="list the replica's faults and exit")
    group.addoption("--list-criteria", action="store_true", help="list the selected criteria and exit")


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the target's profile and start the engine, so that it wakes while pytest collects.

    Raises:
        pytest.UsageError: the profile, the source path, a fault or the runbook is wrong.
    """
    option = config.option
    try:
        profile = load(option.target)
    except ProfileError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[PROFILE] = profile
    enter_all(config)
    if is_worker(config):
        config.stash[CLIENT] = Client(Address(**config.workerinput["allclear_engine"]))  # type: ignore[attr-defined]  # xdist sets it
        return
    if option.collectonly or option.help or option.list_criteria or option.list_faults or option.version:
        return
    _check(option, profile)
    soak_minutes = _minutes(option.soak_minutes)
    started = datetime.now(UTC)
    incident = told(option.incident, option.incident_start, started)
    source = str(Path(option.source).resolve()) if option.source else None
    engine = Engine(option.target, source, option.fault, soak_minutes, wait_ready_s(config), FOLDERS)
    try:
        check(profile)  # while the engine wakes
    except CatalogueError as error:
        engine.stop()
        raise pytest.UsageError(f"the runbook cannot be used:\n{error}") from None
    record = Record(
        target=profile.target.name,
        title=profile.target.title,
        kind=profile.target.kind,
        profile=option.target,
        started_at=started.isoformat(timespec="seconds"),
        command=shlex.join(["pytest", *config.invocation_params.args]),
        directory=_directory(Path(option.reports or config.rootpath / "reports"), started, profile.target.name),
        incident=incident,
        own=tuple(str(folder) for folder in FOLDERS),
    )
    config.stash[RUN] = Run(record, profile, engine)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _interrupt)


def _check(option: Any, profile: Profile) -> None:
    if option.source and not Path(option.source).is_dir():
        raise pytest.UsageError(f"--source {option.source}: no such directory")
    if option.fault and profile.replica is None:
        raise pytest.UsageError(f"--fault is for --target replica; {profile.target.title} is not broken on purpose")
    if option.fault:
        import difflib

        known = faults()
        for fault in option.fault:
            if fault not in known:
                near = difflib.get_close_matches(fault, known, n=3)
                raise pytest.UsageError(f"--fault {fault}: no such fault; nearest: {', '.join(near) or 'none'}")


def _minutes(text: str | None) -> float | None:
    """Read `--soak-minutes`.

    Raises:
        pytest.UsageError: it is not a number of minutes above zero.
    """
    if text is None:
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not (math.isfinite(minutes) and minutes > 0):
        raise pytest.UsageError(f"--soak-minutes {text}: give a number of minutes above zero; 0.5 is half a minute")
    return minutes


def _interrupt(number: int, _: FrameType | None) -> None:
    # pytest writes every report on a KeyboardInterrupt, and none when a signal ends it.
    raise KeyboardInterrupt(signal.Signals(number).name)


def _directory(reports: Path, started: datetime, target: str) -> Path:
    name = f"{started:%Y%m%dT%H%M%SZ}-{target}"
    path = reports / name
    number = 2
    while path.exists():
        path, number = reports / f"{name}-{number}", number + 1
    path.mkdir(parents=True)
    return path


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the engine listens, and where to note the selection."""
    run = node.config.stash[RUN]
    node.workerinput["allclear_engine"] = vars(run.engine.client().address)
    node.workerinput["allclear_directory"] = str(run.record.directory)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start every probe that a selected criterion needs, all at the same time."""
    config = session.config
    selected = criteria(session.items)
    if not selected or config.option.collectonly or config.option.list_criteria:
        return
    if is_worker(config):
        directory = Path(config.workerinput["allclear_directory"])  # type: ignore[attr-defined]  # xdist sets it
        _note_selection(directory, selected)
    else:
        config.stash[CLIENT] = config.stash[RUN].engine.client()
        config.stash[RUN].record.select(selected)
    profile = config.stash[PROFILE]
    # Every test that asks hears of a dead engine, as the reason why it is blocked.
    with contextlib.suppress(EngineDied):
        config.stash[CLIENT].start(name for name in needed(selected) if undeclared(PROBES[name], profile) is None)


def needed(selected: Iterable[Criterion]) -> set[str]:
    """Return the probes that the criteria need: their own, where we look from, and who we are if Google is asked."""
    own = {probe for criterion in selected for probe in criterion.probes}
    asks_google = any("google" in PROBES[probe].faces for probe in own)
    return own | {"vantage"} | ({"identity"} if asks_google else set())


def _note_selection(directory: Path, selected: list[Criterion]) -> None:
    """Write what a worker collected for the controller, which collects nothing. All workers write the same."""
    text = json.dumps([criterion.model_dump(mode="json") for criterion in selected])
    partial = directory / f"{_SELECTION}.{os.getpid()}"
    partial.write_text(text, encoding="utf-8")
    partial.replace(directory / _SELECTION)


def read_selection(run: Run) -> None:
    """Take over what the xdist workers collected, if they did and it is not known yet."""
    path = run.record.directory / _SELECTION
    if not run.record.selected and path.exists():
        run.record.select(Criterion.model_validate(item) for item in json.loads(path.read_text(encoding="utf-8")))
        path.unlink()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the engine, and with it an embedded replica."""
    run = config.stash.get(RUN, None)
    if run is not None:
        run.engine.stop()


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer `--list-faults` without a run; make `--list-criteria` a quiet collection."""
    if config.option.list_faults:
        enter_all(config)
        for id, breaks in sorted(faults().items()):
            sys.stdout.write(f"{id:<28} {breaks}\n")
        return 0
    if config.option.list_criteria:
        config.option.verbose, config.option.no_header, config.option.no_summary = -2, True, True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Print the selected criteria instead of running them, if that was asked."""
    if not session.config.option.list_criteria:
        return None
    for item in session.items:
        if (criterion := item.stash.get(CRITERION, None)) is not None:
            sys.stdout.write(f"{criterion.id:<13} §{criterion.section:<8} {criterion.severity:<8} {criterion.title}\n")
    return True
