"""Pairs of faults at once: which are looked at, and which cannot be built."""

import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from itertools import product
from typing import Any

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS

Place = tuple[str, ...]
"""Of something in a world, as the names that lead to it."""
Pair = tuple[str, str]

TOGETHER: dict[Pair, dict[str, str]] = {}
"""What only the two together turn, or turn otherwise than each by itself."""
MISNAMED: dict[Pair, str] = {}
"""Pairs whose first cause is not a right one, and why."""

HEALTHY = build_world(load("replica"))
COPY = pickle.dumps(HEALTHY)
"""Faster to read than a deep copy is to make."""


@cache
def sample() -> dict[Pair, str]:
    """Return a pair for each fault, and for each the reason why it cannot be built; empty where it can.

    A fault's partner is the one whose name, hashed behind its own, comes first: a new fault moves few of them. Where
    the two cannot be built the next one is taken, so every fault is in at least one pair.
    """
    found: dict[Pair, str] = {}
    for id in visible():
        for other in sorted(visible(), key=lambda other: sha256(f"{id} {other}".encode()).digest()):
            if other != id:
                pair = min(id, other), max(id, other)
                found[pair] = apart(*pair)
                if not found[pair]:
                    break
    return dict(sorted(found.items()))


def in_order(pair: Pair) -> tuple[str, ...]:
    """Return the two as they must be applied: who moves the traffic first, for the other breaks what receives it."""
    return tuple(sorted(pair, key=lambda fault: not any("traffic" in place for place in set_by(fault))))


def visible() -> list[str]:
    """Return the faults that a run sees which looks once: those that turn more than the soak."""
    return [id for id, fault in FAULTS.items() if fault.turns.keys() - {"SOAK"}]


def apart(one: str, other: str) -> str:
    """Return why two faults cannot be built together: one of them would undo the other."""
    clashes = (_clash(mine, theirs) for mine, theirs in product(set_by(one), set_by(other)))
    clash = next((place for place in clashes if place), ())
    return f"both set {'.'.join(clash)}" if clash else ""


@cache
def set_by(id: str) -> tuple[Place, ...]:
    """Return the places of the world that a fault sets, adds or takes away."""
    world = pickle.loads(COPY)
    FAULTS[id].apply(world)
    return tuple(_changed(HEALTHY, world))


def _changed(before: Any, after: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the innermost places in which two values differ."""
    if before == after:
        return
    parts, others = _parts(before), _parts(after)
    if parts is None or others is None:
        yield place
    else:
        for name in sorted(parts | others):
            yield from _changed(parts.get(name, ...), others.get(name, ...), (*place, name))


def _parts(value: Any) -> dict[str, Any] | None:
    """Return what a value is made of, by name, or None. Things in a list go by their names, edits by the old text."""
    match value:
        case dict():
            return {str(key): item for key, item in value.items()}
        case list() | set() | frozenset():
            return {str(item[0] if isinstance(item, tuple) else getattr(item, "name", item)): item for item in value}
        case _ if is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in fields(value)}
    return None


def _clash(mine: Place, theirs: Place) -> Place:
    """Return the place that both set: that of the one lies in that of the other."""
    shorter, longer = sorted((mine, theirs), key=len)
    return shorter if longer[: len(shorter)] == shorter else ()
