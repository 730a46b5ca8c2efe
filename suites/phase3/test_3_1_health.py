"""Plan 3.1 and prevention: the health endpoints, from outside, on our own clock."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.health import Call, Certificates, Health
from fixtures.expect import Expect, Locked
from fixtures.profile import Profile
from fixtures.profile.model import Service

pytestmark = [pytest.mark.phase3, pytest.mark.health]

OK = 200


def _answers(call: Attempt[Call], name: str, lock: Locked, expect: Expect) -> None:
    expect(call, "failure", f"the call to {name}").is_none("answers")
    if call.blocked is not None or call.value.failure is not None:
        return
    if call.value.location is not None:
        expect.note(f"redirects to {call.value.location}")
    expect(call, "status", f"HTTP status of {name}").equals(OK, symptom=f"status-{call.value.status}")
    expect(call, "seconds", f"answer time of {name}").below(lock.limits.health_max, symptom="slow")


def _is_healthy(call: Attempt[Call], service: Service, expect: Expect) -> None:
    if call.blocked is None and call.value.status == OK:
        answering = expect.value(call.value.said("service"), f"what answers as {service.name}")
        answering.equals(service.identifies_as or "", symptom="other-service")
        status = expect.value(call.value.said("status"), f"status in the body of {service.name}")
        status.equals("healthy", symptom="unhealthy")


@pytest.mark.criterion("HLT-BACKEND", section="3.1", severity="critical", needs=["RUN-READY"])
def test_backend_is_healthy(health: Attempt[Health], profile: Profile, lock: Locked, expect: Expect) -> None:
    """The backend's health endpoint answers 200 in time, and it is the backend that answers."""
    call = health.value.calls["backend"]
    _answers(call, profile.services.backend.name, lock, expect)
    _is_healthy(call, profile.services.backend, expect)


@pytest.mark.criterion("HLT-AUTH", section="3.1", severity="critical", needs=["RUN-READY", "DB-CONNECT"])
def test_auth_is_healthy(health: Attempt[Health], profile: Profile, lock: Locked, expect: Expect) -> None:
    """The auth service's health endpoint answers 200 in time, and it is the auth service that answers."""
    call = health.value.calls["auth"]
    _answers(call, profile.services.auth.name, lock, expect)
    _is_healthy(call, profile.services.auth, expect)


@pytest.mark.criterion("HLT-APP", section="3.1", severity="critical")
def test_app_is_served(health: Attempt[Health], profile: Profile, lock: Locked, expect: Expect) -> None:
    """The app's page is served in time, as a page."""
    call = health.value.calls["app"]
    name = profile.services.app.name
    _answers(call, name, lock, expect)
    if call.blocked is None and call.value.status == OK:
        expect(call, "html", f"the body of {name}").is_true("an HTML page", symptom="other-service")


@pytest.mark.criterion("HLT-VPC", section="Prevention", severity="advisory", needs=["HLT-BACKEND"])
def test_health_reports_the_connector(health: Attempt[Health], expect: Expect) -> None:
    """The backend's health body reports the connector's status."""
    call = health.value.calls["backend"]
    expect(call, "connector_status", "vpc_connector.status in the health body").is_set()


@pytest.mark.criterion("TLS-CERT", section="-", severity="advisory")
def test_certificates_last(certificates: Attempt[Certificates], lock: Locked, expect: Expect) -> None:
    """Every host's certificate is valid, and stays so for a while."""
    for one in certificates.value.certificates.values():
        if one.blocked is not None:
            expect(one, "failure", "certificate").is_none("valid")
            continue
        expect(one, "failure", f"certificate of {one.value.host}").is_none("valid")
        if one.value.failure is None:
            left = expect(one, "left_s", f"time left of {one.value.host}")
            left.at_least(lock.limits.certificate_min_left, symptom="expiring")
