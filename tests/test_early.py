"""Options whose value is a path, written with a space."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from allclear_early import checkout, one_word_each

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("args", "joined"),
    [
        ([], []),
        (["-m", "phase1"], ["-m", "phase1"]),
        (["--source", "../backend", "-q"], ["--source=../backend", "-q"]),
        (["--target", "t.toml", "--source", "b"], ["--target=t.toml", "--source=b"]),
        (["--source=b", "suites"], ["--source=b", "suites"]),
        (["-q", "--source"], ["-q", "--source"]),
    ],
)
def test_options_become_one_word(args: list[str], joined: list[str]) -> None:
    """Each option of a path is joined with its value, and nothing else is touched."""
    assert one_word_each(args) == joined


def test_only_a_checkout_of_allclear_is_meant(tmp_path: Path) -> None:
    """The checkout is found from anywhere inside it, and other projects are left alone."""
    assert checkout(ROOT) == checkout(ROOT / "suites" / "phase1") == ROOT
    assert checkout(tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--source", "{path}"], ["--source={path}"]], ids=["two words", "one word"])
def test_a_path_outside_the_checkout_is_found(words: list[str], tmp_path: Path) -> None:
    """`--source PATH` works with a space and with `=`, wherever the path is, and keeps exit code and output."""
    (tmp_path / "backend").mkdir()
    options = [word.format(path=tmp_path / "backend") for word in words]
    command = [sys.executable, "-m", "pytest", "-m", "prevention", f"--reports={tmp_path}", *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "does not hold a readable" in " ".join(done.stdout.split())
