"""Registers the search team's own marker, which pytest is strict about."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "search: the search service")
