"""Makes settings modules for the property tests: every shape in which such a file may say its values."""

from hypothesis import strategies as st

TIMEOUTS = ("initialization_timeout", "connection_timeout", "pool_timeout")
ENVIRONMENTS = ("development", "staging", "production")
VARIABLE = "ALLCLEAR_TEST_SETTING"
"""The environment variable that generated modules may look up."""

_HEADER = """
import copy
import logging
import os
import types
from functools import lru_cache
from typing import Any

logger = logging.getLogger(__name__)
SHORT = 20.0
LONG: float = 75.0
FACTOR = 1.5

def widen(value, factor=1.2):
    return value * factor

def at_least(low):
    def check(value):
        return value if value > low else low
    return check

def raised(settings, amount=5):
    settings["pool_timeout"] = settings.get("pool_timeout", 0) + amount
    return settings
"""

_numbers = st.sampled_from(["75.0", "75", "25.0", "3_5.0", "1e1", "-5", "0", "90.0", "True", "SHORT", "LONG"])
_names = st.sampled_from(TIMEOUTS)
_environments = st.sampled_from(ENVIRONMENTS)


def _joined(parts: st.SearchStrategy[str], template: str) -> st.SearchStrategy[str]:
    """Fill both places of a template with parts."""
    return st.tuples(parts, parts).map(lambda pair: template.format(*pair))


_plain = st.recursive(
    _numbers,
    lambda inner: st.one_of(
        st.sampled_from(["({} + {})", "({} - {})", "{} * {}", "max({}, {})", "min([{}, {}])", "sum(({}, {}))"]).flatmap(
            lambda template: _joined(inner, template)
        ),
        inner.map("float({})".format),
        inner.map("round({}, 1)".format),
        inner.map("widen({})".format),
        inner.map("widen(factor=FACTOR, value={})".format),
        inner.map("at_least(30.0)({})".format),
        inner.map("(lambda value: value + 1)({})".format),
        _joined(inner, "({} if LONG > SHORT else {})"),
        _joined(inner, "({} or {})"),
    ),
    max_leaves=3,
)
_odd = st.sampled_from(
    [
        "float('inf')",
        "'75.0'",
        "None",
        "1 / 0",
        "undefined_name",
        f"float(os.environ.get('{VARIABLE}', '75.0'))",
        f"(90.0 if os.environ.get('{VARIABLE}') else 75.0)",
        f"len(os.environ['{VARIABLE}'])",
        "1e308 * 10",
        "max()",
    ]
)


def _values(*, odd: bool) -> st.SearchStrategy[str]:
    return st.one_of(_plain, _plain, _plain, _odd) if odd else _plain


def _tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return strategies for expressions that are a table of timeouts."""
    entries = st.lists(st.tuples(_names, values), max_size=4)
    literal = entries.map(lambda pairs: "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}")
    named = st.dictionaries(_names, values, max_size=3).map(
        lambda pairs: "dict(" + ", ".join(f"{name}={value}" for name, value in pairs.items()) + ")"
    )
    whole = values.map(lambda value: "{" + ", ".join(f'"{name}": {value}' for name in TIMEOUTS) + "}")
    simple = st.one_of(literal, named, whole, whole)
    return st.one_of(
        simple,
        literal.map("{{**BASE, **{}}}".format),
        st.tuples(_names, values).map(lambda pair: '{{**BASE, "{}": {}}}'.format(*pair)),
        _joined(simple, "({} | {})"),
        simple.map("dict(BASE, **{})".format),
        simple.map("raised({})".format),
        st.just("dict(BASE)"),
        st.just("BASE.copy()"),
        st.just("copy.deepcopy(BASE)"),
        st.just("BASE"),
        values.map("{{name: {} for name in BASE}}".format),
        st.just("{name: value * 2 for name, value in BASE.items()}"),
        st.just("dict(zip(NAMES, (SHORT, LONG, 45.0)))"),
        literal.map("types.MappingProxyType({})".format),
    )


def _changes(
    target: str, values: st.SearchStrategy[str], tables: st.SearchStrategy[str]
) -> st.SearchStrategy[list[str]]:
    """Return strategies for statements that change a table."""
    pair = st.tuples(_names, values)
    one = st.one_of(
        pair.map(lambda made: f'{target}["{made[0]}"] = {made[1]}'),
        pair.map(lambda made: f"{target}.update({made[0]}={made[1]})"),
        pair.map(lambda made: f'{target}.setdefault("{made[0]}", {made[1]})'),
        pair.map(lambda made: f'{target}["{made[0]}"] += {made[1]}'),
        tables.map(lambda table: f"{target}.update({table})"),
        tables.map(lambda table: f"{target} |= {table}"),
        _names.map(lambda name: f'{target}.pop("{name}", None)'),
        _names.map(lambda name: f'del {target}["{name}"]'),
        pair.map(lambda made: f'alias = {target}\nalias["{made[0]}"] = {made[1]}'),
        values.map(lambda value: f"for name in NAMES:\n    {target}[name] = {value}"),
        pair.map(lambda made: f'if LONG > SHORT:\n    {target}["{made[0]}"] = {made[1]}'),
        pair.map(lambda made: f'try:\n    {target}["{made[0]}"] = {made[1]}\nexcept ArithmeticError:\n    pass'),
        pair.map(
            lambda made: (
                f'try:\n    {target}["absent"]\nexcept KeyError:\n    {target}["{made[0]}"] = {made[1]}\n'
                "finally:\n    logger.info('read')"
            )
        ),
        st.just(f'logger.info("%s", {target})'),
        st.just(f"raised({target})"),
    )
    return st.lists(one, max_size=3)


def _doubtful(target: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return strategies for statements of which only running tells what they do."""
    pair = st.tuples(_names, values)
    return st.one_of(
        pair.map(lambda made: f'if os.environ.get("{VARIABLE}"):\n    {target}["{made[0]}"] = {made[1]}'),
        pair.map(
            lambda made: (
                f'try:\n    float(os.environ.get("{VARIABLE}", "x"))\nexcept ValueError:\n'
                f'    {target}["{made[0]}"] = {made[1]}'
            )
        ),
        pair.map(lambda made: f'while os.environ.get("{VARIABLE}"):\n    {target}["{made[0]}"] = {made[1]}\n    break'),
        st.just(f'for name in os.environ.get("{VARIABLE}", "").split():\n    {target}.clear()'),
        pair.map(lambda made: f'{target}[os.environ.get("{VARIABLE}", "{made[0]}")] = {made[1]}'),
        st.just(f'{target}.pop(os.environ.get("{VARIABLE}"), None)'),
    )


_LOOKUPS = (
    "return TABLES[environment]",
    "return TABLES[environment.lower()]",
    'return TABLES.get(environment, TABLES["development"])',
    'return dict(TABLES.get(environment.lower(), TABLES["development"]))',
    'return {**TABLES["development"], **TABLES.get(environment, {})}',
    'if environment == "production":\n    return TABLES["production"]\nreturn TABLES["staging"]',
    'match environment:\n    case "staging" | "production":\n        return TABLES[environment]\nreturn BASE',
    'try:\n    return TABLES[environment]\nexcept KeyError:\n    return TABLES["development"]',
    'return copy.deepcopy(TABLES[environment]) if environment in TABLES else TABLES["development"]',
    "for name, table in TABLES.items():\n    if name == environment:\n        return table\nreturn BASE",
    "return pick(environment)",
    "return next(table for name, table in TABLES.items() if name == environment)",
)
_LOCAL = 'result = dict(TABLES.get(environment) or TABLES["development"])'


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


@st.composite
def modules(draw: st.DrawFn, *, odd: bool) -> str:
    """Return the text of a settings module.

    Args:
        draw: given by hypothesis.
        odd: whether it may hold values that are no numbers, that fail, or that only running tells.
    """
    values = _values(odd=odd)
    tables = _tables(values)
    target = f'TABLES["{draw(_environments)}"]'
    in_loop = f'for name in {target}:\n    {target}["{draw(_names)}"] = {draw(values)}'
    scaled = f"for name, value in {target}.items():\n    {target}[name] = value + 1"
    lines = [
        _HEADER,
        f"NAMES = {TIMEOUTS!r}",
        "BASE = {" + ", ".join(f'"{name}": {draw(_numbers)}' for name in TIMEOUTS) + "}",
        "TABLES = {" + ", ".join(f'"{name}": {draw(tables)}' for name in ENVIRONMENTS) + "}",
        *draw(_changes(target, values, tables)),
        draw(st.sampled_from(["", in_loop, scaled])),
        "@lru_cache(maxsize=None)\ndef pick(environment):\n    return TABLES[environment]",
    ]
    inner = draw(st.lists(_changes("result", values, tables), max_size=2))
    changes = [change for group in inner for change in group]
    if odd:
        lines += draw(st.lists(_doubtful(target, values), max_size=1))
        changes += draw(st.lists(_doubtful("result", values), max_size=1))
    if draw(st.booleans()):
        body = draw(st.sampled_from(_LOOKUPS[: len(_LOOKUPS) if odd else -1]))
    else:
        guarded = [f'if environment == "staging":\n{_indented(change)}' for change in changes[:1]]
        body = "\n".join([_LOCAL, *guarded, *changes[1:], "return result"])
    setters = [
        "",
        'def tune(environment, value):\n    TABLES[environment]["pool_timeout"] = value',
        'def tune(value):\n    BASE["pool_timeout"] = value\n\nregister = [tune]',
    ]
    lines.append(draw(st.sampled_from(setters)) if odd else "")
    lines += [
        f"def get_database_timeout_config(environment: str) -> dict[str, Any]:\n{_indented(body)}",
        'def get_cloud_sql_optimized_config(environment):\n    return {"pool_config": {"pool_size": 10}}',
    ]
    return "\n\n".join(lines) + "\n"
