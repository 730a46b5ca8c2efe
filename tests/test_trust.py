"""Whose certificate answers: names, wildcards, addresses and Cloud SQL's own naming."""

from typing import Any

import pytest

from fixtures.probes.trust import WrongHost, require_name


def certificate(*alternatives: tuple[str, str], common: str | None = None) -> dict[str, Any]:
    """Return a certificate in the form of `getpeercert`."""
    subject = ((("commonName", common),),) if common is not None else ()
    return {"subject": subject, "subjectAltName": alternatives}


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        (certificate(("DNS", "db.example.com")), "DB.example.com"),
        (certificate(("DNS", "*.example.com")), "db.example.com"),
        (certificate(("IP Address", "10.1.0.3")), "10.1.0.3"),
        (certificate(("IP Address", "0:0:0:0:0:0:0:1")), "::1"),
        (certificate(common="db.example.com"), "db.example.com"),
        (certificate(common="netra-staging:netra-staging-db"), "netra-staging:netra-staging-db"),
        (certificate(("DNS", "abc.sql.goog"), common="netra-staging:db"), "netra-staging:db"),
    ],
)
def test_a_certificate_of_the_expected_server(carried: dict[str, Any], expected: str) -> None:
    """Any of the expected names is enough."""
    require_name(carried, ("elsewhere", expected))


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        (certificate(("DNS", "*.example.com")), "example.com"),
        (certificate(("DNS", "*.example.com")), "a.b.example.com"),
        (certificate(("DNS", "other.example.com"), common="db.example.com"), "db.example.com"),
        (certificate(common="netra-staging:another-db"), "netra-staging:netra-staging-db"),
        (certificate(), "db.example.com"),
    ],
)
def test_a_certificate_of_another_server(carried: dict[str, Any], expected: str) -> None:
    """A certificate for another server is refused, and both names are said."""
    with pytest.raises(WrongHost, match=expected):
        require_name(carried, (expected,))
