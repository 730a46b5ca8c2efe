"""Handshake statuses and close codes: what they mean, and which of them say that the gate works."""

import pytest

from fixtures.probes.close_codes import closed, handshake


@pytest.mark.parametrize(
    ("code", "gate", "words"),
    [
        (1008, True, "policy violation"),
        (4401, True, "the service's own"),
        (3000, True, "the service's own"),
        (1000, False, "in order"),
        (1003, False, "subprotocol"),
        (1011, False, "not ready"),
        (1013, False, "again later"),
        (None, False, "without a close frame"),
    ],
)
def test_close_codes(code: int | None, words: str, *, gate: bool) -> None:
    """Each close code has its words; only those for want of a login show that the gate works."""
    seen = closed(code)
    assert (seen.kind, seen.for_want_of_a_login) == (f"closed-{code or 1006}", gate)
    assert words in seen.detail


def test_reason_and_complaint_are_told() -> None:
    """The reason of the close and the last complaint before it stand in the sentence."""
    detail = closed(1008, "authentication failed", said="AUTH_FAILED: no").detail
    assert detail.startswith("AUTH_FAILED: no; closed with 1008")
    assert "reason: authentication failed" in detail


@pytest.mark.parametrize(
    ("status", "gate"), [(401, True), (403, True), (404, False), (429, False), (503, False), (200, False), (307, False)]
)
def test_handshake_statuses(status: int, *, gate: bool) -> None:
    """A handshake that answers 401 or 403 turns strangers away; any other status says nothing of them."""
    assert (handshake(status).kind, handshake(status).for_want_of_a_login) == (f"handshake-{status}", gate)
