"""What the evidence of several criteria comes to, in one sentence."""

from datetime import UTC, datetime
from typing import Any

from fixtures.evidence.base import Evidence
from fixtures.evidence.logs import Quote, Signature
from fixtures.evidence.sessions import ConnectionCount, Phases, Session, Sessions
from fixtures.evidence.settings import DatabaseSettings, Setting
from plugins.diagnosis import diagnose
from plugins.diagnosis.readings import READINGS
from plugins.diagnosis.readings import read as read_of
from plugins.reporting.record import Result
from tests.test_diagnosis import results, saw

REVISION = "netra-backend-staging-00042-xuv"


def seeing(found: Result, **evidence: Evidence | dict[str, Any]) -> Result:
    """Return a result with what its probes saw."""
    dumped = {name: one if isinstance(one, dict) else one.model_dump(mode="json") for name, one in evidence.items()}
    return found.model_copy(update={"evidence": dumped})


def sessions(*each: Session) -> Sessions:
    """Return the evidence of fresh sessions."""
    return Sessions(address="10.1.0.3:5432", user="u", database="d", tls=None, sessions=each)


STUCK = Session(opened=False, answered=False, connect_s=35.0, phases=Phases(tcp_s=0.001), failure="stalled")
FAST = Session(opened=True, answered=True, connect_s=0.02, phases=Phases(tcp_s=0.001, query_s=0.012))
SLOW = Session(opened=True, answered=False, connect_s=0.02, phases=Phases(tcp_s=0.001), failure="query-slow")


def settings(initialisation_s: float = 75.0) -> DatabaseSettings:
    """Return what the source says."""
    written = {"initialization_timeout": Setting(value=initialisation_s, where="x.py:1")}
    pool = {"pool_size": Setting(value=10, where="x.py:2"), "max_overflow": Setting(value=15, where="x.py:3")}
    return DatabaseSettings(source="checkout", where="x.py", environment="staging", timeouts=written, pool=pool)


def cloud_run() -> dict[str, Any]:
    """Return of the services' evidence what a reading looks at."""
    return {"services": {"backend": {"evidence": {"serving": {"name": REVISION, "max_instances": 10}}}}}


def read(*found: Result) -> str:
    """Return the reading of the first cause; empty without one."""
    diagnosis = diagnose(results(*found))
    return diagnosis.readings.get(diagnosis.causes[0], "")


def test_a_handshake_that_stalls_before_a_fast_server_is_the_connectors() -> None:
    """Where other sessions are answered at once, the server is cleared by what it did."""
    said = read(seeing(saw("DB-CONNECT", "stalled"), sessions=sessions(STUCK, FAST)))
    assert said.startswith("it is the connector, saturated or sick, and not a slow server: 1 of 2 sessions get")
    assert said.endswith("while the server answers a query in 0.012 s")


def test_a_handshake_that_always_stalls_points_to_the_connector() -> None:
    """Where no session was answered, the server was not seen to be fast: that is a suspicion, and worded as one."""
    said = read(seeing(saw("DB-CONNECT", "stalled"), sessions=sessions(STUCK, STUCK)))
    assert said.startswith("that points to the connector")
    assert said.endswith("2 of 2 sessions get as far as TCP")


def test_a_server_that_is_slow_is_no_matter_of_the_connector() -> None:
    """Where TCP stands at once and the server takes its time, the sentence is another one."""
    said = read(seeing(saw("DB-QUERY", "query-slow"), sessions=sessions(SLOW)))
    assert said == "the server is slow, and the way to it is not: TCP stands after 0.001 s"


def test_a_full_instance_is_a_matter_of_arithmetic() -> None:
    """What is taken stands beside what the backend may take, with the numbers that were seen."""
    count = ConnectionCount(used=110, limit=110, source="the server's refusal")
    full = seeing(saw("SQL-CONNS", "above"), connection_count=count)
    turned_away = saw("DB-CONNECT", "too-many-clients")
    assert read(full, turned_away) == "110 of 110 connections are taken"
    known = seeing(saw("TMO-NEST", ""), database_settings=settings(), cloud_run=cloud_run())
    assert read(full, turned_away, known.model_copy(update={"outcome": "warn"})) == (
        "110 of 110 connections are taken; the backend's 10 instances * (10 + 15) may take 250, more than there are"
    )


def outage(*, revision: str = REVISION) -> dict[str, Any]:
    """Return the log of a start that gave up after 25 s."""
    now = datetime.now(UTC)
    last = Quote(at=now, service="backend", revision=revision, severity="CRITICAL", text="timeout after 25.0s")
    line = Signature(count=1, services=("backend",), first_at=now, last=last, seconds=(25.0,), points_to="x")
    return {"signatures": {"initialisation-timeout": line.model_dump(mode="json")}}


def test_what_runs_is_told_from_what_is_written() -> None:
    """The log names the value in force; beside it stand the source's, and whether the revision still serves."""
    line = saw("LOG-SIGN", "initialisation-timeout-regressed")
    known = seeing(saw("X", "").model_copy(update={"outcome": "pass"}), database_settings=settings())
    deployed = "an initialisation timeout of 25 s"
    said = read(seeing(line, logs=outage(), cloud_run=cloud_run()), known)
    assert said == (
        f"the serving revision {REVISION} still runs {deployed}, although the source says 75 s: deploy what was written"
    )
    assert read(seeing(line, logs=outage(revision="old"))) == f"old runs {deployed}: deploy what was written"


def test_nothing_is_read_into_what_was_not_seen() -> None:
    """Without the evidence, a cause comes to no more than its own comparison says."""
    for id, symptom in (
        ("DB-QUERY", "query-slow"),
        ("SQL-CONNS", "above"),
        ("LOG-SIGN", "initialisation-timeout-regressed"),
        ("VPC-STATE", "different"),
    ):
        assert read(saw(id, symptom)) == ""


def test_a_reading_is_for_its_causes_and_symptoms_alone() -> None:
    """Evidence that would make a sentence makes none for another cause, or for another symptom."""
    evidence = {"sessions": sessions(STUCK, FAST)}
    for id, symptom in (("DB-CONNECT", "refused"), ("SQL-STATE", "stalled")):
        assert read_of(id, results(seeing(saw(id, symptom), **evidence))) == ""
    for reading in READINGS:
        for id in reading.causes:
            assert bool(read_of(id, results(seeing(saw(id, reading.symptoms[0]), **evidence)))) is (
                reading.says.__name__ in ("_connector", "_server")
            )


def test_sessions_that_are_only_slow_are_not_stuck() -> None:
    """Where every session opened, none is counted as stuck, whether or not a query was timed."""
    said = read(seeing(saw("DB-CONNECT", "slow-tls"), sessions=sessions(FAST)))
    assert said.endswith(": sessions are slow to get past TCP, while the server answers a query in 0.012 s")
    said = read(seeing(saw("DB-CONNECT", "slow-tls"), sessions=sessions(SLOW)))
    assert said.endswith("and not to a slow server: sessions are slow to get as far as TCP")
    said = read(seeing(saw("DB-CONNECT", "stalled"), sessions=sessions(STUCK, FAST)))
    assert "1 of 2 sessions get as far as TCP and no further, while" in said
    assert read(saw("DB-CONNECT", "stalled")).endswith(": sessions are slow to get as far as TCP")


def test_a_way_that_was_not_timed_says_nothing_of_the_server() -> None:
    """Without a time of TCP there is no sentence."""
    untimed = Session(opened=False, answered=False, connect_s=1.0, phases=Phases(), failure="query-slow")
    assert read(seeing(saw("DB-QUERY", "query-slow"), sessions=sessions(untimed))) == ""


def test_arithmetic_is_only_made_of_what_is_known() -> None:
    """Without one of the numbers it is left out, and what fits exactly has room."""
    full = saw("SQL-CONNS", "above")
    for count in ({"used": 110, "limit": None}, {"used": None, "limit": 110}):
        assert read(seeing(full, connection_count=count)) == ""
    for limit, share in ((250, "for which there is room: others hold the rest"), (249, "more than there are")):
        count = {"used": 110, "limit": limit}
        known = seeing(full, connection_count=count, database_settings=settings(), cloud_run=cloud_run())
        assert read(known).endswith(f" may take 250, {share}")
    count = {"used": 110, "limit": 110}
    taken = "110 of 110 connections are taken"
    for name in ("pool_size", "max_overflow"):
        half = settings().model_dump(mode="json")
        del half["pool"][name]
        assert read(seeing(full, connection_count=count, database_settings=half, cloud_run=cloud_run())) == taken
    assert read(seeing(full, connection_count=count, database_settings=settings())) == taken


def test_the_source_is_named_where_it_says_more_than_what_runs() -> None:
    """The same value, or a smaller one, was deployed as it was written; a line without seconds is silent."""
    line = saw("LOG-SIGN", "initialisation-timeout-regressed")
    for written, named in ((24.0, False), (25.0, False), (26.0, True)):
        said = read(seeing(line, logs=outage(revision="old"), database_settings=settings(written)))
        assert ("although the source says" in said) is named
    silent = outage()
    silent["signatures"]["initialisation-timeout"]["seconds"] = []
    assert read(seeing(line, logs=silent)) == ""
    two = outage(revision="old")
    two["signatures"]["initialisation-timeout"]["seconds"] = [20.0, 30.0]
    assert read(seeing(line, logs=two)).startswith("old runs an initialisation timeout of 20 s")
