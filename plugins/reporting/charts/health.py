"""The time of each service's health answer against the limit."""

from fixtures.evidence.base import Attempt
from fixtures.evidence.health import Call, Health
from fixtures.profile.lock import Limits
from plugins.reporting.charts.canvas import ROW, Canvas, Scale, seconds
from plugins.reporting.charts.picture import Picture

TITLE = "Health answers"
_LABEL, _SAID = 90.0, 150.0
_TOP = 22.0


def picture(seen: Health, readiness: Attempt[Call] | None, limits: Limits) -> Picture:
    """Return the picture and its sentence."""
    return Picture(TITLE, said(seen, limits), draw(seen, readiness, limits))


def said(seen: Health, limits: Limits) -> str:
    """Return what the picture shows."""
    calls = [attempt.evidence for attempt in seen.calls.values() if attempt.evidence is not None]
    answered = [call for call in calls if call.status is not None]
    slowest = max((call.seconds for call in calls), default=0.0)
    return (
        f"{len(answered)} of {len(seen.calls)} health endpoints answered, the slowest call took {seconds(slowest)}; "
        f"the limit is {seconds(limits.health_max)}."
    )


def draw(seen: Health, readiness: Attempt[Call] | None, limits: Limits) -> str:
    """Draw a bar for each call, and the limit."""
    rows = dict(seen.calls) | ({"readiness": readiness} if readiness is not None else {})
    longest = max((attempt.evidence.seconds for attempt in rows.values() if attempt.evidence is not None), default=0.0)
    canvas = Canvas(said(seen, limits), _TOP + ROW * len(rows) + 22)
    scale = Scale(max(longest, limits.health_max * 1.1), _LABEL, canvas.across - _SAID)
    bottom = _TOP + ROW * len(rows)
    canvas.axis(scale, _TOP, bottom)
    for number, (name, attempt) in enumerate(rows.items()):
        _bar(canvas, scale, name, attempt, _TOP + ROW * number)
    at = scale.at(limits.health_max)
    canvas.line("fail", (at, _TOP - 8), (at, bottom))
    canvas.words(f"limit {seconds(limits.health_max)}", at - 5, _TOP - 12, kind="fail", anchor="end")
    return canvas.svg()


def _bar(canvas: Canvas, scale: Scale, name: str, attempt: Attempt[Call], top: float) -> None:
    middle = top + ROW / 2
    canvas.words(name, 0, middle, kind="quiet", room=_LABEL - 8)
    call = attempt.evidence
    if call is None:
        canvas.words("not observed", scale.right + 8, middle, kind="blocked", room=_SAID - 8)
        return
    good = call.failure is None and call.status is not None and call.status < 400
    kind = "pass" if good else "fail"
    canvas.box(kind, _LABEL, top + 3, scale.at(call.seconds) - _LABEL, ROW - 6, call.url)
    answer = call.failure or f"status {call.status}"
    canvas.words(f"{seconds(call.seconds)}, {answer}", scale.right + 8, middle, kind=kind, room=_SAID - 8)
