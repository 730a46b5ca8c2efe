"""Makes the pictures of docs/reports.md from real runs: `python -m tests.report_screens`.

It runs the suite against the embedded replica, healthy and with the connector down, and photographs report.html in the
system's Chromium. Run it again when the page has changed, and look at what it made.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.browsing import LAPTOP, PHONE, chromium, opened

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
PHASES = "phase1 or phase2 or phase3"


def report(*options: str) -> Path:
    """Run the suite against the replica, as the docs say it, and return its page."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", PHASES, "--target", "replica", *options]
    subprocess.run(command, cwd=ROOT, check=False)
    return ROOT / "reports" / "latest" / "report.html"


def photograph(browser: Any, page: Path, name: str, size: tuple[int, int], of: str = "", *, dark: bool = False) -> None:
    """Take a picture of what is seen first, or of one part."""
    with opened(browser, page, size, dark=dark) as shown:
        path = IMAGES / name
        if of:
            shown.locator(of).first.screenshot(path=path)
        else:
            shown.screenshot(path=path)


def main() -> None:
    """Make all of them."""
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        healthy = report()
        photograph(browser, healthy, "report-all-clear.png", LAPTOP)
        photograph(browser, healthy, "report-pictures-dark.png", LAPTOP, ".pictures", dark=True)
        down = report("--fault", "connector-in-error")
        photograph(browser, down, "report-connector-down.png", LAPTOP)
        photograph(browser, down, "report-connector-down-phone.png", PHONE)


if __name__ == "__main__":
    main()
