"""How the search service is observed. Imported by the engine, when the probe is needed."""

from fixtures.evidence.health import Call
from fixtures.probes.context import Context
from fixtures.probes.health import call


async def call_search(at: Context) -> Call:
    """Call the search service's health endpoint.

    Raises:
        Blocked: it was silent, and that is our own lack of a way there.
    """
    search = at.profile.services.search
    return await call(at, search.url + search.health_path)
