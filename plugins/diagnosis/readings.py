"""What a cause comes to in words, where the evidence of several criteria says more than its own comparison does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from plugins.diagnosis.links import OF_THE_WAY
from plugins.reporting.record import Result

Results = Mapping[str, Result]
_POOL = ("pool_size", "max_overflow")


@dataclass(frozen=True)
class Reading:
    """For a cause with one of these symptoms: what makes the sentence; an empty one where the evidence is not there."""

    causes: tuple[str, ...]
    symptoms: tuple[str, ...]
    says: Callable[[Results], str]


def read(cause: str, results: Results) -> str:
    """Return what a cause comes to, in one sentence; empty where nothing is known beyond its own comparisons."""
    shown = results[cause].symptoms
    for reading in READINGS:
        if cause in reading.causes and any(symptom in shown for symptom in reading.symptoms):
            said = reading.says(results)
            if said:
                return said
    return ""


def _seen(results: Results, probe: str, *path: str) -> Any:
    """Return a value of what a probe saw, from whichever result carries it; None where none does."""
    value: Any = next((one.evidence[probe] for one in results.values() if probe in one.evidence), None)
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _connector(results: Results) -> str:
    """Tell a connector that cannot keep up from a server that is slow (§1.2)."""
    sessions = _seen(results, "sessions", "sessions") or ()
    stuck = sum(not one["opened"] for one in sessions)
    which = f"{stuck} of {len(sessions)} sessions get" if stuck else "sessions are slow to get"
    answers = [seconds for one in sessions if (seconds := one["phases"]["query_s"]) is not None]
    if not answers:
        return f"that points to the connector, saturated or sick, and not to a slow server: {which} as far as TCP"
    said = f"{which} past TCP" if not stuck else f"{which} as far as TCP and no further"
    fast = f"the server answers a query in {median(answers):.3f} s"
    return f"it is the connector, saturated or sick, and not a slow server: {said}, while {fast}"


def _server(results: Results) -> str:
    """Tell a slow server from a slow way."""
    sessions = _seen(results, "sessions", "sessions") or ()
    tcp = [seconds for one in sessions if (seconds := one["phases"]["tcp_s"]) is not None]
    return f"the server is slow, and the way to it is not: TCP stands after {median(tcp):.3f} s" if tcp else ""


def _capacity(results: Results) -> str:
    """Put what may be asked for beside what there is (§2.3)."""
    used, limit = (_seen(results, "connection_count", name) for name in ("used", "limit"))
    if used is None or limit is None:
        return ""
    taken = f"{used} of {limit} connections are taken"
    size, overflow = (_seen(results, "database_settings", "pool", name, "value") for name in _POOL)
    instances = _seen(results, "cloud_run", "services", "backend", "evidence", "serving", "max_instances")
    if size is None or overflow is None or instances is None:
        return taken
    wanted = instances * (size + overflow)
    share = "more than there are" if wanted > limit else "for which there is room: others hold the rest"
    return f"{taken}; the backend's {instances} instances * ({size:g} + {overflow:g}) may take {wanted:g}, {share}"


def _running(results: Results) -> str:
    """Say that another value runs than the source holds: deployed is not what was written (§1.1)."""
    line = _seen(results, "logs", "signatures", "initialisation-timeout")
    if not line or not line["seconds"]:
        return ""
    running, revision = line["seconds"][0], line["last"]["revision"]
    serving = _seen(results, "cloud_run", "services", "backend", "evidence", "serving", "name")
    which = f"the serving revision {revision} still runs" if revision == serving else f"{revision} runs"
    written = _seen(results, "database_settings", "timeouts", "initialization_timeout", "value")
    behind = f", although the source says {written:g} s" if written is not None and written > running else ""
    return f"{which} an initialisation timeout of {running:g} s{behind}: deploy what was written"


READINGS = (
    Reading(("DB-CONNECT", "SQL-DIRECT", "VPC-CAP"), OF_THE_WAY, _connector),
    Reading(
        ("DB-CONNECT", "SQL-DIRECT", "DB-QUERY"),
        ("slow-authentication", "stalled-authentication", "query-slow"),
        _server,
    ),
    Reading(("SQL-CONNS",), ("above",), _capacity),
    Reading(("DB-CONNECT", "SQL-DIRECT"), ("too-many-clients",), _capacity),
    Reading(("LOG-SIGN",), ("initialisation-timeout-regressed",), _running),
)
