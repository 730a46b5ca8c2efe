"""Plan 3.3: somebody is told when database connections become slow, before they fail."""

import pytest

from fixtures.evidence.alerts import AlertHandler, AlertPolicies
from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.expect import Expect, Locked

pytestmark = [pytest.mark.phase3, pytest.mark.monitoring]

NAMES = {"warning": "connect_warning", "critical": "connect_critical"}


@pytest.mark.criterion("MON-POLICY", section="3.3", severity="major")
def test_alert_policies_exist(alert_policies: Attempt[AlertPolicies], lock: Locked, expect: Expect) -> None:
    """Enabled alert policies tell somebody of slow connections, at the warning and at the critical level."""
    seen = alert_policies.value
    wanted = {name: getattr(lock.limits, key) for name, key in NAMES.items()}
    for name, level in seen.standing_for({name: one.value for name, one in wanted.items()}).items():
        at = None if level is None else level.seconds
        if at != wanted[name].value and seen.not_understood:
            detail = f"whether a policy alerts at the {name} level cannot be told: {'; '.join(seen.not_understood)}"
            expect.block(Why(reason=Reason.UNKNOWABLE, detail=detail, looked_at=alert_policies.source))
            continue
        expect.value(at, f"connection time of the {name} alert policy", unit="seconds").equals(wanted[name])
        if level is not None:
            expect.note(f"{name}: {level.policy}: {level.comparison} {level.seconds:g} s for {level.duration_s:g} s")
            expect.value(level.flaw, f"the {name} alert policy {level.policy}").is_none("alerts somebody")
    expect.note(f"{seen.policies} alert policies, {len(seen.levels)} conditions on {', '.join(seen.metrics)}")
    for one in seen.not_understood:
        expect.note(f"not understood: {one}")
    if seen.channels_unseen:
        expect.note(f"whether the channels are switched on is not known: {seen.channels_unseen}")


@pytest.mark.criterion("MON-FIRE", section="3.3", severity="major", vantage="checkout")
def test_alert_handler_fires(alert_handler: Attempt[AlertHandler], lock: Locked, expect: Expect) -> None:
    """The backend's own alert handler fires past the warning and past the critical level, and not below."""
    seen = alert_handler.value
    if seen.detail:
        expect.note(seen.detail)
    expect(alert_handler, "failure", "the alert handler").is_none("can be driven")
    if seen.failure is not None:
        return
    if seen.heard:
        expect.note("fired: " + "; ".join(f"{levels} at {value} s" for value, levels in seen.heard.items()))
    for name, key in NAMES.items():
        wanted, fired = getattr(lock.limits, key), seen.fired.get(name)
        at = None if fired is None else fired.at(wanted.value)
        if fired is not None and fired.fires_from is not None:
            expect.note(f"{name}: silent at {fired.silent_until} s, fired at {fired.fires_from} s")
        past = expect.value(at, f"connection time past which the handler's {name} alert fires", unit="seconds")
        past.equals(wanted, symptom="never-fires" if at is None else None)
    expect.value(seen.gaps, "times past the lowest level at which nothing fires").is_none("none", symptom="gaps")
    if seen.deadlock is not None:
        returns = expect.value(not seen.deadlock, "a handler that reads the connections' summary returns")
        returns.is_true("True", symptom="deadlock", warning=True)
