"""The search team's fault: the criterion has been seen to fail."""

from fixtures.replica.faults.catalogue import fault
from fixtures.replica.world import World


@fault("search-not-listening", fails="SEARCH-UP", warns="TLS-CERT")
def not_listening(world: World) -> None:
    """Nothing listens at the search service's address."""
    world.behaviour.health.not_listening.add("search")
