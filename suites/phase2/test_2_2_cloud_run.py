"""Plan 2.2: the backend's revision that receives traffic."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.cloud_run import CloudRun, Service
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase2, pytest.mark.cloudrun]


@pytest.fixture
def backend(cloud_run: Attempt[CloudRun]) -> Attempt[Service]:
    """The backend's service, or why it was not seen."""
    return cloud_run.value.services["backend"]


@pytest.mark.ready
@pytest.mark.criterion("RUN-READY", section="2.2", severity="critical")
def test_latest_revision_serves(cloud_run: Attempt[CloudRun], lock: Locked, expect: Expect) -> None:
    """The latest created revision of each service is ready and takes all the traffic."""
    for key, seen in cloud_run.value.services.items():
        service = seen.evidence
        latest = None if service is None else service.latest_created
        expect(seen, "latest_ready", f"latest ready revision of {key}").equals(latest, symptom="not-ready")
        if service is not None and service.found:
            shares = {part.revision: part.percent for part in service.traffic}
            told = ", ".join(f"{name} {percent} %" for name, percent in shares.items()) or "none"
            expect.note(f"traffic of {service.name}: {told}")
            taken = shares.get(latest or "", 0) / 100
            symptom = "split" if len(shares) > 1 else "elsewhere"
            expect.value(taken, f"traffic of the latest revision of {key}").equals(
                lock.revision.traffic, symptom=symptom
            )


@pytest.mark.criterion("RUN-START", section="fix 4", severity="major", needs=["RUN-READY"])
def test_revision_starts_in_time(backend: Attempt[Service], lock: Locked, expect: Expect) -> None:
    """The serving revision became ready within the initialisation timeout of its creation."""
    revision = None if backend.evidence is None else backend.evidence.serving
    took_s = None
    if revision is not None and revision.ready and revision.ready_at is not None:
        took_s = (revision.ready_at - revision.created_at).total_seconds()
    expect(backend, "serving.ready", "the serving revision").is_true("ready", symptom="not-ready")
    if took_s is not None:
        expect.value(took_s, "from creation to ready").at_most(lock.timeouts.initialization_timeout, symptom="slow")


@pytest.mark.criterion("RUN-MEM", section="2.2", severity="critical")
def test_memory(backend: Attempt[Service], lock: Locked, expect: Expect) -> None:
    """The backend has its memory."""
    expect(backend, "serving.memory_bytes", "memory limit").equals(lock.revision.memory)


@pytest.mark.criterion("RUN-CPU", section="2.2", severity="critical")
def test_cpu(backend: Attempt[Service], lock: Locked, expect: Expect) -> None:
    """The backend has its CPUs."""
    expect(backend, "serving.cpu_millicores", "CPU limit").equals(lock.revision.cpu)


@pytest.mark.criterion("RUN-MIN", section="2.2", severity="critical")
def test_min_instances(backend: Attempt[Service], lock: Locked, expect: Expect) -> None:
    """An instance of the backend is always running."""
    expect(backend, "serving.min_instances", "min instances").at_least(lock.revision.min_instances)


@pytest.mark.criterion("RUN-MAX", section="rollback 3", severity="major")
def test_max_instances(backend: Attempt[Service], lock: Locked, expect: Expect) -> None:
    """The backend scales to the planned number of instances, and no further."""
    expect(backend, "serving.max_instances", "max instances").equals(lock.revision.max_instances)
