"""Plan 1.2: the Serverless VPC Access connector, and the services that must be attached to it."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.cloud_run import CloudRun
from fixtures.evidence.vpc import Connector, ConnectorLoad
from fixtures.expect import Expect, Locked
from fixtures.profile import Profile

pytestmark = [pytest.mark.phase1, pytest.mark.vpc]

NO_POINT = "Cloud Monitoring holds no point for the connector in the window"


@pytest.mark.criterion("VPC-STATE", section="1.2", severity="critical")
def test_connector_is_ready(connector: Attempt[Connector], lock: Locked, expect: Expect) -> None:
    """The VPC connector exists and is READY."""
    expect(connector, "state").equals(lock.connector.state)


@pytest.mark.criterion("VPC-NET", section="1.2", severity="critical")
def test_connector_network(connector: Attempt[Connector], lock: Locked, expect: Expect) -> None:
    """The connector is attached to the staging network."""
    expect(connector, "network").equals(lock.connector.network)


@pytest.mark.criterion("VPC-CIDR", section="1.2", severity="critical")
def test_connector_range(connector: Attempt[Connector], lock: Locked, expect: Expect) -> None:
    """The connector has its own address range."""
    expect(connector, "ip_cidr_range").equals(lock.connector.ip_cidr_range)


@pytest.mark.criterion("VPC-CAP", section="1.2", severity="critical", needs=["VPC-STATE"])
def test_connector_capacity(
    connector: Attempt[Connector], connector_load: Attempt[ConnectorLoad], lock: Locked, expect: Expect
) -> None:
    """The connector has capacity left."""
    expect(connector, "min_instances").at_least(lock.connector.min_instances)
    expect(connector, "max_instances").at_least(lock.connector.max_instances)
    limit = connector.value
    if limit.max_instances is not None:
        running = expect(connector_load, "instances", "running connector instances", if_none=NO_POINT)
        running.below(limit.max_instances, symptom="at-max")
    expect(connector_load, "cpu", "connector CPU", if_none=NO_POINT).below(lock.connector.max_cpu, symptom="hot")
    if limit.max_throughput_mbps is not None:
        share = lock.connector.max_throughput.value * limit.max_throughput_mbps
        moved = expect(connector_load, "throughput_mbps", "connector throughput, Mbit/s", if_none=NO_POINT)
        moved.below(share, symptom="saturated")


@pytest.mark.criterion("VPC-ANNOT", section="1.2, A", severity="critical")
def test_services_use_the_connector(
    cloud_run: Attempt[CloudRun], profile: Profile, declared: Locked, expect: Expect
) -> None:
    """Each declared service is attached to the connector."""
    for key, service in profile.services:
        if service.behind_connector:
            seen = cloud_run.value.services[key]
            newest = None if seen.evidence is None else seen.evidence.template_connector
            late = newest == profile.connector.name
            attached = expect(seen, "serving.connector", f"connector of {service.name}")
            attached.equals(declared.connector.name, symptom="only-on-newest" if late else None)


@pytest.mark.criterion("VPC-EGRESS", section="1.2, A", severity="critical")
def test_services_send_all_traffic(
    cloud_run: Attempt[CloudRun], profile: Profile, lock: Locked, expect: Expect
) -> None:
    """Each declared service sends all its traffic through the connector."""
    for key, service in profile.services:
        if service.behind_connector:
            egress = expect(cloud_run.value.services[key], "serving.egress", f"VPC egress of {service.name}")
            egress.equals(lock.connector.egress)
