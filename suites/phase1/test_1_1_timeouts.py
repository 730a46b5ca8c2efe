"""Plan 1.1 and appendix: the database timeouts that issue #1263 settled on."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.settings import DatabaseSettings
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase1, pytest.mark.prevention, pytest.mark.timeouts]


def _is_locked(settings: Attempt[DatabaseSettings], name: str, lock: Locked, expect: Expect) -> None:
    expect(settings, "broken_kind", f"the source of {name}").is_none("usable by the backend")
    expect.value(settings.value.timeout(name), name).equals(getattr(lock.timeouts, name))


@pytest.mark.criterion("TMO-INIT", section="1.1, A", severity="critical", vantage="checkout")
def test_initialization_timeout(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The database initialisation timeout is the locked one."""
    _is_locked(database_settings, "initialization_timeout", lock, expect)


@pytest.mark.criterion("TMO-TABLE", section="A", severity="critical", vantage="checkout")
def test_table_setup_timeout(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The table set-up timeout is the locked one."""
    _is_locked(database_settings, "table_setup_timeout", lock, expect)


@pytest.mark.criterion("TMO-CONN", section="1.1, A", severity="critical", vantage="checkout")
def test_connection_timeout(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The connection timeout is the locked one."""
    _is_locked(database_settings, "connection_timeout", lock, expect)


@pytest.mark.criterion("TMO-POOL", section="1.1, A", severity="critical", vantage="checkout")
def test_pool_timeout(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The timeout table's own pool timeout is the locked one."""
    _is_locked(database_settings, "pool_timeout", lock, expect)


@pytest.mark.criterion("TMO-HEALTH", section="A", severity="critical", vantage="checkout")
def test_health_check_timeout(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The health check timeout is the locked one."""
    _is_locked(database_settings, "health_check_timeout", lock, expect)


@pytest.mark.criterion("TMO-NEST", section="-", severity="advisory", vantage="checkout")
def test_limits_nest(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """Each limit ends before the limit that waits for it."""
    settings, limits = database_settings.value, lock.limits
    session = settings.timeout("connection_timeout")
    start = settings.timeout("initialization_timeout")
    pairs = (
        ("connection_timeout < the timeout table's pool_timeout", session, settings.timeout("pool_timeout")),
        ("connection_timeout < the pool's pool_timeout", session, settings.pool_value("pool_timeout")),
        ("table_setup_timeout < initialization_timeout", settings.timeout("table_setup_timeout"), start),
        ("the pool's pool_timeout < initialization_timeout", settings.pool_value("pool_timeout"), start),
        ("health_check_timeout < the health limit", settings.timeout("health_check_timeout"), limits.health_max),
        ("the warning level < the critical level", limits.connect_warning.value, limits.connect_critical),
        ("the critical level < connection_timeout", limits.connect_critical.value, session),
    )
    for pair, inner, outer in pairs:
        bounded = None if outer is None else inner  # nothing ends before a limit that is not defined
        expect.value(bounded, pair, unit="seconds").below(outer, symptom="does-not-nest")
