"""Fresh database sessions against the warning, critical and highest levels, and in which phase their time went."""

from fixtures.evidence.sessions import Session, Sessions
from fixtures.profile.lock import Limits
from plugins.reporting.charts.canvas import ROW, Canvas, Scale, seconds
from plugins.reporting.charts.picture import Picture

TITLE = "Database connections"
_PHASES = {
    "name_s": ("phase-1", "DNS"),
    "tcp_s": ("phase-2", "TCP"),
    "tls_s": ("phase-3", "TLS"),
    "authentication_s": ("phase-4", "authentication"),
    "query_s": ("phase-5", "first query"),
}
_LABEL, _SAID = 76.0, 110.0
_STRIP = 56.0
"""Where the strip of dots lies; the names of the three levels are above it, one below the other."""


def picture(seen: Sessions, limits: Limits) -> Picture:
    """Return the picture and its sentence."""
    return Picture(TITLE, said(seen, limits), draw(seen, limits))


def said(seen: Sessions, limits: Limits) -> str:
    """Return what the picture shows."""
    opened = [session for session in seen.sessions if session.answered]
    slowest = max((session.connect_s for session in seen.sessions), default=0.0)
    levels = " and ".join(seconds(level) for level in (limits.connect_warning, limits.connect_critical))
    return (
        f"{len(opened)} of {len(seen.sessions)} sessions answered, the slowest after {seconds(slowest)}; "
        f"alerts begin at {levels}, the limit is {seconds(limits.connect_max)}."
    )


def draw(seen: Sessions, limits: Limits) -> str:
    """Draw every session as a dot against the levels, and below as a bar of its phases on a scale of its own."""
    bars = _STRIP + 66
    canvas = Canvas(said(seen, limits), bars + ROW * len(seen.sessions) + 44)
    _levels(canvas, seen, limits)
    canvas.words("where the time went", 0, bars - 14, kind="strong")
    longest = max((_spent(session) + _lost(session) for session in seen.sessions), default=0.0)
    scale = Scale(max(longest, 0.001), _LABEL, canvas.across - _SAID)
    bottom = bars + ROW * len(seen.sessions)
    canvas.axis(scale, bars, bottom)
    for number, session in enumerate(seen.sessions):
        _bar(canvas, scale, session, bars + ROW * number, f"session {number + 1}")
    entries = [*_PHASES.values(), *([("fail", "lost")] if any(map(_lost, seen.sessions)) else [])]
    canvas.legend(entries, _LABEL, bottom + 32)
    return canvas.svg()


def _levels(canvas: Canvas, seen: Sessions, limits: Limits) -> None:
    slowest = max((session.connect_s for session in seen.sessions), default=0.0)
    scale = Scale(max(limits.connect_max, slowest) * 1.1, _LABEL, canvas.across)
    canvas.line("frame", (_LABEL, _STRIP), (canvas.across, _STRIP))
    canvas.words("to open", 0, _STRIP, kind="quiet")
    levels = (
        ("warn", "warning", limits.connect_warning),
        ("warn", "critical", limits.connect_critical),
        ("fail", "limit", limits.connect_max),
    )
    # The lowest level's name stands lowest, so that no line goes through another one's name.
    for number, (kind, name, level) in enumerate(levels):
        at, top = scale.at(level), 34 - 14 * number
        canvas.line(kind, (at, top), (at, _STRIP + 10))
        canvas.words(f"{name} {seconds(level)}", at - 5, top, kind=kind, anchor="end")
    for session in seen.sessions:
        mark = canvas.dot if session.answered else canvas.cross
        mark("pass" if session.answered else "fail", scale.at(session.connect_s), _STRIP, _word(session))


def _bar(canvas: Canvas, scale: Scale, session: Session, top: float, name: str) -> None:
    canvas.words(name, 0, top + ROW / 2, kind="quiet")
    at = 0.0
    for field, (kind, phase) in _PHASES.items():
        spent = getattr(session.phases, field)
        if spent:
            start, end = scale.at(at), scale.at(at + spent)
            canvas.box(kind, start, top + 3, end - start, ROW - 6, f"{phase}: {seconds(spent)}")
            at += spent
    if _lost(session):
        start, told = scale.at(at), f"until it failed ({session.failed_phase or 'no answer'})"
        canvas.box("fail", start, top + 3, scale.at(at + _lost(session)) - start, ROW - 6, told)
    kind = "quiet" if session.answered else "fail"
    canvas.words(_word(session), canvas.across - _SAID + 8, top + ROW / 2, kind=kind, room=_SAID - 8)


def _spent(session: Session) -> float:
    return sum(getattr(session.phases, field) or 0.0 for field in _PHASES)


def _lost(session: Session) -> float:
    """Seconds in the phase that did not end."""
    return 0.0 if session.opened else max(session.connect_s - _spent(session), 0.0)


def _word(session: Session) -> str:
    if session.answered:
        return seconds(_spent(session))
    return f"{session.failure or 'no answer'} ({seconds(session.connect_s)})"
