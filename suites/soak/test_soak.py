"""Success metrics: continuous operation, watched without a pause."""

import pytest

from fixtures.evidence.base import Attempt, Reason, Why
from fixtures.evidence.soak import Lapse, Soak
from fixtures.expect import Expect, Locked
from fixtures.profile import Profile
from fixtures.profile.units import spell_length

pytestmark = pytest.mark.soak

SHOWN = 5
"""Lapses of one thing that are told one by one; the evidence holds all of them."""


def _label(track: str, profile: Profile) -> str:
    service = getattr(profile.services, track, None)
    labels = {
        "sessions": f"fresh sessions of {profile.database.instance}",
        "socket": "openings and pings of the socket",
        "login": "logins and renewals of the token",
    }
    return f"health calls of {service.name}" if service is not None else labels[track]


def _symptom(track: str) -> str:
    symptoms = {"sessions": "sessions-lost", "socket": "socket-lost", "login": "login-lost"}
    return symptoms.get(track, "health-lapses")


def _told(seen: Soak, lapse: Lapse) -> str:
    when = f"at {seen.clock(lapse.from_s)}"
    if lapse.times > 1:
        when = f"{lapse.times} times from {seen.clock(lapse.from_s)} to {seen.clock(lapse.until_s)}"
    return f"{lapse.kind} {when}{f' ({lapse.detail})' if lapse.detail else ''}"


def _note_lapses(seen: Soak, track: str, expect: Expect) -> None:
    lapses = seen.tracks[track].lapses
    for lapse in lapses[:SHOWN]:
        expect.note(f"{track}: {_told(seen, lapse)}")
    more = len(lapses[SHOWN:]) + seen.tracks[track].more_lapses
    if more:
        expect.note(f"{track}: and {more} more")


def _lasts(seen: Soak, profile: Profile, lock: Locked, declared: Locked, expect: Expect) -> None:
    """Compare how long it was held; a soak that was cut short proves nothing, whatever it has seen."""
    asked, planned = profile.soak.length, profile.lock.limits.soak
    if asked is not None and asked < planned:
        expect.reserve(f"{spell_length(asked)} asked, {spell_length(planned)} is the plan's")
    if seen.held_s < seen.asked_s:
        expect.note(seen.held)
        expect.block(Why(reason=Reason.NOT_RUN, detail=f"{seen.held}: the run was interrupted", looked_at="soak"))
        return
    held = expect.value(seen.held_s, "held for", unit="seconds")
    held.at_least(lock.limits.soak if asked is None else declared.soak.length)


def _was_watched(seen: Soak, expect: Expect) -> None:
    """Block for what could not be looked at in between: a gap in the trace is no proof of anything."""
    for gap in seen.blind:
        when = f"from {seen.clock(gap.from_s)} to {seen.clock(gap.until_s)}"
        detail = f"could not look at {gap.track} {when}: {gap.why.detail}"
        expect.block(gap.why.model_copy(update={"detail": detail}))
    for name, track in seen.tracks.items():
        if not track.count:
            detail = f"{name} was not looked at once"
            expect.block(Why(reason=Reason.NOT_RUN, detail=detail, looked_at=name))


@pytest.mark.criterion("SOAK", section="metrics", severity="critical", vantage="vpc")
def test_everything_holds(
    soak: Attempt[Soak], profile: Profile, lock: Locked, declared: Locked, expect: Expect
) -> None:
    """Health, sessions, a held socket and its token all hold without a single failure for as long as the plan asks."""
    seen = soak.value
    _lasts(seen, profile, lock, declared, expect)
    _was_watched(seen, expect)
    for name, track in seen.tracks.items():
        if track.count:
            tally = expect.value(track.tally, _label(name, profile))
            tally.equals(f"0 of {track.count} failed", symptom=_symptom(name))
        if track.slowest_s is not None:
            expect.note(f"{name}: slowest {track.slowest_s:.3f} s at {seen.clock(track.slowest_at_s or 0.0)}")
        _note_lapses(seen, name, expect)
    if seen.tracks["sessions"].slowest_s is not None:
        slowest = expect.value(seen.tracks["sessions"].slowest_s, "slowest session", unit="seconds")
        slowest.below(lock.limits.connect_critical, warning=True, symptom="sessions-slow")
        slowest.below(lock.limits.connect_warning, warning=True, symptom="sessions-slow")
    if "login" in seen.tracks:
        lives = "an unknown time" if seen.lifetime_s is None else spell_length(seen.lifetime_s)
        expect.note(f"a token lives {lives}; renewals: {seen.renewals}")
