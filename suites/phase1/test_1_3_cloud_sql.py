"""Plan 1.3: the Cloud SQL instance, its backups, its connections, and a direct session."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.cloud_sql import Backups, Instance
from fixtures.evidence.sessions import ConnectionCount, Sessions
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase1, pytest.mark.cloudsql]


@pytest.mark.criterion("SQL-STATE", section="1.3", severity="critical")
def test_instance_is_runnable(instance: Attempt[Instance], lock: Locked, expect: Expect) -> None:
    """The Cloud SQL instance is RUNNABLE, and nobody has stopped it."""
    expect(instance, "state").equals(lock.instance.state)
    expect(instance, "activation_policy").equals(lock.instance.activation_policy, symptom="stopped")


@pytest.mark.criterion("SQL-PRIVATE", section="1.3", severity="critical")
def test_private_address(instance: Attempt[Instance], lock: Locked, expect: Expect) -> None:
    """The instance has a private address on the staging network."""
    expect(instance, "private_network").equals(lock.instance.private_network)
    expect(instance, "private_addresses").is_set()


@pytest.mark.criterion("SQL-AUTHNET", section="1.3", severity="major")
def test_authorized_networks(instance: Attempt[Instance], lock: Locked, expect: Expect) -> None:
    """Only the declared networks are authorised, and never the whole internet."""
    expect(instance, "open_to_the_internet", "networks that let the whole internet in").is_none(
        "none", symptom="open-to-the-internet"
    )
    expect(instance, "authorized_networks").equals(lock.instance.authorized_networks)


@pytest.mark.criterion("SQL-BACKUP", section="1.3", severity="major")
def test_backup_is_recent(backups: Attempt[Backups], lock: Locked, expect: Expect) -> None:
    """The last successful backup is recent."""
    last = backups.value.last_success_at
    age_s = None if last is None else (backups.started_at - last).total_seconds()
    expect.value(age_s, "age of the last successful backup", unit="seconds").below(
        lock.instance.backup_max_age, symptom="missing" if age_s is None else "too-old"
    )


@pytest.mark.criterion("SQL-CONNS", section="1.3", severity="critical", needs=["DB-CONNECT"])
def test_connections_left(connection_count: Attempt[ConnectionCount], lock: Locked, expect: Expect) -> None:
    """The instance has connections left."""
    expect(connection_count, "used", "connections in use").below(lock.instance.max_connections_used)
    count, share = connection_count.value, lock.instance.max_connections_share.value
    if count.limit is not None:
        expect.note(f"max_connections {count.limit} * {share:g} = {count.limit * share:g}; read from {count.source}")
        expect.value(count.used, "connections in use, of the instance's share").below(count.limit * share)


@pytest.mark.criterion(
    "SQL-DIRECT", section="1.3", severity="critical", needs=["SQL-STATE", "VPC-STATE"], vantage="vpc"
)
def test_direct_session(sessions: Attempt[Sessions], expect: Expect) -> None:
    """A direct session opens and answers SELECT 1."""
    best = max(sessions.value.sessions, key=lambda session: session.answered)
    opened = expect.value(best.failure, f"session to {sessions.value.address}")
    opened.is_none("opens and answers SELECT 1", symptom=best.symptom)
    if best.detail:
        expect.note(best.detail)
