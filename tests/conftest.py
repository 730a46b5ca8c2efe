"""What tests of several rooms are given."""

from collections.abc import Iterator

import pytest

from tests.warm import forking


@pytest.fixture(scope="session")
def forks() -> Iterator[None]:
    """Have a process from which runs of the suite are forked; one for each worker."""
    with forking():
        yield
