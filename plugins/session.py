"""The course of a run: its options, its target, its engine, its record, and its end."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from fixtures.engine.client import Address, Client, Engine, EngineDied, Source
from fixtures.observe import CLIENT, DECLARED, PROFILE, undeclared
from fixtures.own import FOLDERS
from fixtures.probes.registry import PROBES
from fixtures.profile import Declared, Profile, ProfileError, read
from fixtures.recording import Recording, Replayed
from plugins import incident, options, replay
from plugins.criteria import CRITERION, criteria
from plugins.own import enter_all, faults
from plugins.readiness import wait_ready_s
from plugins.recording import Keeper, header
from plugins.remediation import check
from plugins.reporting.record import Criterion, Record
from plugins.runbook import CatalogueError

_SELECTION = "selection.json"


class Run:
    """The state of one run on the process that reports it."""

    def __init__(
        self, record: Record, declared: Declared, engine: Source, keeper: Keeper, recording: Recording | None
    ) -> None:
        self.record = record
        self.declared = declared
        self.profile = declared.profile()
        self.engine = engine
        self.keeper = keeper
        self.recording = recording
        self._clock = time.perf_counter()

    def select(self, selected: Iterable[Criterion]) -> None:
        """Note what was selected."""
        self.record.select(selected)
        self.keeper.begin(self.record.selected.values())

    @property
    def seconds(self) -> float:
        """Wall time of the run; of a replay, that of the run it judges, as far as it is known."""
        if self.recording is None:
            return time.perf_counter() - self._clock
        return 0.0 if self.recording.end is None else self.recording.end.seconds


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("allclear", "allclear: what to verify, and where")
    group.addoption(
        "--target",
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
        pytest.UsageError: the profile, the recording, the source path, a fault or the runbook is wrong.
    """
    option = config.option
    enter_all(config)
    if not is_worker(config):
        replay.check(option)
    recording = replay.opened(config)
    declared = _declare(config, recording)
    if is_worker(config):
        told = config.workerinput["allclear_engine"]  # type: ignore[attr-defined]  # xdist sets it
        config.stash[CLIENT] = Client(Address(**told)) if recording is None else Replayed(recording)
        return
    if option.collectonly or option.help or option.list_criteria or option.list_faults or option.version:
        return
    config.stash[RUN] = _begin(config, declared, recording)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _interrupt)


def _declare(config: pytest.Config, recording: Recording | None) -> Declared:
    """Note what is looked at, in what is declared of it and in the options.

    Raises:
        pytest.UsageError: the profile cannot be used.
    """
    option = config.option
    if recording is not None:
        option.target = recording.header.target
    elif option.target is None:
        option.target = os.environ.get("ALLCLEAR_TARGET", "staging")
    try:
        declared = read(option.target) if recording is None else replay.declared(recording, option.lock)
        config.stash[DECLARED], config.stash[PROFILE] = declared, declared.profile()
    except ProfileError as error:
        raise pytest.UsageError(str(error)) from None
    return declared


def _begin(config: pytest.Config, declared: Declared, recording: Recording | None) -> Run:
    """Return a run whose engine is starting; in a replay there is none.

    Raises:
        pytest.UsageError: an option or the runbook is wrong.
    """
    option, profile, now = config.option, config.stash[PROFILE], datetime.now(UTC)
    known = header(config, declared, now) if recording is None else recording.header
    clock = incident.told(*_incident(option, recording), datetime.fromisoformat(known.started_at))
    engine: Source = Replayed(recording) if recording is not None else _engine(config, profile)
    try:
        check(profile)  # while the engine wakes
    except CatalogueError as error:
        engine.stop()
        raise pytest.UsageError(f"the runbook cannot be used:\n{error}") from None
    ending = profile.target.name if recording is None else f"{profile.target.name}-replay"
    record = Record(
        target=profile.target.name,
        title=profile.target.title,
        kind=profile.target.kind,
        profile=known.target,
        started_at=known.started_at,
        command=known.command,
        directory=_directory(Path(option.reports or config.rootpath / "reports"), now, ending),
        replay=None if recording is None else replay.replayed(config, recording, profile),
        incident=clock,
        own=tuple(str(folder) for folder in FOLDERS),
    )
    keeper = Keeper(engine, known, record.directory if recording is None else None)
    return Run(record, declared, engine, keeper, recording)


def _incident(option: Any, recording: Recording | None) -> tuple[str, str]:
    """Return id and start of the incident; a replay's is that of the run."""
    if recording is None:
        return option.incident, option.incident_start
    return recording.header.options.get("incident", ""), recording.header.options.get("incident_start", "")


def _engine(config: pytest.Config, profile: Profile) -> Engine:
    option = config.option
    options.check(option, profile)
    source = str(Path(option.source).resolve()) if option.source else None
    soak_minutes = options.minutes(option.soak_minutes)
    return Engine(option.target, source, option.fault, soak_minutes, wait_ready_s(config), FOLDERS)


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
    client = run.engine.client()
    node.workerinput["allclear_engine"] = vars(client.address) if isinstance(client, Client) else None
    node.workerinput["allclear_directory"] = str(run.record.directory)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Start every probe that a selected criterion needs, all at the same time.

    A worker's selection is noted before xdist tells the controller that it has collected: no result comes earlier.
    """
    config = session.config
    selected = criteria(session.items)
    if not selected or config.option.collectonly or config.option.list_criteria:
        return
    if is_worker(config):
        directory = Path(config.workerinput["allclear_directory"])  # type: ignore[attr-defined]  # xdist sets it
        _note_selection(directory, selected)
    else:
        config.stash[CLIENT] = config.stash[RUN].engine.client()
        config.stash[RUN].select(selected)
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
    """Take over what the xdist workers collected, if they did, unless it is known; a late note is thrown away."""
    path = run.record.directory / _SELECTION
    if path.exists():
        if not run.record.selected:
            run.select(Criterion.model_validate(item) for item in json.loads(path.read_text(encoding="utf-8")))
        path.unlink(missing_ok=True)


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
