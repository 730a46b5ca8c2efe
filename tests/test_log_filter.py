"""The Logging query language, as the replica reads it."""

from typing import Any

import pytest

from fixtures.replica.google.errors import Refusal
from fixtures.replica.google.log_filter import parse

ENTRY: dict[str, Any] = {
    "timestamp": "2026-01-02T03:04:05.000000Z",
    "severity": "ERROR",
    "textPayload": "Connection refused",
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "netra-backend-staging"}},
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("severity>=WARNING", True),
        ("severity>=CRITICAL", False),
        ("severity=error", True),
        ("severity!=ERROR", False),
        ('resource.type="cloud_run_revision" resource.labels.service_name=netra-backend-staging', True),
        ('resource.type="cloud_run_revision"\nAND resource.labels.service_name="another"', False),
        ('timestamp>="2026-01-02T03:04:05Z" AND timestamp<"2026-01-02T05:04:05.5+01:00"', True),
        ('timestamp<="2026-01-02T03:04:04Z"', False),
        ("severity=INFO OR severity=ERROR AND textPayload:refused", True),
        ("severity=ERROR OR severity=INFO AND textPayload:granted", False),
        ("NOT textPayload:*", False),
        ("NOT jsonPayload.message:x", True),
        ("NOT (severity=INFO OR severity=DEBUG)", True),
        ('textPayload=~"^Conn.*ed$"', True),
        ('textPayload!~"granted"', True),
        ("refused", True),
        ('"connection REFUSED"', True),
        ("granted", False),
        ("jsonPayload.message=x", False),
        ("protoPayload.serviceName!=x", True),
    ],
)
def test_filters(text: str, fits: bool) -> None:
    """Comparisons, their joints and bare words mean what they mean to Google; OR binds tighter than AND."""
    assert parse(text)(ENTRY) is fits


def test_no_severity_is_the_default_one() -> None:
    """An entry without a severity has the lowest."""
    assert parse("severity=DEFAULT")({})
    assert not parse("severity>=DEBUG")({})


@pytest.mark.parametrize(
    "text", ["severity>=", "(severity=ERROR", "severity=ERROR)", "AND", "a OR", '"open', "=x", "()"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    """A filter that does not parse is a 400, as at Google."""
    with pytest.raises(Refusal):
        parse(text)
