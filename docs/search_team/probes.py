"""The search team's probes. Rows only: what they import is imported when pytest starts."""

from fixtures.evidence.health import Call
from fixtures.probes.registry.probe import Probe, health_deadline_s

PROBES = (
    Probe(
        "search_health",
        "search_team.search:call_search",
        Call,
        "GET of the search service's health endpoint (httpx)",
        health_deadline_s,
        frozenset({"services"}),
    ),
)
