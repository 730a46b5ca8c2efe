"""`python -m tests.matrix [-n WORKERS] [--keep DIRECTORY]`: runs the matrix, notes its figures, makes the page of them.

A directory that is kept has what each run wrote; it is emptied first.
"""

import argparse
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
    parser = argparse.ArgumentParser(prog="python -m tests.matrix")
    parser.add_argument("-n", default=WORKERS, dest="workers")
    parser.add_argument("--keep", metavar="DIRECTORY")
    options = parser.parse_args()
    figures, began = Figures(), time.monotonic()
    arguments = ["tests/matrix", "-m", "matrix", "-n", options.workers, "--dist", "worksteal", "-q"]
    arguments += [f"--basetemp={options.keep}"] if options.keep else []
    code = int(pytest.main(arguments, [figures]))
    figures.write(minutes=round((time.monotonic() - began) / 60, 1), cores=os.cpu_count(), workers=int(options.workers))
    PAGE.write_text(render(), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
