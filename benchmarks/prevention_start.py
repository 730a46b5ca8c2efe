"""What `pytest -m prevention` costs over a bare pytest: medians of interleaved runs, side by side.

    python benchmarks/prevention_start.py [RUNS]

Both run in the same interpreter with the same plugins installed. Bytecode is written by an unmeasured first run.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKOUT = ROOT / "fixtures" / "replica" / "backend_tree"
RUNS = 9


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "test_nothing.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
        contenders = {
            "bare pytest, no plugins": (Path(empty), ["-q"], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
            "bare pytest": (Path(empty), ["-q"], {}),
            "pytest -m prevention": (ROOT, ["-q", "-m", "prevention", f"--source={CHECKOUT}"], {}),
        }
        for contender in contenders.values():
            timed(*contender)
        seconds = {name: [] for name in contenders}
        for _ in range(runs):
            for name, contender in contenders.items():
                seconds[name].append(timed(*contender))
    base = statistics.median(seconds["bare pytest"])
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        spread = f"{min(taken):.2f} to {max(taken):.2f}"
        sys.stdout.write(f"{name:<24} {middle:5.2f} s ({spread}), {middle / base:4.2f} x, {middle - base:+.2f} s\n")


def timed(directory: Path, arguments: list[str], extra: dict[str, str]) -> float:
    """Return the wall time in seconds of one pytest, which must end well."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | extra
    command = [sys.executable, "-m", "pytest", *arguments]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return taken


if __name__ == "__main__":
    main()
