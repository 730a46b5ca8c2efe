"""What `pytest -m prevention` costs over a bare pytest: medians of interleaved runs, side by side.

Wall time is what one waits; CPU time, of all processes together, is what can be compared on a busy machine.

    python benchmarks/prevention_start.py [RUNS]

Both run in the same interpreter with the same plugins installed. Bytecode is written by an unmeasured first run.
"""

import os
import resource
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
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        for _ in range(runs):
            for name, contender in contenders.items():
                seconds[name].append(timed(*contender))
    bare = middle(seconds["bare pytest"])
    for name, taken in seconds.items():
        wall, cpu = middle(taken)
        waited = f"{wall:5.2f} s ({wall - bare[0]:+.2f} s, {wall / bare[0]:.2f} x)"
        sys.stdout.write(f"{name:<24} {waited}, CPU {cpu:5.2f} s ({cpu - bare[1]:+.2f} s)\n")


def middle(taken: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of wall and CPU time."""
    return statistics.median(wall for wall, _ in taken), statistics.median(cpu for _, cpu in taken)


def timed(directory: Path, arguments: list[str], extra: dict[str, str]) -> tuple[float, float]:
    """Return wall and CPU time, in seconds, of one pytest and of what it starts; it must end well."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | extra
    command = [sys.executable, "-m", "pytest", *arguments]
    before, began = spent(), time.perf_counter()
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return taken, spent() - before


def spent() -> float:
    """Return the CPU time of all processes that have been started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
