"""Loaded by pytest before any configuration file: lets `--source PATH` be written with a space.

pytest looks for its configuration file before it knows the options of a conftest.py, so it takes the PATH of
`--source PATH` for a test file and looks above that path instead of here. Written as one word, `--source=PATH`,
the option cannot be mistaken; so that is how such a command is begun again.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

PATH_OPTIONS = ("--source", "--target", "--reports", "--own", "--replay")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around all others, since pytest's own begins to capture output
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Begin again with the options as one word each, if pytest was led away from this checkout by one of them."""
    _begin_again(early_config)
    yield


def _begin_again(early_config: pytest.Config) -> None:
    given = list(early_config.invocation_params.args)
    joined = one_word_each(given)
    here = checkout(early_config.invocation_params.dir)
    if here is None or joined == given or early_config.inipath == here / "pyproject.toml":
        return
    command = [sys.executable, "-m", "pytest", *joined]
    if os.name == "nt":  # where replacing a process loses its exit code
        raise SystemExit(subprocess.call(command))
    os.execv(command[0], command)  # noqa: S606 - ourselves, with the user's own arguments


def one_word_each(args: list[str]) -> list[str]:
    """Return the arguments with each of `PATH_OPTIONS` and its value as one word."""
    joined: list[str] = []
    for arg in args:
        if joined and joined[-1] in PATH_OPTIONS:
            joined[-1] += f"={arg}"
        else:
            joined.append(arg)
    return joined


def checkout(start: Path) -> Path | None:
    """Return the checkout of allclear that a folder is in; None in any other project of the same environment."""
    return next(
        (one for one in (start, *start.parents) if (one / "fixtures" / "targets" / "staging.toml").is_file()), None
    )
