"""What a criterion says of evidence that a test makes up."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fixtures.evidence.base import Attempt, Evidence, Reason, Why
from fixtures.expect import Expect, Judgement

NOW = datetime(2025, 9, 15, tzinfo=UTC)
DENIED = Why(reason=Reason.PERMISSION_DENIED, detail="it may not be read")


def attempt(evidence: Evidence | Why) -> Attempt[Any]:
    """Return a probe's answer: what it saw, or why it saw nothing."""
    given = {"blocked" if isinstance(evidence, Why) else "evidence": evidence}
    return Attempt(**given, started_at=NOW, seconds=1.0, source="a test")


def judged(criterion: Callable[..., None], *given: Any) -> Judgement:
    """Return what a criterion makes of what it is given."""
    expect = Expect()
    criterion(*given, expect)
    return expect.judgement


def symptoms(judgement: Judgement) -> dict[str, str]:
    """Return each comparison's symptom by its subject; empty where it holds."""
    return {one.subject: one.symptom for one in judgement.comparisons}
