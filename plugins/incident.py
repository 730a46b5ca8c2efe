"""The incident clock: how long it has lasted, which phase the plan expects now, and whether it is time to escalate."""

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pytest

from fixtures.profile.model import Contacts
from plugins.outcome import Outcome, Severity
from plugins.reporting.record import Contact, Criterion, Escalated, Incident, Result
from plugins.runbook import Escalation, Phase, read

_ID = re.compile(r"[\w#][\w#.:/-]{0,63}")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")
_EXAMPLE = "2025-09-15T20:45Z or 2025-09-15T22:45:00+02:00"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the clock."""
    group = parser.getgroup("allclear-incident", "allclear: the incident clock")
    group.addoption(
        "--incident",
        default=os.environ.get("ALLCLEAR_INCIDENT", ""),
        metavar="ID",
        help="the incident that this run belongs to, such as 1278 (default: $ALLCLEAR_INCIDENT)",
    )
    group.addoption(
        "--incident-start",
        default=os.environ.get("ALLCLEAR_INCIDENT_START", ""),
        metavar="TIME",
        help=f"when it began, RFC 3339 with its offset: {_EXAMPLE} (default: $ALLCLEAR_INCIDENT_START)",
    )


def told(id: str, start: str, now: datetime) -> Incident | None:
    """Return the incident that a run was told of, with the clock as it stands; None when it was told of none.

    Raises:
        pytest.UsageError: only one of both was given, or one of them cannot be meant.
    """
    if not id and not start:
        return None
    if not (id and start):
        raise pytest.UsageError("--incident and --incident-start are given together, or not at all")
    if not _ID.fullmatch(id):
        raise pytest.UsageError(f"--incident {id}: give an id of letters, digits and #.:/-, at most 64 of them")
    return _read(id, start, _moment(start, now), now)


def _moment(start: str, now: datetime) -> datetime:
    if not _RFC_3339.fullmatch(start):
        raise pytest.UsageError(f"--incident-start {start}: give date, time and offset, such as {_EXAMPLE}")
    try:
        moment = datetime.fromisoformat(start.upper())
    except ValueError as error:
        raise pytest.UsageError(f"--incident-start {start}: {error}") from None
    if moment > now:
        raise pytest.UsageError(f"--incident-start {start}: this is in the future; it is {now:%Y-%m-%dT%H:%M:%SZ} now")
    return moment


def concluded(
    incident: Incident,
    now: datetime,
    selected: Iterable[Criterion],
    results: Mapping[str, Result],
    contacts: Contacts,
) -> Incident:
    """Return the incident as it stands at the end of a run, with the escalations whose time has come.

    Args:
        incident: as `told` returned it.
        now: the end of the run.
        selected: the criteria of the run.
        results: of those that came to an end.
        contacts: the profile's.
    """
    clock = _read(incident.id, incident.started_at, datetime.fromisoformat(incident.started_at.upper()), now)
    deciding = [criterion for criterion in selected if criterion.severity is not Severity.ADVISORY]
    found = (
        _escalated(one, deciding, results, contacts) for one in read().escalations if clock.minutes >= one.hours * 60
    )
    return clock.model_copy(update={"escalations": tuple(one for one in found if one is not None)})


def _escalated(
    escalation: Escalation, deciding: Iterable[Criterion], results: Mapping[str, Result], contacts: Contacts
) -> Escalated | None:
    """Return an escalation whose time has come, or None when its phases are seen to be mended."""
    outcomes = {
        phase: {one.id: _outcome(results.get(one.id)) for one in deciding if phase in one.markers}
        for phase in escalation.phases
    }
    failing = [id for those in outcomes.values() for id, outcome in those.items() if outcome is Outcome.FAIL]
    unseen = [phase for phase, those in outcomes.items() if not those or Outcome.BLOCKED in those.values()]
    if not failing and not unseen:
        return None
    not_seen = f"{' and '.join(unseen)} not wholly observed in this run, so whether it is time is not known"
    return Escalated(
        after=escalation.after,
        due=bool(failing),
        why=f"still failing: {', '.join(failing)}" if failing else not_seen,
        when=escalation.when,
        steps=escalation.steps,
        contacts=tuple(_contact(name, contacts) for name in escalation.call),
        section=escalation.section,
        owner=escalation.owner,
    )


def _outcome(result: Result | None) -> Outcome:
    return Outcome.BLOCKED if result is None else result.outcome


def _contact(name: str, contacts: Contacts) -> Contact:
    reached: Any = getattr(contacts, name)
    role = name.replace("_", " ").title()
    return Contact(role=role, reached=reached or f"the profile names nobody (contacts.{name})")


def _read(id: str, started_at: str, start: datetime, now: datetime) -> Incident:
    phases = read().phases
    minutes = int((now - start).total_seconds() // 60)
    phase = next((one for one in phases if minutes < one.ends * 60), None)
    left = (phase.ends if phase else phases[-1].ends) * 60 - minutes
    return Incident(
        id=id,
        started_at=started_at,
        minutes=minutes,
        phase=phase.marker if phase else "",
        title=phase.title if phase else "the plan's time is over",
        left=left,
        budget=_budget(phase, left) if phase else f"the plan's {phases[-1].ends} hours are over by {span(-left)}",
    )


def _budget(phase: Phase, left: int) -> str:
    whole = span((phase.ends - phase.begins) * 60)
    return f"the plan expects {phase.marker} now ({phase.title}); {span(left)} of its {whole} left"


def span(minutes: int) -> str:
    """Return a number of minutes in words: `2 h 5 min`."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    return " ".join(filter(None, parts))


def sentence(incident: Incident) -> str:
    """Return the clock in one sentence."""
    due = [one.after for one in incident.escalations if one.due]
    escalate = f"; ESCALATE: {' and '.join(due)} are past" if due else ""
    since = f"incident {incident.id}: {span(incident.minutes)} since {incident.started_at}"
    return f"{since}; {incident.budget}{escalate}"
