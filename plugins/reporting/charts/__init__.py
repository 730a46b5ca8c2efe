"""The pictures of a report: what the probes saw, drawn when the report is written.

A probe that nobody asked has no picture; one that was asked and could not look has its reason instead.
"""

from collections.abc import Iterator

from plugins.reporting.charts.picture import Picture
from plugins.verdict import Verdict


def pictures(verdict: Verdict) -> Iterator[Picture]:
    """Yield the pictures of a run, in the order in which people look at them."""
    # Imported here: a run that writes no page does not load the library that draws.
    from plugins.reporting.charts import connections, events, graph, health, probes, soak

    evidence, lock = verdict.evidence, verdict.profile.lock
    of_one = (
        ("sessions", connections, (lock.limits,)),
        ("health", health, (evidence.get("readiness"), lock.limits)),
        ("chat_run", events, (lock.chat,)),
        ("soak", soak, ()),
    )
    for probe, chart, given in of_one:
        attempt = evidence.get(probe)
        if attempt is not None and attempt.blocked is not None:
            yield Picture(chart.TITLE, f"Not observed: {attempt.blocked.detail}")
        elif attempt is not None:
            yield chart.picture(attempt.value, *given)
    if evidence:
        yield probes.picture(evidence)
    yield graph.picture(verdict.results, verdict.diagnosis)
