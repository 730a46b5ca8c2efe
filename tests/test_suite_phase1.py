"""What the criteria of phase 1 say of made-up evidence: each boundary, what is missing, what was not seen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import suites.phase1.test_1_1_timeouts as timeouts
import suites.phase1.test_1_2_vpc_connector as vpc
import suites.phase1.test_1_3_cloud_sql as cloud_sql
import suites.phase1.test_1_4_environment as environment
from fixtures.evidence.base import Attempt, Blocked, Reason, Why
from fixtures.evidence.cloud_run import CloudRun, Revision, Service, Variable
from fixtures.evidence.cloud_sql import Backups, Instance
from fixtures.evidence.redis import RedisPing
from fixtures.evidence.secrets import DatabaseUrl, RedisUrl, Secret, Secrets
from fixtures.evidence.sessions import ConnectionCount, Phases, Session, Sessions
from fixtures.evidence.settings import DatabaseSettings, Setting
from fixtures.evidence.vpc import Connector, ConnectorLoad
from fixtures.expect import Expect, Locked
from fixtures.profile import load
from tests.on_evidence import DENIED, NOW, attempt, judged, symptoms

PROFILE = load("staging")
LOCK = Locked(PROFILE.lock, "lock")
DECLARED = Locked(PROFILE, "")
UNREACHED = Why(reason=Reason.NO_ROUTE, detail="no way from here")


def told(criterion: Callable[..., None], *evidence: Any) -> dict[str, str]:
    """Return each comparison's symptom by its subject; empty where it holds."""
    return symptoms(judged(criterion, *evidence))


def settings(pool_wait: float | None = 90.0, broken_kind: str | None = None, **seconds: float | None) -> Attempt[Any]:
    """Return the database's settings; a timeout of None is not defined."""
    known = {name: Setting(value=value, where="x.py:1") for name, value in seconds.items() if value is not None}
    pool = {"pool_timeout": Setting(value=pool_wait, where="x.py:2")}
    evidence = DatabaseSettings(
        source="checkout", where="x.py", environment="staging", broken_kind=broken_kind, timeouts=known, pool=pool
    )
    return attempt(evidence)


@pytest.mark.parametrize(
    ("criterion", "name", "locked"),
    [
        (timeouts.test_initialization_timeout, "initialization_timeout", 75.0),
        (timeouts.test_table_setup_timeout, "table_setup_timeout", 25.0),
        (timeouts.test_connection_timeout, "connection_timeout", 35.0),
        (timeouts.test_pool_timeout, "pool_timeout", 45.0),
        (timeouts.test_health_check_timeout, "health_check_timeout", 20.0),
    ],
)
def test_a_timeout_is_the_locked_one(criterion: Callable[..., None], name: str, locked: float) -> None:
    """Each timeout must be the locked one and defined, in a source that the backend can use; else it is told how."""
    source = f"the source of {name}"
    for value, symptom in ((locked, ""), (locked - 0.1, "below"), (locked + 0.1, "above"), (None, "missing")):
        assert told(criterion, settings(**{name: value}), LOCK) == {source: "", name: symptom}
    broken = settings(broken_kind="syntax", **{name: locked})
    assert told(criterion, broken, LOCK) == {source: "syntax", name: ""}
    with pytest.raises(Blocked):
        criterion(attempt(DENIED), LOCK, Expect())


NESTED = {
    "initialization_timeout": 91.0,
    "table_setup_timeout": 25.0,
    "connection_timeout": 35.0,
    "pool_timeout": 45.0,
    "health_check_timeout": 9.0,
}


@pytest.mark.parametrize(
    ("changed", "pair"),
    [
        ({}, None),
        ({"pool_timeout": 35.0}, "connection_timeout < the timeout table's pool_timeout"),
        ({"pool_wait": 35.0}, "connection_timeout < the pool's pool_timeout"),
        ({"table_setup_timeout": 91.0}, "table_setup_timeout < initialization_timeout"),
        ({"initialization_timeout": 90.0}, "the pool's pool_timeout < initialization_timeout"),
        ({"health_check_timeout": 10.0}, "health_check_timeout < the health limit"),
        ({"connection_timeout": 25.0}, "the critical level < connection_timeout"),
    ],
)
def test_each_limit_must_end_before_what_waits(changed: dict[str, float], pair: str | None) -> None:
    """All seven pairs are compared; two equal limits do not nest."""
    seen = told(timeouts.test_limits_nest, settings(**{**NESTED, **changed}), LOCK)
    assert len(seen) == 7
    assert {subject: symptom for subject, symptom in seen.items() if symptom} == (
        {pair: "does-not-nest"} if pair else {}
    )


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("pool_timeout", {"connection_timeout < the timeout table's pool_timeout"}),
        ("table_setup_timeout", {"table_setup_timeout < initialization_timeout"}),
        (
            "initialization_timeout",
            {"table_setup_timeout < initialization_timeout", "the pool's pool_timeout < initialization_timeout"},
        ),
    ],
)
def test_a_limit_that_is_not_defined_does_not_nest(name: str, pairs: set[str]) -> None:
    """A pair of which either limit is not defined is told, and the others are compared all the same."""
    seen = told(timeouts.test_limits_nest, settings(**{**NESTED, name: None}), LOCK)
    assert len(seen) == 7
    assert {subject for subject, symptom in seen.items() if symptom} == pairs


def test_alert_levels_must_nest() -> None:
    """A warning level that is the critical one does not nest, and is shown in seconds."""
    limits = PROFILE.lock.limits.model_copy(update={"connect_warning": 25.0})
    lock = Locked(PROFILE.lock.model_copy(update={"limits": limits}), "lock")
    (violation,) = judged(timeouts.test_limits_nest, settings(**NESTED), lock).violations
    assert (violation.subject, violation.observed) == ("the warning level < the critical level", "25 s")


def connector(**values: Any) -> Attempt[Any]:
    """Return a connector that is as the plan wants it."""
    healthy = {"state": "READY", "network": "staging-vpc", "ip_cidr_range": "10.1.0.0/28"}
    sizes = {"min_instances": 2, "max_instances": 10, "max_throughput_mbps": 1000}
    return attempt(Connector(**{"kind": "VPC connector", "name": "c", "found": True, **healthy, **sizes, **values}))


@pytest.mark.parametrize(
    ("criterion", "name", "subject"),
    [
        (vpc.test_connector_is_ready, "state", "state of VPC connector c"),
        (vpc.test_connector_network, "network", "network of VPC connector c"),
        (vpc.test_connector_range, "ip_cidr_range", "ip cidr range of VPC connector c"),
    ],
)
def test_the_connector_is_as_planned(criterion: Callable[..., None], name: str, subject: str) -> None:
    """Each property of the connector holds as planned, and fails when it is another or missing."""
    for values, symptom in (({}, ""), ({name: "another"}, "different"), ({name: None}, "missing")):
        assert told(criterion, connector(**values), LOCK) == {subject: symptom}
    assert told(criterion, connector(found=False), LOCK) == {subject: "not-found"}
    assert judged(criterion, attempt(DENIED), LOCK).blocked == [DENIED]


def load_of(**values: Any) -> Attempt[Any]:
    """Return the load of a connector that has a little left of everything."""
    return attempt(ConnectorLoad(**{"window_s": 600, "instances": 9, "cpu": 0.79, "throughput_mbps": 799.0, **values}))


FEWEST, MOST = "min instances of VPC connector c", "max instances of VPC connector c"
RUNNING, CPU, MOVED = "running connector instances", "connector CPU", "connector throughput, Mbit/s"
HAS_CAPACITY = dict.fromkeys((FEWEST, MOST, RUNNING, CPU, MOVED), "")


@pytest.mark.parametrize(
    ("of_connector", "of_load", "violations", "not_compared"),
    [
        ({}, {}, {}, ()),
        ({"min_instances": 3, "max_instances": 11}, {}, {}, ()),
        ({"min_instances": 1}, {}, {FEWEST: "below"}, ()),
        ({"max_instances": 9}, {"instances": 8}, {MOST: "below"}, ()),
        ({"max_instances": None}, {}, {MOST: "missing"}, (RUNNING,)),
        ({"max_throughput_mbps": None}, {}, {}, (MOVED,)),
        ({}, {"instances": 10}, {RUNNING: "at-max"}, ()),
        ({}, {"cpu": 0.8}, {CPU: "hot"}, ()),
        ({}, {"throughput_mbps": 800.0}, {MOVED: "saturated"}, ()),
    ],
)
def test_the_connector_has_capacity_left(
    of_connector: Any, of_load: Any, violations: dict[str, str], not_compared: tuple[str, ...]
) -> None:
    """The connector may grow as planned, and is below its limits; what has no limit is not compared."""
    expected = {subject: "" for subject in HAS_CAPACITY if subject not in not_compared} | violations
    assert told(vpc.test_connector_capacity, connector(**of_connector), load_of(**of_load), LOCK) == expected


@pytest.mark.parametrize(("name", "subject"), [("instances", RUNNING), ("cpu", CPU), ("throughput_mbps", MOVED)])
def test_no_point_is_no_capacity(name: str, subject: str) -> None:
    """A metric without a point is not seen, whatever the others say."""
    judgement = judged(vpc.test_connector_capacity, connector(), load_of(**{name: None}), LOCK)
    assert [why.reason for why in judgement.blocked] == [Reason.UNKNOWABLE]
    assert [one.subject for one in judgement.comparisons] == [one for one in HAS_CAPACITY if one != subject]


def revision(**values: Any) -> Revision:
    """Return a revision that is attached to the connector."""
    attached = {"connector": "staging-connector", "egress": "all-traffic"}
    sizes = {"memory_bytes": None, "cpu_millicores": None, "min_instances": 0, "max_instances": None}
    ready = {"name": "r", "created_at": NOW, "ready": True, "ready_at": NOW, "variables": ()}
    return Revision(**{**ready, **sizes, **attached, **values})


def services(backend: Attempt[Any] | None = None, **of_backend: Any) -> Attempt[Any]:
    """Return three services, one of which, the app, is on no connector; of the backend what is given."""
    newest = {"template_connector": of_backend.pop("template_connector", None)}
    named = {"kind": "Cloud Run service", "found": True}
    given = backend or attempt(Service(name="b", serving=revision(**of_backend), **named, **newest))
    auth = attempt(Service(name="a", serving=revision(), **named))
    app = attempt(Service(name="f", serving=revision(connector=None, egress=None), **named))
    return attempt(CloudRun(services={"backend": given, "auth": auth, "app": app}))


BACKEND, AUTH = "netra-backend-staging", "netra-auth-service"


@pytest.mark.parametrize(
    ("of_backend", "symptom"),
    [
        ({}, ""),
        ({"connector": None}, "missing"),
        ({"connector": "another", "template_connector": "a third"}, "different"),
        ({"connector": None, "template_connector": "staging-connector"}, "only-on-newest"),
    ],
)
def test_services_behind_the_connector_are_attached(of_backend: dict[str, Any], symptom: str) -> None:
    """Only the services behind the connector are compared; one that only the newest revision attaches is told."""
    seen = told(vpc.test_services_use_the_connector, services(**of_backend), PROFILE, DECLARED)
    assert seen == {f"connector of {BACKEND}": symptom, f"connector of {AUTH}": ""}


def test_a_service_that_is_not_seen_hides_no_other() -> None:
    """A service that may not be read is blocked, and the next one is compared all the same."""
    for criterion, table in (
        (vpc.test_services_use_the_connector, DECLARED),
        (vpc.test_services_send_all_traffic, LOCK),
    ):
        judgement = judged(criterion, services(attempt(DENIED)), PROFILE, table)
        assert (judgement.blocked, len(judgement.comparisons)) == ([DENIED], 1)


@pytest.mark.parametrize(
    ("egress", "symptom"), [("all-traffic", ""), ("private-ranges-only", "different"), (None, "missing")]
)
def test_all_traffic_goes_through_the_connector(egress: str | None, symptom: str) -> None:
    """Only the services behind the connector must send all their traffic through it."""
    seen = told(vpc.test_services_send_all_traffic, services(egress=egress), PROFILE, LOCK)
    assert seen == {f"VPC egress of {BACKEND}": symptom, f"VPC egress of {AUTH}": ""}


def instance(**values: Any) -> Attempt[Any]:
    """Return an instance that is as the plan wants it."""
    healthy = {"state": "RUNNABLE", "activation_policy": "ALWAYS", "private_network": "staging-vpc"}
    named = {"kind": "instance", "name": "db", "found": True, "private_addresses": ("10.1.0.3",)}
    return attempt(Instance(**{**named, **healthy, **values}))


STATE, POLICY = "state of instance db", "activation policy of instance db"
NETWORK, ADDRESSES = "private network of instance db", "private addresses of instance db"
OPEN, AUTHORIZED = "networks that let the whole internet in", "authorized networks of instance db"


@pytest.mark.parametrize(
    ("criterion", "values", "expected"),
    [
        (cloud_sql.test_instance_is_runnable, {}, {STATE: "", POLICY: ""}),
        (cloud_sql.test_instance_is_runnable, {"state": "FAILED"}, {STATE: "different", POLICY: ""}),
        (cloud_sql.test_instance_is_runnable, {"activation_policy": "NEVER"}, {STATE: "", POLICY: "stopped"}),
        (cloud_sql.test_private_address, {}, {NETWORK: "", ADDRESSES: ""}),
        (cloud_sql.test_private_address, {"private_network": "x"}, {NETWORK: "different", ADDRESSES: ""}),
        (cloud_sql.test_private_address, {"private_addresses": ()}, {NETWORK: "", ADDRESSES: "missing"}),
        (cloud_sql.test_authorized_networks, {}, {OPEN: "", AUTHORIZED: ""}),
        (
            cloud_sql.test_authorized_networks,
            {"authorized_networks": ("192.0.2.0/24",)},
            {OPEN: "", AUTHORIZED: "different"},
        ),
        (
            cloud_sql.test_authorized_networks,
            {"authorized_networks": ("0.0.0.0/0",)},
            {OPEN: "open-to-the-internet", AUTHORIZED: "different"},
        ),
    ],
)
def test_the_instance_is_as_planned(criterion: Callable[..., None], values: Any, expected: dict[str, str]) -> None:
    """Each property of the instance is compared by itself, and holds only as planned."""
    assert told(criterion, instance(**values), LOCK) == expected


def test_a_whole_internet_that_is_declared_is_still_open() -> None:
    """Declaring the whole internet as authorised does not make it hold."""
    table = PROFILE.lock.instance.model_copy(update={"authorized_networks": ("0.0.0.0/0",)})
    lock = Locked(PROFILE.lock.model_copy(update={"instance": table}), "lock")
    seen = told(cloud_sql.test_authorized_networks, instance(authorized_networks=("0.0.0.0/0",)), lock)
    assert seen == {OPEN: "open-to-the-internet", AUTHORIZED: ""}


@pytest.mark.parametrize(
    ("age", "symptom"),
    [(timedelta(hours=25, minutes=59), ""), (timedelta(hours=26), "too-old"), (None, "missing")],
)
def test_a_backup_is_recent(age: timedelta | None, symptom: str) -> None:
    """A backup is recent below the locked age; at it, it is too old, and none at all is missing."""
    last = None if age is None else NOW - age
    backups = attempt(Backups(last_success_at=last, last_failure_at=None, runs_seen=7))
    assert told(cloud_sql.test_backup_is_recent, backups, LOCK) == {"age of the last successful backup": symptom}


USED, OF_SHARE = "connections in use", "connections in use, of the instance's share"


@pytest.mark.parametrize(
    ("used", "limit", "expected"),
    [
        (99, 200, {USED: "", OF_SHARE: ""}),
        (100, 200, {USED: "above", OF_SHARE: ""}),
        (79, 100, {USED: "", OF_SHARE: ""}),
        (80, 100, {USED: "", OF_SHARE: "above"}),
        (99, None, {USED: ""}),
    ],
)
def test_connections_are_left(used: int, limit: int | None, expected: dict[str, str]) -> None:
    """Fewer than the planned connections and than the instance's share are in use; an unknown limit has no share."""
    count = attempt(ConnectionCount(used=used, limit=limit, source="pg_stat_activity"))
    seen = judged(cloud_sql.test_connections_left, count, LOCK)
    symptoms = {one.subject: "above" if one.symptom else "" for one in seen.comparisons}
    assert symptoms == expected
    assert len(seen.notes) == (limit is not None)


def test_a_direct_session_shows_what_failed() -> None:
    """An answered session holds without a note; a refused one fails with the server's words."""
    answered = Session(opened=True, answered=True, connect_s=0.1, phases=Phases())
    refused = Session(
        opened=False, answered=False, connect_s=0.1, phases=Phases(), failure="refused", detail="it refused"
    )
    for sessions, symptom, notes in (((refused, answered), "", []), ((refused,), "refused", ["it refused"])):
        seen = attempt(Sessions(address="10.1.0.3:5432", user="u", database="d", tls=None, sessions=sessions))
        judgement = judged(cloud_sql.test_direct_session, seen)
        assert [(one.subject, one.symptom) for one in judgement.comparisons] == [("session to 10.1.0.3:5432", symptom)]
        assert judgement.notes == notes


@pytest.mark.parametrize(("value", "symptom"), [("staging", ""), ("production", "different"), (None, "missing")])
def test_the_environment_is_named(value: str | None, symptom: str) -> None:
    """The backend's ENVIRONMENT is the locked one."""
    run = services(variables=(Variable(name="ENVIRONMENT", value=value),))
    assert told(environment.test_environment_name, run, LOCK) == {"ENVIRONMENT": symptom}


URL, PASSWORD, SCHEME, HOST = (
    "DATABASE_URL, or all of its parts",
    "the database password",
    "scheme of DATABASE_URL",
    "the database host db",
)
LED = {"form": "DATABASE_URL", "from_secret": True, "scheme": "postgresql+asyncpg", "host": "db"}


@pytest.mark.parametrize(
    ("values", "expected", "notes"),
    [
        ({}, {URL: "", PASSWORD: "", SCHEME: "", HOST: ""}, ["found as DATABASE_URL"]),
        ({"form": None}, {URL: "missing"}, []),
        ({"form": None, "missing": ("A", "B")}, {URL: "missing"}, ["not set: A, B"]),
        ({"form": "POSTGRES_*", "scheme": None}, {URL: "", PASSWORD: "", HOST: ""}, ["found as POSTGRES_*"]),
        ({"from_secret": False}, {URL: "", PASSWORD: "in-clear", SCHEME: "", HOST: ""}, ["found as DATABASE_URL"]),
        ({"scheme": "mysql"}, {URL: "", PASSWORD: "", SCHEME: "different", HOST: ""}, ["found as DATABASE_URL"]),
        (
            {"leads_to_instance": False},
            {URL: "", PASSWORD: "", SCHEME: "", HOST: "elsewhere"},
            ["found as DATABASE_URL"],
        ),
    ],
)
def test_the_database_is_the_declared_one(values: dict[str, Any], expected: dict[str, str], notes: list[str]) -> None:
    """The URL or all its parts, from a secret, lead to the declared instance; only a URL has a scheme."""
    seen = attempt(DatabaseUrl(**{**LED, "leads_to_instance": True, **values}))
    judgement = judged(environment.test_database_url, seen, LOCK)
    assert {one.subject: one.symptom for one in judgement.comparisons} == expected
    assert judgement.notes == notes


def test_a_database_host_that_is_not_known_is_not_seen() -> None:
    """Where it cannot be told whether the host is the instance's, that is blocked and the rest compared."""
    judgement = judged(environment.test_database_url, attempt(DatabaseUrl(**LED)), LOCK)
    assert [why.detail for why in judgement.blocked] == ["the host is not known"]
    assert [one.subject for one in judgement.comparisons] == [URL, PASSWORD, SCHEME]


KEY, FEEDS = "JWT_SECRET_KEY", "the secret that feeds JWT_SECRET_KEY"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ((Variable(name=KEY, secret="jwt-secret-key"),), {KEY: "", FEEDS: ""}),
        ((Variable(name=KEY, secret="another"),), {KEY: "", FEEDS: "different"}),
        ((Variable(name=KEY, withheld="a key"),), {KEY: "", FEEDS: "in-clear"}),
        ((), {KEY: "missing"}),
    ],
)
def test_the_jwt_key_comes_from_its_secret(variables: tuple[Variable, ...], expected: dict[str, str]) -> None:
    """The key is set and fed by the declared secret; another secret is told from a value in clear."""
    assert told(environment.test_jwt_secret, services(variables=variables), PROFILE, DECLARED) == expected


FORM, AT, PORT, PING = "REDIS_URL, or its parts", "Redis host", "Redis port", "PING"
PONG = attempt(RedisPing(address="10.107.0.3:6379", pong=True, seconds=0.01))
CUT = attempt(RedisPing(address="10.107.0.3:6379", pong=False, failure="cut", seconds=0.01))


@pytest.mark.parametrize(
    ("values", "ping", "expected", "blocked", "notes"),
    [
        ({}, PONG, {FORM: "", AT: "", PORT: "", PING: ""}, [], []),
        ({"host": "10.0.0.1"}, PONG, {FORM: "", AT: "different", PORT: "", PING: ""}, [], []),
        ({"port": 6380}, PONG, {FORM: "", AT: "", PORT: "above", PING: ""}, [], []),
        ({"form": None}, PONG, {FORM: "missing", PING: ""}, [], []),
        ({}, CUT, {FORM: "", AT: "", PORT: "", PING: "cut"}, [], []),
        ({}, attempt(DENIED), {FORM: "", AT: "", PORT: ""}, [DENIED], []),
        ({}, attempt(UNREACHED), {FORM: "", AT: "", PORT: ""}, [], ["not pinged from here: no way from here"]),
    ],
)
def test_redis_is_the_declared_one_and_answers(
    values: Any, ping: Attempt[Any], expected: dict[str, str], blocked: list[Why], notes: list[str]
) -> None:
    """The host and port are compared where there are any; only a vantage without a way leaves the PING out."""
    url = attempt(RedisUrl(**{"form": "REDIS_URL", "host": "10.107.0.3", "port": 6379, **values}))
    judgement = judged(environment.test_redis_url, url, ping, DECLARED)
    assert {one.subject: one.symptom for one in judgement.comparisons} == expected
    assert (judgement.blocked, judgement.notes) == (blocked, notes)


def test_a_redis_that_fails_is_told_though_its_url_is_not_seen() -> None:
    """A URL that may not be read is blocked, and a PING that fails is a violation all the same."""
    judgement = judged(environment.test_redis_url, attempt(DENIED), CUT, DECLARED)
    assert judgement.blocked == [DENIED]
    assert [(one.subject, one.symptom) for one in judgement.violations] == [(PING, "cut")]


def test_a_secret_in_clear_is_told_by_its_service() -> None:
    """Each service is looked at, and the one with a secret in clear is named."""
    run = services(variables=(Variable(name="A", withheld="a password"), Variable(name="B", value="1")))
    symptoms = {"backend": "in-clear", "auth": "", "app": ""}
    assert told(environment.test_no_secret_in_clear, run) == {
        f"secrets in clear in {key}": symptom for key, symptom in symptoms.items()
    }


@pytest.mark.parametrize(
    ("criterion", "key"),
    [(environment.test_database_secret, "database_url"), (environment.test_jwt_key_secret, "jwt_secret_key")],
)
def test_a_secret_is_enabled(criterion: Callable[..., None], key: str) -> None:
    """Each criterion looks at its own secret: enabled, disabled, without a version, or not there."""
    other = attempt(Secret(kind="secret", name="other", found=True, state="ENABLED"))
    for values, symptom in (
        ({"state": "ENABLED"}, ""),
        ({"state": "DISABLED"}, "different"),
        ({"state": None}, "missing"),
        ({"found": False}, "not-found"),
    ):
        own = attempt(Secret(**{"kind": "secret", "name": "s", "found": True, **values}))
        both = attempt(Secrets(secrets={"database_url": other, "jwt_secret_key": other, key: own}))
        assert told(criterion, both, LOCK) == {"state of secret s": symptom}
