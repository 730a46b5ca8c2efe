"""`python -m tests.matrix [-n WORKERS]`: runs the whole matrix, writes down its figures, and makes the page of them."""

import os
import sys
import time

import pytest

from tests.matrix.figures import Figures
from tests.matrix.page import PAGE, render

WORKERS = "6"
"""Most of a run is waiting; this many keep two cores busy."""


def main() -> int:
    """Run, write, and return pytest's exit code."""
    workers = sys.argv[sys.argv.index("-n") + 1] if "-n" in sys.argv else WORKERS
    figures, began = Figures(), time.monotonic()
    arguments = ["tests/matrix", "-m", "matrix", "-n", workers, "--dist", "worksteal", "-q"]
    code = int(pytest.main(arguments, [figures]))
    figures.write(minutes=round((time.monotonic() - began) / 60, 1), cores=os.cpu_count(), workers=int(workers))
    PAGE.write_text(render(), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
