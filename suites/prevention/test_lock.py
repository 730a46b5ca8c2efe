"""Prevention: what can be said of a checkout of the backend before it is merged or deployed."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.settings import DatabaseSettings
from fixtures.expect import Expect

pytestmark = [pytest.mark.prevention, pytest.mark.timeouts, pytest.mark.pool]


@pytest.mark.criterion("LOCK", section="Prevention", severity="critical", vantage="checkout")
def test_settings_can_be_locked(database_settings: Attempt[DatabaseSettings], expect: Expect) -> None:
    """The checkout defines timeouts and pool plainly: whole, no conflict, no duplicate, nothing only running tells."""
    expect(database_settings, "broken_kind", "the settings module").is_none("usable by the backend")
    expect(database_settings, "undefined", "values that are not defined").is_none("none", symptom="missing")
    expect(database_settings, "duplicates", "values given twice").is_none("none", symptom="duplicate")
    expect(database_settings, "unknowable", "values that only running tells").is_none("none", symptom="computed")
