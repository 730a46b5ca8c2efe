"""What is different between two verdicts: outcome by outcome, and value by value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from plugins.runs.stored import Compared, Entry, Said

_MEASURED = re.compile(r"[<>]")
_TIME = re.compile(r"[\d.]+ (ms|s|min|h)\b.*")


@dataclass(frozen=True)
class Change:
    """What is different in one criterion.

    Attributes:
        before: its outcome in the first run, with the reason where it is blocked.
        values: each observed value that differs, in words.
        with_: the criterion that explained it in the run in which it failed; None where it spoke for itself.
    """

    id: str
    before: str
    after: str
    values: tuple[str, ...]
    with_: str | None

    @property
    def moved(self) -> bool:
        """Whether its outcome is another."""
        return self.before != self.after


def changes(before: Said, after: Said) -> list[Change]:
    """Return what is different in the criteria that both have, in the order of the first."""
    others = {entry.id: entry for entry in after.criteria}
    pairs = [(entry, others[entry.id]) for entry in before.criteria if entry.id in others]
    found = [_change(one, other) for one, other in pairs]
    return [change for change in found if change.moved or change.values]


def only(one: Said, other: Said) -> list[str]:
    """Return the criteria that one has and the other has not."""
    known = {entry.id for entry in other.criteria}
    return [entry.id for entry in one.criteria if entry.id not in known]


def _change(before: Entry, after: Entry) -> Change:
    values = dict.fromkeys(f"{subject}: {was} -> {now}" for subject, was, now in _values(before, after))
    explained = before.explained_by or after.explained_by
    return Change(before.id, _word(before), _word(after), tuple(values), explained)


def _word(entry: Entry) -> str:
    reasons = {f"{why.reason}{f' {why.permission}' if why.permission else ''}" for why in entry.blocked}
    return f"{entry.outcome} ({', '.join(sorted(reasons))})" if reasons else str(entry.outcome)


def _values(before: Entry, after: Entry) -> Iterator[tuple[str, str, str]]:
    left = list(after.comparisons)
    for one in before.comparisons:
        other = _counterpart(one, left)
        if other is not None:
            left.remove(other)
            if not _alike(one, other):
                yield one.subject, one.observed, other.observed
            if one.expected != other.expected and not (_is_its_own(one) and _is_its_own(other)):
                yield f"{one.subject}, expected", one.expected, other.expected
        elif not one.holds:
            yield one.subject, one.observed, "not seen"
    # What only one of them compared tells something where it does not hold.
    yield from ((other.subject, "not seen", other.observed) for other in left if not other.holds)


def _counterpart(one: Compared, left: list[Compared]) -> Compared | None:
    """Return what the other run compared in its place: the same subject, else with the same under another name."""
    same = [other for other in left if other.subject == one.subject]
    like = [other for other in left if (other.key, other.expected) == (one.key, one.expected)]
    return next(iter((*same, *like)), None)


def _alike(one: Compared, other: Compared) -> bool:
    """Whether two values say the same; times that are measured against a limit, and keep it, always do."""
    if (one.holds, one.warning) != (other.holds, other.warning):
        return False
    if _is_its_own(one) and _is_its_own(other):
        return True
    measured = one.holds and bool(_MEASURED.match(one.expected))
    times = measured and _TIME.fullmatch(one.observed) is not None and _TIME.fullmatch(other.observed) is not None
    return times or one.observed == other.observed


def _is_its_own(one: Compared) -> bool:
    """Whether a value is as the run itself declares it (an address, the answer to a question), or free text."""
    declared = one.observed == one.expected and not (one.key or "").startswith("lock.")
    return one.holds and (declared or (one.expected == "set" and " " in one.observed))
