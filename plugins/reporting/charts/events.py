"""The events of the agent's run, by when they came."""

from fixtures.evidence.chat import ChatRun
from fixtures.profile.lock import ChatLock
from plugins.reporting.charts.canvas import ROW, Canvas, Scale, seconds
from plugins.reporting.charts.picture import Picture

TITLE = "The agent's run"
_LABEL, _SAID = 120.0, 110.0
_TOP = 6.0


def picture(run: ChatRun, lock: ChatLock) -> Picture:
    """Return the picture and its sentence."""
    return Picture(TITLE, said(run, lock), draw(run, lock))


def said(run: ChatRun, lock: ChatLock) -> str:
    """Return what the picture shows."""
    names = list(type(lock.events).model_fields)
    came = sum(run.event(name) is not None for name in names)
    last = max((event.at_s for event in run.events), default=0.0)
    answer = f"the answer after {seconds(run.answered_s)}" if run.answered_s is not None else "no answer came"
    return f"{came} of {len(names)} events came, the last after {seconds(last)}; {answer}."


def draw(run: ChatRun, lock: ChatLock) -> str:
    """Draw a row for each event in its legal order, a dot for each arrival, and a line through them as they came."""
    names = list(type(lock.events).model_fields)
    canvas = Canvas(said(run, lock), _TOP + ROW * len(names) + 22)
    last = max((event.at_s for event in run.events), default=0.0)
    scale = Scale(max(last, run.answered_s or 0.0, 0.1) * 1.02, _LABEL, canvas.across - _SAID)
    bottom = _TOP + ROW * len(names)
    if last:
        tail = scale.at(last * (1 - lock.tail))
        canvas.box("band", tail, _TOP, scale.at(last) - tail, bottom - _TOP, "the tail: progress must come before it")
    canvas.axis(scale, _TOP, bottom)
    middles = {name: _TOP + ROW * (number + 0.5) for number, name in enumerate(names)}
    arrived = [(scale.at(event.at_s), middles[event.name], event) for event in run.events if event.name in middles]
    canvas.line("order", *[(x, y) for x, y, _ in arrived]) if arrived[1:] else None
    for x, y, event in arrived:
        canvas.dot("pass", x, y, f"{event.name} after {seconds(event.at_s)}")
    for name, middle in middles.items():
        first = run.event(name)
        canvas.words(name, 0, middle, kind="quiet", room=_LABEL - 8)
        told = f"after {seconds(first.at_s)}" if first is not None else "did not come"
        canvas.words(told, scale.right + 10, middle, kind="quiet" if first is not None else "fail", room=_SAID - 10)
    return canvas.svg()
