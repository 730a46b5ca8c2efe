"""`--replay FILE`: judges again what a run saw, offline, by the same suites; `--lock KEY=VALUE` by another lock."""

import shlex
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import pytest

from fixtures.expect import Locked
from fixtures.profile import Declared, Profile, ProfileError
from fixtures.profile.units import spell
from fixtures.recording import Recording, RecordingError, read
from plugins.criteria import CRITERION, criteria
from plugins.reporting.record import Replay

RECORDING = pytest.StashKey[Recording]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a replay."""
    group = parser.getgroup("allclear", "allclear: what to verify, and where")
    group.addoption(
        "--replay", metavar="FILE", help="judge again what a run saw (its evidence.jsonl, or its directory), offline"
    )
    group.addoption(
        "--lock",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="with --replay: by another expected value, such as lock.limits.health_max=20s; may be repeated",
    )


def check(option: Any) -> None:
    """Check which options are given together.

    Raises:
        pytest.UsageError: `--lock` without `--replay`, or something to look at with it.
    """
    if option.lock and option.replay is None:
        raise pytest.UsageError("--lock is for --replay; a run is judged by its target's profile")
    given = [name for name in ("target", "source", "fault", "soak_minutes", "wait_ready") if getattr(option, name)]
    if option.replay is not None and given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise pytest.UsageError(f"{names}: not with --replay, which looks at nothing but its recording")


def opened(config: pytest.Config) -> Recording | None:
    """Return the recording that is to be judged; None for a run that looks for itself.

    Raises:
        pytest.UsageError: the recording cannot be used.
    """
    option = config.option
    if option.replay is None:
        return None
    try:
        recording = read(option.replay)
    except RecordingError as error:
        raise pytest.UsageError(f"--replay {error}") from None
    option.replay = str(recording.path.resolve())  # for xdist's workers, wherever they start
    config.stash[RECORDING] = recording
    return recording


def declared(recording: Recording, locks: Iterable[str]) -> Declared:
    """Return the recorded profile, with the locks that are to be others.

    Raises:
        pytest.UsageError: such a lock is not written as `lock.KEY=VALUE`.
    """
    recorded = Declared(recording.path, recording.header.profile, {})
    return reduce(lambda one, given: one.over(_table(given), "--lock"), locks, recorded)


def _table(given: str) -> dict[str, Any]:
    """Return `lock.a.b=VALUE` as tables; a value that is not TOML is text, as durations and sizes are."""
    key, equals, text = given.partition("=")
    parts = key.strip().split(".")
    if not equals or parts[0] != "lock" or len(parts) < 2:
        raise pytest.UsageError(
            f"--lock {given}: write a key as the reports do, and its value: lock.timeouts.pool_timeout=60s"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return reduce(lambda inner, part: {part: inner}, reversed(parts), value)


def replayed(config: pytest.Config, recording: Recording, profile: Profile) -> Replay:
    """Return what the reports must say of a replay.

    Raises:
        pytest.UsageError: the recording's own profile cannot be read any more.
    """
    try:
        before = Declared(recording.path, recording.header.profile, {}).profile()
    except ProfileError as error:
        raise pytest.UsageError(f"--replay {error}") from None
    return Replay(
        of=str(recording.path),
        seen_at=recording.header.started_at,
        seen_by=recording.header.allclear,
        judged_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["pytest", *config.invocation_params.args]),
        changes=tuple(_changes(before, profile)),
    )


def announced(config: pytest.Config) -> str:
    """Return what is said of a replay where the run's record is not at hand; empty for a run that looks for itself."""
    recording = config.stash.get(RECORDING, None)
    if recording is None:
        return ""
    changed = f" WITH {'; '.join(config.option.lock)}" if config.option.lock else ""
    return f"REPLAY{changed}: judged again from what was seen at {recording.header.started_at}."


def _changes(before: Profile, after: Profile) -> Iterator[str]:
    for key in _keys(before.lock.model_dump(), "lock"):
        was, now = (reduce(getattr, key.split("."), Locked(profile, "")) for profile in (before, after))
        if was.value != now.value:
            yield f"{key} {spell(now.value, now.unit)} instead of {spell(was.value, was.unit)}"


def _keys(table: Any, at: str) -> Iterator[str]:
    if not isinstance(table, dict):
        yield at
        return
    for key, value in table.items():
        yield from _keys(value, f"{at}.{key}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a selection of its own, a replay judges what the run had selected.

    Raises:
        pytest.UsageError: the run had selected a criterion that is not there any more.
    """
    recording, option = config.stash.get(RECORDING, None), config.option
    chosen = config.args_source is not pytest.Config.ArgsSource.TESTPATHS or option.markexpr or option.keyword
    if recording is None or chosen:
        return
    wanted = set(recording.header.selected)
    gone = wanted - {criterion.id for criterion in criteria(items)}
    if gone:
        own = "".join(f" --own={folder}" for folder in recording.header.options.get("own") or ())
        raise pytest.UsageError(
            f"--replay {recording.path}: no such criterion here: {', '.join(sorted(gone))}; the run was recorded by "
            f"allclear {recording.header.allclear}{own}; select what is to be judged with -m"
        )
    left_out = [item for item in items if CRITERION in item.stash and item.stash[CRITERION].id not in wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
