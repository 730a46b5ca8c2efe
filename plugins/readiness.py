"""`--wait-ready SECONDS`: a deployment gets a bounded time to serve before it is judged, and is judged by RUN-READY."""

import pytest

from plugins.criteria import criteria
from plugins.options import above_zero

CRITERION_ID = "RUN-READY"
_MARKER = "ready"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("allclear").addoption(
        "--wait-ready",
        metavar="SECONDS",
        help=f"give the newest revisions this long to serve before anything is judged; {CRITERION_ID} is then selected "
        "whatever -m says, so that one that never serves fails the run",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the criterion that judges what was waited for, whatever else `-m` selects.

    Raises:
        pytest.UsageError: it is not a number of seconds above zero.
    """
    config.addinivalue_line("markers", f"{_MARKER}: selected whenever --wait-ready is given")
    if wait_ready_s(config) is not None and config.option.markexpr and _MARKER not in config.option.markexpr:
        config.option.markexpr = f"({config.option.markexpr}) or {_MARKER}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to wait for what nobody would judge.

    Raises:
        pytest.UsageError: the selection leaves the criterion out.
    """
    selected = {criterion.id for criterion in criteria(session.items)}
    if wait_ready_s(session.config) is not None and CRITERION_ID not in selected:
        raise pytest.UsageError(
            f"--wait-ready: {CRITERION_ID}, which judges what is waited for, is not among the selected tests; "
            "select by markers (-m), not by files or names"
        )


def wait_ready_s(config: pytest.Config) -> float | None:
    """Return the seconds that `--wait-ready` gives; None without it.

    Raises:
        pytest.UsageError: it is not a number of seconds above zero.
    """
    return above_zero("--wait-ready", config.option.wait_ready, "give a number of seconds above zero, such as 300")
