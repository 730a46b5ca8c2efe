"""The choke point of everything that pytest reports: no report leaves a test with a secret in it.

Terminal, HTML, JUnit and Allure are all made from these reports. What probes saw was redacted in the
engine before; this catches what tests and tracebacks add in the pytest process itself.
"""

from collections.abc import Generator
from typing import Any

import pytest

from fixtures.secret import Secret, redact, redact_value
from plugins.judging import CARRIED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Redact a test's report: its text, captured output, properties and result."""
    report = yield
    _clean(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Redact a collection error."""
    report = yield
    _clean(report)
    return report


def pytest_make_parametrize_id(val: object) -> str | None:
    """Keep secrets out of parameter ids, and so out of node ids."""
    if isinstance(val, Secret):
        return f"secret-{val.name}"
    if isinstance(val, str) and (clean := redact(val)) != val:
        return clean
    return None


def _clean(report: Any) -> None:
    if report.longrepr is not None and not isinstance(report.longrepr, tuple):
        text = str(report.longrepr)
        clean = redact(text)
        if clean != text:
            report.longrepr = clean
    elif report.longrepr is not None:
        path, line, reason = report.longrepr
        report.longrepr = (path, line, redact(reason))
    report.sections = [(name, redact(text)) for name, text in report.sections]
    if hasattr(report, "user_properties"):
        report.user_properties = [(name, redact_value(value)) for name, value in report.user_properties]
    if hasattr(report, CARRIED):
        setattr(report, CARRIED, redact_value(getattr(report, CARRIED)))
