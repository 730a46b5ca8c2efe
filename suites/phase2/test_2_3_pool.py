"""Plan 2.3 and appendix: the backend's connection pool, sized for the connector and the instance."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.settings import DatabaseSettings
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase2, pytest.mark.prevention, pytest.mark.pool]


def _is_locked(settings: Attempt[DatabaseSettings], name: str, lock: Locked, expect: Expect) -> None:
    expect(settings, "broken_kind", f"the source of {name}").is_none("usable by the backend")
    expect.value(settings.value.pool_value(name), name).equals(getattr(lock.pool, name))


@pytest.mark.criterion("POOL-SIZE", section="2.3, A", severity="critical", vantage="checkout")
def test_pool_size(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The pool size is the locked one."""
    _is_locked(database_settings, "pool_size", lock, expect)


@pytest.mark.criterion("POOL-OVER", section="2.3, A", severity="critical", vantage="checkout")
def test_max_overflow(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The pool's overflow is the locked one."""
    _is_locked(database_settings, "max_overflow", lock, expect)


@pytest.mark.criterion("POOL-WAIT", section="2.3, A", severity="critical", vantage="checkout")
def test_pool_wait(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The wait for a pooled connection is the locked one."""
    _is_locked(database_settings, "pool_timeout", lock, expect)


@pytest.mark.criterion("POOL-BUFFER", section="2.3", severity="major", vantage="checkout")
def test_capacity_buffer(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The connector's capacity buffer is the locked one."""
    _is_locked(database_settings, "vpc_connector_capacity_buffer", lock, expect)


@pytest.mark.criterion("POOL-MARGIN", section="2.3, A", severity="major", vantage="checkout")
def test_safety_margin(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """The capacity safety margin is the locked one."""
    _is_locked(database_settings, "capacity_safety_margin", lock, expect)


@pytest.mark.criterion("CAP-PLAN", section="Prevention", severity="advisory", vantage="checkout")
def test_capacity_suffices(database_settings: Attempt[DatabaseSettings], lock: Locked, expect: Expect) -> None:
    """All the instances that may run find connections left."""
    settings = database_settings.value
    size, overflow = settings.pool_value("pool_size"), settings.pool_value("max_overflow")
    buffer = settings.pool_value("vpc_connector_capacity_buffer")
    margin = settings.pool_value("capacity_safety_margin")
    if size is None or overflow is None or buffer is None or margin is None:
        expect.value(None, "the pool's values").is_set()
        return
    if size == 0 or overflow < 0:  # SQLAlchemy's ways to say that there is no bound
        expect.value(None, "a bound on the pool's connections").is_set()
        return
    instances, connections = lock.revision.max_instances.value, lock.instance.max_connections_used.value
    share, needed = connections * margin, (size + overflow) * instances + buffer
    expect.note(f"needed: ({size:g} + {overflow:g}) * {instances} instances + {buffer:g} = {needed:g}")
    expect.note(f"available: {connections} connections * {margin:g} = {share:g}")
    expect.note(f"largest safe number of instances: {int((share - buffer) // (size + overflow))}")
    expect.value(needed, "connections needed at max instances").at_most(share, symptom="over-capacity")
