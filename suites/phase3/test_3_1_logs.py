"""Plan 3.1: what the services wrote to their logs since the serving revisions were created."""

import pytest

from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.logs import Logs, Quote, Signature
from fixtures.expect import Expect, Locked
from fixtures.profile import Profile

pytestmark = [pytest.mark.phase3, pytest.mark.logs]

UNTOLD = {"without_payload": "without a payload", "without_severity": "without a severity"}


def _said(quote: Quote) -> str:
    severity = quote.severity or "no severity"
    return f"{quote.at:%Y-%m-%d %H:%M:%S}Z {quote.service} {severity}: {quote.text or 'no payload'}"


def _was_read(logs: Attempt[Logs], expect: Expect) -> None:
    """Block what the log cannot prove: a window that was not read whole, or a service that never wrote a line."""
    seen = logs.value
    gaps = [seen.unread] if seen.unread else []
    silent = [one for one in seen.windows.values() if one.newest_at is None]
    gaps += [f"the log of {one.service} holds no entry at all since {one.since:%Y-%m-%d %H:%M}Z" for one in silent]
    for gap in gaps:
        expect.block(Why(reason=Reason.UNKNOWABLE, detail=gap, looked_at=logs.source))


@pytest.mark.criterion("LOG-CRIT", section="3.1", severity="critical")
def test_nothing_critical_was_logged(logs: Attempt[Logs], profile: Profile, expect: Expect) -> None:
    """No service has logged anything critical since its serving revision was created."""
    seen = logs.value
    for key, service in profile.services:
        expect.note(f"{service.name}: since {seen.windows[key].since:%Y-%m-%d %H:%M}Z, {seen.windows[key].reason}")
        critical = expect.value(seen.critical.get(key, 0), f"CRITICAL entries of {service.name}")
        critical.equals(0, symptom="critical-entries" if seen.unsigned.get(key) else "critical-signatures")
    for field, words in UNTOLD.items():
        untold = expect.value(getattr(seen, field), f"entries {words}")
        untold.below(1, warning=True, symptom=field.replace("_", "-"))
    for quote in seen.quotes:
        expect.note(_said(quote))
    expect.note(f"{seen.read} entries from WARNING on or without severity, {sum(seen.noise.values())} known noise")
    _was_read(logs, expect)


def _judge(id: str, seen: Signature, lock: Locked, expect: Expect) -> None:
    label = f"{id} in the log of {', '.join(seen.services)} ({seen.count} entries)"
    locked = getattr(lock.timeouts, seen.setting) if seen.setting else None
    regressed = locked is not None and bool(seen.seconds) and seen.seconds[0] < locked.value
    symptom = f"{id}-regressed" if regressed else id
    if regressed:
        running = expect.value(seen.seconds[0], f"{seen.setting} in force, as the log names it", unit="seconds")
        running.equals(locked, symptom=symptom)
    expect.value(seen.last.text, label).is_none("not logged", symptom=symptom)
    expect.note(f"{id} points to {seen.points_to}; first {seen.first_at:%H:%M:%S}Z, last {_said(seen.last)}")
    if len(seen.seconds) > 1:
        expect.note(f"{id}: {', '.join(f'{number:g} s' for number in seen.seconds)}, the newest first")


@pytest.mark.criterion("LOG-SIGN", section="3.1", severity="major")
def test_outage_is_not_in_the_log(logs: Attempt[Logs], lock: Locked, expect: Expect) -> None:
    """None of the lines by which the outage is known was logged."""
    seen = logs.value
    causes = seen.causes
    for id, signature in causes.items():
        _judge(id, signature, lock, expect)
    for id, signature in seen.signatures.items():
        if id not in causes:
            expect.note(f"in consequence: {id}, {signature.count} entries")
    if not causes:
        expect.value((), "lines by which the outage is known").is_none("none")
    untold = expect.value(seen.without_payload, "entries without a payload, which may hold any of them")
    untold.below(1, warning=True, symptom="without-payload")
    _was_read(logs, expect)
