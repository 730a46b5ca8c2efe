"""The search service, from outside."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.health import Call
from fixtures.expect import Expect, Locked

OK = 200


@pytest.mark.phase3
@pytest.mark.search
@pytest.mark.criterion("SEARCH-UP", section="3.1", severity="major")
def test_search_is_up(search_health: Attempt[Call], declared: Locked, lock: Locked, expect: Expect) -> None:
    """The search service's health endpoint answers 200 in time, and it is the search service that answers."""
    expect(search_health, "failure", "the call to the search service").is_none("answers")
    if search_health.blocked is None and search_health.value.failure is None:
        expect(search_health, "status", "HTTP status of the search service").equals(OK)
        expect(search_health, "seconds", "answer time of the search service").below(lock.limits.health_max)
        answering = expect.value(search_health.value.said("service"), "what answers as the search service")
        answering.equals(declared.services.search.identifies_as)
