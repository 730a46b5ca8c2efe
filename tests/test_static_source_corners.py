# ruff: noqa: E501 - a case is a line
"""The static reader in Python's corners: each module is run for real, and nothing else is said of it."""

import pytest

from tests.settings_runs import assert_true, run, states

TABLES = 'TABLES = {"staging": {"pool_timeout": 25.0}, "development": {"pool_timeout": 10.0}}\n'
POOL = '\ndef get_cloud_sql_optimized_config(environment):\n    return {"pool_config": {"pool_size": 10}}\n'
ANSWER = "def get_database_timeout_config(environment):\n"


def module(before: str, *body: str) -> str:
    """Return a module with `TABLES`, more statements, and a function of these lines."""
    lines = "".join(f"    {line}\n" for part in body for line in part.splitlines())
    return f"{TABLES}{before}\n{ANSWER}{lines}{POOL}"


TOLD = {
    "assignment expression": module("", "if (table := TABLES[environment]):", "    return table"),
    "walrus in a comprehension": module("", "[(last := value) for value in (1, 2, 75)]", 'return {"pool_timeout": last}'),
    "list comprehension": module("", 'return {"pool_timeout": sum([value * 3 for value in (5, 20) if value > 5])}'),
    "nested comprehension": module("", 'return {"pool_timeout": sum([a * b for a in (1, 2) for b in (10, 15)])}'),
    "comprehension of pairs": module("", 'return {name: value for name, value in (("pool_timeout", 75),)}'),
    "not": module("", 'return {"pool_timeout": 75 if not TABLES["staging"].get("x") else 1}'),
    "chained comparison": module("", 'return {"pool_timeout": 75 if 1 < 2 < 3 > 2 else 1}'),
    "is": module("X = None", 'return {"pool_timeout": 75 if X is None and TABLES is not None else 1}'),
    "not in": module("", 'return {"pool_timeout": 75 if "x" not in TABLES and "a" in "abc" else 1}'),
    "in keys": module("", 'return {"pool_timeout": 75 if environment in TABLES.keys() else 1}'),
    "in a frozenset": module('CLOUD = frozenset({"staging"})', 'return {"pool_timeout": 75 if environment in CLOUD else 1}'),
    "a table is no text": module("", 'return {"pool_timeout": 75 if TABLES != "x" else 1}'),
    "keyword-only": module("def make(*, by=3):\n    return by", 'return {"pool_timeout": make(by=25) * 3}'),
    "starred arguments": module("def make(*values, **more):\n    return len(values)", 'return {"pool_timeout": make(*(1, 2), 3) * 25}'),
    "merged arguments": module("def make(**more):\n    return more", 'return make(**{"pool_timeout": 75})'),
    "nonlocal": module("def make():\n    n = 25\n    def more():\n        nonlocal n\n        n += 50\n    more()\n    return n", 'return {"pool_timeout": make()}'),
    "late binding": module("def make():\n    fs = {}\n    for n in (25, 75):\n        fs[n] = lambda: n\n    return fs[25]()", 'return {"pool_timeout": make()}'),
    "del of a name": module("X = 1\ndel X\nX = 75", 'return {"pool_timeout": X}'),
    "unpacking": module("A, (B, C) = 1, (75, 3)", 'return {"pool_timeout": B}'),
    "unpacking a table": module("", "first, second = TABLES", "return TABLES[first]"),
    "annotated": module("X: float = 75.0\nY: int", 'return {"pool_timeout": X}'),
    "class attributes": module("class Base:\n    SLOW = 75\nclass Mine(Base):\n    FAST = 25", 'return {"pool_timeout": Mine.SLOW}'),
    "class attribute set": module("class Mine:\n    FAST = 25\nMine.FAST = 75", 'return {"pool_timeout": Mine.FAST}'),
    "static method": module("class Mine:\n    @staticmethod\n    def slow():\n        return 75", 'return {"pool_timeout": Mine.slow()}'),
    "enum value": module("from enum import Enum\nclass Env(Enum):\n    STAGING = 75", 'return {"pool_timeout": Env.STAGING.value}'),
    "sequence items": module("LEVELS = (25, 50, 75)", 'return {"pool_timeout": LEVELS[-1]}'),
    "tuple keys": module('T = {("staging", 1): {"pool_timeout": 75}}', "return T[(environment, 1)]"),
    "while": module("", "n = 0", "while n < 75:", "    n += 5", "    if n == 50:", "        continue", 'return {"pool_timeout": n}'),
    "while and else": module("", "n = 0", "while n < 5:", "    n += 1", "else:", "    n = 75", 'return {"pool_timeout": n}'),
    "break and else": module("", "for n in (1, 75, 3):", "    if n == 75:", "        break", "else:", "    n = 0", 'return {"pool_timeout": n}'),
    "finally wins": module("", "try:", '    return {"pool_timeout": 1}', "finally:", '    return {"pool_timeout": 75}'),
    "raised and caught": module("", "try:", "    raise ValueError", "except (KeyError, ValueError) as error:", '    return {"pool_timeout": 75}'),
    "else of try": module("", "try:", "    n = 1", "except KeyError:", "    n = 2", "else:", "    n = 75", 'return {"pool_timeout": n}'),
    "under a lock": module("import threading\nLOCK = threading.Lock()", "with LOCK:", "    return TABLES[environment]"),
    "match on several": module("", "match environment:", '    case "x" | "staging" as name if name:', '        return {"pool_timeout": 75}'),
    "match on none": module("", "match TABLES.get('x'):", "    case None:", '        return {"pool_timeout": 75}'),
    "cached": module("from functools import lru_cache\n@lru_cache\ndef pick(name):\n    return dict(TABLES[name])", 'pick(environment)["pool_timeout"] = 75', "return pick(environment)"),
    "logger": module("import logging\nlog = logging.getLogger(__name__)", 'log.warning("%s %s", environment, TABLES)', "return TABLES[environment]"),
    "f-string key": module("", 'return {f"{\'pool\'}_timeout": 75}'),
    "range and enumerate": module("", "for n, m in enumerate(range(70, 76)):", "    pass", 'return {"pool_timeout": m}'),
    "sorted": module("", 'return {"pool_timeout": 75 if sorted(TABLES)[0] == "development" else 1}'),
    "isinstance": module("", 'return {"pool_timeout": 75 if isinstance(TABLES, dict) and isinstance(1, int) else 1}'),
    "assert": module('assert TABLES, "empty"', "return TABLES[environment]"),
    "global set on import": module("def setup():\n    global X\n    X = 75\nX = 1", 'return {"pool_timeout": 75}'),
    "zip used up": module("Z = dict(zip(('pool_timeout',), (75,)))", "return Z"),
}  # fmt: skip
"""Plain modules whose value must be told."""

HARD = {
    "default evaluated once": module("def make(base={}):\n    base['pool_timeout'] = base.get('pool_timeout', 0) + 25\n    return base", "make()", "return dict(make())"),
    "pop": module("", 'return {"pool_timeout": TABLES[environment].pop("pool_timeout") * 3}'),
    "setdefault": module("", 'return dict(TABLES.setdefault("nowhere", {"pool_timeout": 75}))'),
    "zip looks late": module("VALUES = {'a': 1}\nZ = zip(('pool_timeout',), VALUES.values())\nVALUES['a'] = 75", "return dict(Z)"),
    "zip used twice": module("Z = zip(('pool_timeout',), (75,))\nlist(Z)", "return dict(Z)"),
    "zip left half-way": module("Z = zip(('x', 'pool_timeout'), (1, 75))\nfor pair in Z:\n    break", "return dict(Z)"),
    "loop that grows": module("", "table = {'pool_timeout': 1}", "for name in table:", "    table[name + 'x'] = 2", "return table"),
    "loop that looks ahead": module("", "table = {'a': 1, 'pool_timeout': 1}", "for name, value in table.items():", "    table['pool_timeout'] = 75", "    table[name] = value", "return table"),
    "loop that swaps keys": module("", "table = {'pool_timeout': 1}", "for name in table:", "    table['x'] = table.pop(name)", "return table"),
    "list that grows": module("", "names = ['pool_timeout']", "for name in names:", "    if len(names) < 3:", "        names.append(name)", "return {'pool_timeout': len(names)}"),
    "append": module("", "names = [25]", "names.append(50)", "return {'pool_timeout': sum(names)}"),
    "slice": module("", "return {'pool_timeout': (1, 75, 3)[1:][0]}"),
    "starred unpacking": module("A, *B = (1, 75)", "return {'pool_timeout': B[0]}"),
    "starred display": module("A = (25, 50)", "return {'pool_timeout': sum([*A])}"),
    "spread of a view": module("", "return {'pool_timeout': sum([*TABLES['staging'].values(), 50])}"),
    "unhashable": module("", "return {'pool_timeout': {[]: 1}}"),
    "unbound local": module("X = 75", "try:", "    value = X", "    X = 1", "except NameError:", "    value = 25", "return {'pool_timeout': value}"),
    "exception name is unbound": module("", "error = 75", "try:", "    1 / 0", "except ZeroDivisionError as error:", "    pass", "return {'pool_timeout': error}"),
    "function attribute": module("def make():\n    return make.value\nmake.value = 75", "return {'pool_timeout': make()}"),
    "generator function": module("def make():\n    yield 75", "return {'pool_timeout': next(make())}"),
    "generator": module("", "return {'pool_timeout': next(n for n in (75,))}"),
    "async": module("async def make():\n    return 75", "return {'pool_timeout': make().close() or 75}"),
    "object": module("class Mine:\n    def __init__(self):\n        self.value = 75", "return {'pool_timeout': Mine().value}"),
    "dataclass": module("from dataclasses import dataclass\n@dataclass\nclass Mine:\n    value: float = 75", "return {'pool_timeout': Mine.value + Mine().value}"),
    "property": module("class Mine:\n    @property\n    def value(self):\n        return 75", "return {'pool_timeout': Mine().value}"),
    "class method": module("class Mine:\n    N = 75\n    @classmethod\n    def slow(cls):\n        return cls.N", "return {'pool_timeout': Mine.slow()}"),
    "class that changes its heirs": module("class Base:\n    def __init_subclass__(cls):\n        cls.N = 25\nclass Mine(Base):\n    N = 75", "return {'pool_timeout': Mine.N}"),
    "metaclass": module("class Meta(type):\n    def __getattribute__(cls, name):\n        return 25\nclass Mine(metaclass=Meta):\n    N = 75", "return {'pool_timeout': Mine.N}"),
    "private name": module("class Mine:\n    __n = 75", "return {'pool_timeout': Mine._Mine__n}"),
    "mixed enum": module("from enum import Enum\nclass Env(str, Enum):\n    STAGING = 'staging'", "return {'pool_timeout': 75 if Env.STAGING == environment else 1}"),
    "defaultdict": module("from collections import defaultdict\nT = defaultdict(lambda: 75)", "return {'pool_timeout': T['x']}"),
    "chain map": module("from collections import ChainMap", "return dict(ChainMap({'pool_timeout': 75}, TABLES[environment]))"),
    "frozen": module("from types import MappingProxyType\nT = MappingProxyType({'pool_timeout': 75})", "return {'pool_timeout': 1 if isinstance(T, dict) else 75}"),
    "frozen and changed": module("from types import MappingProxyType\nT = MappingProxyType({'pool_timeout': 75})", "T['pool_timeout'] = 1", "return T"),
    "frozen view": module("from types import MappingProxyType\nT = MappingProxyType(TABLES['staging'])\nTABLES['staging']['pool_timeout'] = 75", "return dict(T)"),
    "frozen copied": module("import copy\nfrom types import MappingProxyType\nT = MappingProxyType({'pool_timeout': 75})", "return copy.deepcopy(T)"),
    "suppressed": module("from contextlib import suppress\nX = 25", "with suppress(KeyError):", "    TABLES['nowhere']", "    return {}", "return {'pool_timeout': 75}"),
    "own context manager": module("class Quiet:\n    def __enter__(self):\n        TABLES['staging']['pool_timeout'] = 75\n    def __exit__(self, *error):\n        return True", "with Quiet():", "    return TABLES[environment]"),
    "decorated": module("def twice(function):\n    return lambda *args: {'pool_timeout': 75}\n@twice\ndef make():\n    return {}", "return make()"),
    "decorated by foreign code": module("import functools\n@functools.partial\ndef make():\n    return 75", "return {'pool_timeout': make()}"),
    "wrapped": module("import functools\ndef slow(function):\n    @functools.wraps(function)\n    def inner():\n        return function() * 3\n    return inner\n@slow\ndef make():\n    return 25", "return {'pool_timeout': make()}"),
    "called by foreign code": module("import functools\ndef change(*_):\n    TABLES['staging']['pool_timeout'] = 75\n    return 0\nfunctools.reduce(change, (1, 2))", "return TABLES[environment]"),
    "called through map": module("def change(name):\n    TABLES[name]['pool_timeout'] = 75\nlist(map(change, TABLES))", "return TABLES[environment]"),
    "rebound by foreign code": module("import functools\nX = 25\ndef change(*_):\n    global X\n    X = 75\nfunctools.reduce(change, (1, 2))", "return {'pool_timeout': X}"),
    "handed on and kept": module("import functools\nkeep = functools.partial(dict.update, TABLES['staging'])\nkeep({'pool_timeout': 75})", "return TABLES[environment]"),
    "unbound method": module("dict.update(TABLES['staging'], pool_timeout=75)", "return TABLES[environment]"),
    "bound method": module("change = TABLES['staging'].update\nchange(pool_timeout=75)", "return TABLES[environment]"),
    "setattr": module("class Mine:\n    N = 25\nsetattr(Mine, 'N', 75)", "return {'pool_timeout': Mine.N}"),
    "operator module": module("import operator\noperator.setitem(TABLES['staging'], 'pool_timeout', 75)", "return TABLES[environment]"),
    "shadowed builtin": module("def float(value):\n    return 75", "return {'pool_timeout': float(25)}"),
    "shadowed later": module("X = max(1, 25)\ndef max(*values):\n    return 75", "return {'pool_timeout': max(1, 25)}"),
    "sum of floats": module("", "return {'pool_timeout': sum([0.1] * 10) + sum((0.1, 0.2, 0.3))}"),
    "large power": module("", "return {'pool_timeout': 2 ** 2000 % 100}"),
    "text repeated": module("", "return {'pool_timeout': len('x' * 75)}"),
    "complex": module("", "return {'pool_timeout': abs(3 + 4j) * 15}"),
    "nan in a list": module("N = float('nan')", "return {'pool_timeout': 75 if N in (N,) and N != N else 1}"),
    "true as key": module("", "return {'pool_timeout': {1: 25, True: 75}[1.0]}"),
    "doubtful import": module("try:\n    import no_such_module_here\n    X = 25\nexcept ImportError:\n    X = 75", "return {'pool_timeout': X}"),
    "doubtful attribute": module("try:\n    import json\n    X = json.no_such_attribute()\nexcept AttributeError:\n    X = 75", "return {'pool_timeout': X}"),
    "types only": module("from typing import TYPE_CHECKING\nX = 75\nif TYPE_CHECKING:\n    X = 25", "return {'pool_timeout': X}"),
    "types lost": module("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from x import Y\ndef make(y: Y):\n    return 75", "return {'pool_timeout': 75}"),
    "annotations postponed": "from __future__ import annotations\n" + module("def make(y: Lost) -> Lost:\n    return 75", "return {'pool_timeout': make(1)}"),
    "group of exceptions": module("", "try:", "    raise ExceptionGroup('x', [ValueError()])", "except* ValueError:", "    value = 75", "return {'pool_timeout': value}"),
    "system exit": module("", "try:", "    raise SystemExit", "except Exception:", "    return {'pool_timeout': 25}", "except BaseException:", "    return {'pool_timeout': 75}"),
    "return in finally of a loop": module("", "for n in (1, 75):", "    try:", "        continue", "    finally:", "        last = n", "return {'pool_timeout': last}"),
    "class body": module("class Mine:\n    for n in (25, 75):\n        N = n", "return {'pool_timeout': Mine.N}"),
    "class scope": module("N = 75\nclass Mine:\n    N = 25\n    def read():\n        return N", "return {'pool_timeout': Mine.read()}"),
    "match on a sequence": module("", "match (environment, 75):", "    case ('staging', n):", "        return {'pool_timeout': n}"),
    "match on a mapping": module("", "match TABLES:", "    case {'staging': {'pool_timeout': n}}:", "        return {'pool_timeout': n * 3}"),
    "delete of an attribute": module("class Mine:\n    N = 25\ndel Mine.N", "return {'pool_timeout': getattr(Mine, 'N', 75)}"),
}  # fmt: skip
"""Modules that the reader may give up on, but must not be wrong about."""


@pytest.mark.parametrize("name", TOLD)
def test_what_plain_python_says_is_told(name: str) -> None:
    """A module that depends on nothing outside itself is told in full."""
    said = assert_true(TOLD[name], "staging")
    returned = run(TOLD[name], "staging", {})
    assert returned is not None
    assert states(said.timeouts) == returned[0]


@pytest.mark.parametrize("name", HARD)
def test_what_is_hard_to_follow_is_never_told_wrong(name: str) -> None:
    """Where Python does something subtle, the value is right, or it is not told."""
    said = assert_true(HARD[name], "staging")
    returned = run(HARD[name], "staging", {})
    assert returned is not None or not states(said.timeouts)
