"""What is wrong with the options of a run, in words."""

import difflib
import math
from pathlib import Path
from typing import Any

import pytest

from fixtures.profile import Profile
from plugins.own import faults


def check(option: Any, profile: Profile) -> None:
    """Check what is looked at, and what is broken on purpose.

    Raises:
        pytest.UsageError: a path, or a fault, that is not there.
    """
    if option.source and not Path(option.source).is_dir():
        raise pytest.UsageError(f"--source {option.source}: no such directory")
    if option.fault and profile.replica is None:
        raise pytest.UsageError(f"--fault is for --target replica; {profile.target.title} is not broken on purpose")
    if option.fault:
        known = faults()
        for fault in option.fault:
            if fault not in known:
                near = difflib.get_close_matches(fault, known, n=3)
                raise pytest.UsageError(f"--fault {fault}: no such fault; nearest: {', '.join(near) or 'none'}")


def minutes(text: str | None) -> float | None:
    """Read `--soak-minutes`.

    Raises:
        pytest.UsageError: it is not a number of minutes above zero.
    """
    return above_zero("--soak-minutes", text, "give a number of minutes above zero; 0.5 is half a minute")


def above_zero(option: str, text: str | None, advice: str) -> float | None:
    """Return the number that an option gives; None without it.

    Raises:
        pytest.UsageError: it is not a number above zero.
    """
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise pytest.UsageError(f"{option} {text}: {advice}")
    return number
