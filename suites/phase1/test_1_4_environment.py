"""Plan 1.4: the backend's environment variables, and the secrets behind them."""

import pytest

from fixtures.evidence.base import Attempt, Reason
from fixtures.evidence.cloud_run import CloudRun
from fixtures.evidence.redis import RedisPing
from fixtures.evidence.secrets import DatabaseUrl, RedisUrl, Secrets
from fixtures.expect import Expect, Locked
from fixtures.profile import Profile

pytestmark = [pytest.mark.phase1, pytest.mark.environment]


@pytest.mark.criterion("ENV-NAME", section="1.4", severity="critical")
def test_environment_name(cloud_run: Attempt[CloudRun], lock: Locked, expect: Expect) -> None:
    """The backend runs as the staging environment."""
    backend = cloud_run.value.services["backend"]
    expect(backend, "serving.env.ENVIRONMENT.value", "ENVIRONMENT").equals(lock.environment.environment)


@pytest.mark.criterion("ENV-DB", section="1.4", severity="critical")
def test_database_url(database_url: Attempt[DatabaseUrl], lock: Locked, expect: Expect) -> None:
    """The backend is led to the declared database, by a secret."""
    expect(database_url, "form", "DATABASE_URL, or all of its parts").is_set()
    seen = database_url.value
    if seen.form is None:
        if seen.missing:
            expect.note(f"not set: {', '.join(seen.missing)}")
        return
    expect.note(f"found as {seen.form}")
    expect(database_url, "from_secret", "the database password").is_true("from a secret", symptom="in-clear")
    if seen.form == "DATABASE_URL":
        expect(database_url, "scheme", "scheme of DATABASE_URL").equals(lock.environment.database_scheme)
    leads = expect(database_url, "leads_to_instance", f"the database host {seen.host}", if_none="the host is not known")
    leads.is_true("the declared instance", symptom="elsewhere")


@pytest.mark.criterion("ENV-JWT", section="1.4", severity="critical")
def test_jwt_secret(cloud_run: Attempt[CloudRun], profile: Profile, declared: Locked, expect: Expect) -> None:
    """The backend's JWT key is set, and comes from Secret Manager."""
    name = profile.secrets.jwt_variable
    backend = cloud_run.value.services["backend"]
    if expect(backend, f"serving.env.{name}", name).is_set():
        source = expect(backend, f"serving.env.{name}.secret", f"the secret that feeds {name}")
        in_clear = backend.value.serving is not None and backend.value.serving.env[name].secret is None
        source.equals(declared.secrets.jwt_secret_key, symptom="in-clear" if in_clear else None)


@pytest.mark.criterion("ENV-REDIS", section="1.4", severity="critical")
def test_redis_url(
    redis_url: Attempt[RedisUrl], redis_ping: Attempt[RedisPing], declared: Locked, expect: Expect
) -> None:
    """The backend is led to the declared Redis, and it answers."""
    expect(redis_url, "form", "REDIS_URL, or its parts").is_set()
    if redis_url.blocked is None and redis_url.value.form is not None:
        expect(redis_url, "host", "Redis host").equals(declared.redis.host)
        expect(redis_url, "port", "Redis port").equals(declared.redis.port)
    if redis_ping.blocked is not None and redis_ping.blocked.reason is Reason.NO_ROUTE:
        expect.note(f"not pinged from here: {redis_ping.blocked.detail}")
    else:
        expect(redis_ping, "failure", "PING").is_none("PONG")


@pytest.mark.criterion("ENV-PLAIN", section="-", severity="major")
def test_no_secret_in_clear(cloud_run: Attempt[CloudRun], expect: Expect) -> None:
    """No secret stands in clear in a revision's environment."""
    for key, service in cloud_run.value.services.items():
        expect(service, "serving.secrets_in_clear", f"secrets in clear in {key}").is_none("none", symptom="in-clear")


@pytest.mark.criterion("SEC-DB", section="1.4", severity="critical")
def test_database_secret(secrets: Attempt[Secrets], lock: Locked, expect: Expect) -> None:
    """The database URL's secret exists, and its latest version is enabled."""
    expect(secrets.value.secrets["database_url"], "state").equals(lock.environment.secret_state)


@pytest.mark.criterion("SEC-JWT", section="1.4", severity="critical")
def test_jwt_key_secret(secrets: Attempt[Secrets], lock: Locked, expect: Expect) -> None:
    """The JWT key's secret exists, and its latest version is enabled."""
    expect(secrets.value.secrets["jwt_secret_key"], "state").equals(lock.environment.secret_state)
