# ruff: noqa: E501 - a case is a line
"""The static reader: each shape that a settings file takes gives its value, or the honest reason why not."""

import ast
import codecs
import time
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import pytest

from fixtures.evidence.settings import DatabaseSettings
from fixtures.probes.static_source import POOL, TIMEOUTS, read
from fixtures.probes.static_source.text import parse

FILE = "netra_backend/app/core/database_timeout_config.py"
LOOKUP = "def get_database_timeout_config(environment):\n    return TABLES[environment]\n"
POOLS = 'def get_cloud_sql_optimized_config(environment):\n    return {"pool_config": {"pool_size": 10}}\n'


def told(text: str, environment: str = "staging") -> DatabaseSettings:
    """Read a module that also answers for its pool."""
    return read((dedent(text) + POOLS).encode(), FILE, environment)


def initialization(text: str) -> float | str | None:
    """Return what is said of staging's initialisation timeout: its value, or why it cannot be told; None if not set."""
    setting = told(text).timeouts.get("initialization_timeout")
    return None if setting is None else setting.value if setting.unknowable is None else setting.unknowable


def function(body: str, before: str = "") -> str:
    """Return a module whose function has this body; `TABLES` holds staging with 25 s, development with 10 s."""
    tables = 'TABLES = {"development": {"initialization_timeout": 10.0}, "staging": {"initialization_timeout": 25.0}}\n'
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    return f"{tables}{dedent(before)}\ndef get_database_timeout_config(environment):\n{lines}"


def test_the_plans_own_shape_is_read_with_its_lines() -> None:
    """A table by environment inside the function gives each value, and the line that says it."""
    said = told(
        """\
        def get_database_timeout_config(environment: str) -> dict:
            configs = {
                "development": {"initialization_timeout": 30.0},
                "staging": {
                    "initialization_timeout": 75.0,  # CRITICAL: do not reduce
                    "connection_timeout": 3_5.0,
                },
            }
            return configs.get(environment.lower(), configs["development"])
        """
    )
    assert (said.broken, said.duplicates, said.unknowable) == (None, (), ())
    assert (said.timeout("initialization_timeout"), said.timeouts["initialization_timeout"].where) == (
        75.0,
        f"{FILE}:5",
    )
    assert (said.timeout("connection_timeout"), said.pool_value("pool_size")) == (35.0, 10.0)
    assert said.timeout("pool_timeout") is None  # not defined, and so not said to be unknowable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (function("return TABLES[environment]"), 25.0),
        (function("return TABLES[environment]", 'TABLES["staging"]["initialization_timeout"] = 75.0'), 75.0),
        (function("return TABLES[environment]", 'TABLES["staging"].update(initialization_timeout=75)'), 75.0),
        (function("return TABLES[environment]", 'TABLES["staging"].update({"initialization_timeout": 75})'), 75.0),
        (function("return TABLES[environment]", 'TABLES["staging"] |= {"initialization_timeout": 75.0}'), 75.0),
        (function("return TABLES[environment]", 'staging = TABLES["staging"]\nstaging["initialization_timeout"] = 75'), 75),
        (function("return TABLES[environment]", 'TABLES["staging"] = {**TABLES["staging"], "pool_timeout": 4}'), 25.0),
        (function("return TABLES[environment]", 'for table in TABLES.values():\n    table["initialization_timeout"] *= 3'), 75),
        (function("return TABLES[environment]", 'del TABLES["staging"]["initialization_timeout"]'), None),
        (function("return TABLES[environment]", 'if len(TABLES) == 2:\n    TABLES["staging"]["initialization_timeout"] = 75'), 75),
        (function('return TABLES["development"] | TABLES[environment]'), 25.0),
        (function('return {**TABLES[environment], "initialization_timeout": TABLES["development"]["initialization_timeout"] * 7.5}'), 75.0),
        (function('return dict(TABLES[environment], initialization_timeout=75.0)'), 75.0),
        (function('if environment == "staging":\n    return {"initialization_timeout": 75.0}\nreturn {}'), 75.0),
        (function('if environment in ("staging", "production"):\n    return {"initialization_timeout": 75.0}\nreturn {}'), 75.0),
        (function('match environment:\n    case "staging":\n        return {"initialization_timeout": 75.0}\n    case _:\n        return {}'), 75.0),
        (function('try:\n    return TABLES["nowhere"]\nexcept KeyError:\n    return {"initialization_timeout": 75.0}'), 75.0),
        (function('return {"initialization_timeout": LONG}', "LONG = 75.0"), 75.0),
        (function('return {"initialization_timeout": (BASE + 5) * 2.5 - 1 // 2}', "BASE = 25"), 75.0),
        (function('return {"initialization_timeout": max(BASE, 75.0, min(90, 80) - 10)}', "BASE = 25"), 75.0),
        (function('return widened(TABLES[environment])', 'def widened(table, by=3):\n    return {name: value * by for name, value in table.items()}'), 75.0),
        (function('return {"initialization_timeout": widened(25.0)}', "widened = lambda value: value * 3"), 75.0),
        (function('return make(initialization_timeout=75.0)', "def make(**settings):\n    return settings"), 75.0),
        (function('return Staging.TABLE', 'class Staging:\n    TABLE = {"initialization_timeout": 75.0}'), 75.0),
        (function('return dict(zip(("initialization_timeout", "pool_timeout"), (75.0, 45.0)))'), 75.0),
        (function('logger.info("asked for %s", environment)\nreturn {"initialization_timeout": 75}', "import logging\nlogger = logging.getLogger(__name__)"), 75.0),
        (function('return {"initialization_timeout": 7_5}'), 75.0),
        (function('return {"initialization_timeout": -75.0}'), -75.0),
        (function("return {}"), None),
    ],
)  # fmt: skip
def test_plain_shapes_give_their_value(text: str, value: float | None) -> None:
    """What a module says without looking outside itself is told, however it is put together."""
    assert initialization(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (function('return {"initialization_timeout": float(os.environ.get("T", "75.0"))}', "import os"), "line 4: `os.environ.get('T', '75.0')` is only known when the code runs"),
        (function('return {"initialization_timeout": float(os.environ["T"])}', "import os"), "line 4: `os.environ['T']` depends on `os.environ`, which is known only when the code runs"),
        (function('return TABLES[environment] if os.environ.get("T") else {"initialization_timeout": 75.0}', "import os"), "it is 25 or 75, depending on line 4, `os.environ.get('T')`"),
        (function('return TABLES[environment] if os.environ.get("T") else {}', "import os"), "whether it is set at all depends on line 4, `os.environ.get('T')`"),
        (function('return {"initialization_timeout": monitor.recommended(75.0)}', "from netra_backend.app.infrastructure import monitor"), "line 4: `monitor.recommended(75.0)` is only known when the code runs"),
        (function('return adapt(TABLES[environment])', "from netra_backend.app.core.adaptive import adapt"), "line 4: `adapt(TABLES[environment])` is only known when the code runs"),
        (function('return {"initialization_timeout": LIMIT}', "from netra_backend.app.core.limits import LIMIT"), "it is `netra_backend.app.core.limits.LIMIT` of another module"),
        (function("return TABLES[environment]", "from netra_backend.app.core.limits import *"), "`TABLES` may come from `from netra_backend.app.core.limits import *` in line 2"),
        (function("return TABLES[environment]", "def tune(value):\n    TABLES['staging']['initialization_timeout'] = value\n"), "line 3, in tune(), also changes it"),
        (function("return TABLES[environment]", "import plugins\nplugins.register(TABLES)"), "line 3: `plugins.register(TABLES)` is only known when the code runs"),
        (function('exec("TABLES = {}")\nreturn TABLES[environment]'), "line 4: `exec` can change anything in the module, so nothing in it is certain"),
        (function('globals()["TABLES"] = {}\nreturn TABLES[environment]'), "line 4: `globals` can change anything in the module, so nothing in it is certain"),
        (function("return TABLES[environment]", "import sys\nsys.modules[__name__].TABLES = {}"), "line 3: `sys.modules` can change anything in the module, so nothing in it is certain"),
        (function("return TABLES[environment]", "import netra_backend.app.core as core\ncore.database_timeout_config.TABLES = {}"), "line 3: the module gets hold of itself, so nothing in it is certain"),
        (function('return {"initialization_timeout": float("inf")}'), "it is no finite number"),
        (function('return {"initialization_timeout": float("nan")}'), "it is no finite number"),
        (function('return {"initialization_timeout": 10 ** 400}'), "it is no finite number"),
        (function('return {"initialization_timeout": True}'), "it is True, which is not a number"),
        (function('return {"initialization_timeout": "75.0"}'), "it is '75.0', which is not a number"),
        (function('return {"initialization_timeout": None}'), "it is None, which is not a number"),
        (function('return {"initialization_timeout": {"value": 75.0}}'), "it is a table, which is not a number"),
        (function("return 75.0"), "get_database_timeout_config('staging') is 75.0, not a dictionary"),
        (function("return None"), "get_database_timeout_config('staging') is None, not a dictionary"),
        (function('table = {"a": 1}\nfor name in table:\n    table[name + "x"] = 2\nreturn table'), "line 5 changes what it loops over"),
        (function("return get_database_timeout_config(environment)"), "line 4: calls nest deeper than 25"),
        (function("while True:\n    pass"), "line 4: following it takes more than 400000 steps"),
    ],
)  # fmt: skip
def test_what_only_running_tells_has_its_reason(text: str, reason: str) -> None:
    """What depends on anything outside the module's text is no value; the reason cites the line and the source."""
    said = initialization(text)
    assert isinstance(said, str)
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("TABLES = {\n" + LOOKUP, "syntax", "line 1 is not valid Python 3."),
        ("return {}\n" + LOOKUP, "syntax", "'return' outside function"),
        ("def get_database_timeouts_config(environment):\n    return {}\n", "no-function", "it defines no function get_database_timeout_config; the nearest name is get_database_timeouts_config"),
        ("TIMEOUT = 75.0\n", "no-function", "it defines no function get_database_timeout_config"),
        (LOOKUP + 'TABLES = {"production": {}}\n', "no-environment", "get_database_timeout_config('staging') finds no 'staging': line 2 raises KeyError ('staging')"),
        (function('return TABLES.get(environment, TABLES["development"])', 'del TABLES["staging"]'), "no-environment", "finds no 'staging', which gets the values of another environment"),
        (function("return 1 / 0"), "raises", "get_database_timeout_config('staging') fails: line 4 raises ZeroDivisionError (division by zero)"),
        (function("raise ValueError('not yet')"), "raises", "get_database_timeout_config('staging') fails: line 4 raises ValueError"),
        ("def get_database_timeout_config():\n    return {}\n", "raises", "too many arguments for get_database_timeout_config()"),
        ("LONG = SHORT * 3\n" + LOOKUP, "raises", "importing it fails: line 1 raises NameError (SHORT is not defined)"),
        ("def get_database_timeout_config(environment: str) -> Dict[str, float]:\n    return {}\n", "raises", "importing it fails: line 1 raises NameError (Dict is not defined)"),
    ],
)  # fmt: skip
def test_what_the_backend_could_not_use_either(text: str, kind: str, detail: str) -> None:
    """A file that cannot be imported, or cannot answer for the environment, is a finding of its kind."""
    said = told(text)
    assert said.broken_kind == kind
    assert said.broken is not None
    assert detail in said.broken


def test_a_missing_environment_falls_back_and_says_so() -> None:
    """Where development's values stand in for a missing environment, they are told, but as a finding."""
    said = told(function('return TABLES.get(environment, TABLES["development"])', 'del TABLES["staging"]'))
    assert (said.broken_kind, said.timeout("initialization_timeout")) == ("no-environment", 10.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (function('return {"initialization_timeout": 75.0,\n"initialization_timeout": 25.0}'), "initialization_timeout is 75.0 in line 4 and 25.0 in line 5"),
        (function('return {"staging": {}, "staging": {"initialization_timeout": 25.0}}[environment]'), "'staging' is defined in line 4 and again in line 4"),
        (function("return {}") + function('return {"initialization_timeout": 25.0}'), "get_database_timeout_config is defined in line 3 and again in line 7; the last is in force"),
    ],
)  # fmt: skip
def test_what_is_defined_twice_is_named(text: str, sentence: str) -> None:
    """A key given twice in one literal, and a function defined twice, are named; the last is in force, as in Python."""
    said = told(text)
    assert said.duplicates == (sentence,)
    assert said.timeout("initialization_timeout") == 25.0


def test_the_same_value_twice_is_no_finding() -> None:
    """A key that is given twice with one value changes nothing."""
    assert told(function('return {"initialization_timeout": 75.0, "initialization_timeout": 75}')).duplicates == ()


CONFLICT = function(
    """
    return {
    <<<<<<< HEAD
        "initialization_timeout": 75.0,
    =======
        "initialization_timeout": 25.0,
    >>>>>>> hotfix/timeouts
        "pool_timeout": 45.0,
    }
    """
).replace("    <<<<<<<", "<<<<<<<").replace("    =======", "=======").replace("    >>>>>>>", ">>>>>>>")  # fmt: skip


def test_merge_markers_name_both_sides() -> None:
    """An unresolved conflict is found at its line, with what either branch says; neither counts as the value."""
    said = told(CONFLICT)
    assert said.broken_kind == "merge-markers"
    assert said.broken == (
        f"{FILE}: line 5: an unresolved merge conflict begins "
        "(initialization_timeout: 75 in HEAD, 25 in hotfix/timeouts)"
    )
    assert said.timeouts["initialization_timeout"].value is None
    assert "45 on both sides" in str(said.timeouts["pool_timeout"].unknowable)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CONFLICT.replace("=======\n", "||||||| base\n        'pool_timeout': 1,\n=======\n"), "merge-markers"),
        (CONFLICT.replace("\n", "\r\n"), "merge-markers"),
        (CONFLICT.replace('{"development"', '"""\x0c"""\n{"development"').replace("TABLES = ", "TABLES = 0\n"), "merge-markers"),
        (CONFLICT.replace("<<<<<<< HEAD\n", "").replace("=======\n", ""), "merge-markers"),
        ('"""\n<<<<<<< HEAD\n=======\n>>>>>>> theirs\n"""\n' + function("return {}"), None),
        ('"""\n<<<<<<< HEAD\n=======\n>>>>>>> theirs\n"""\n' + function("return {"), "syntax"),
    ],
    ids=["with-base", "windows", "form-feed", "left-over", "in-a-docstring", "beside-another-error"],
)  # fmt: skip
def test_merge_markers_are_told_from_what_looks_like_them(text: str, kind: str | None) -> None:
    """Markers count where they keep Python from reading the file, and nowhere else."""
    assert told(text).broken_kind == kind


PLAIN = function("return {'initialization_timeout': 75.0}  # Verl\xe4ngert\n") + POOLS


@pytest.mark.parametrize(
    ("raw", "kind", "detail"),
    [
        (codecs.BOM_UTF8 + PLAIN.encode(), None, ""),
        (b"# -*- coding: latin-1 -*-\n" + PLAIN.encode("latin-1"), None, ""),
        (PLAIN.replace("\n", "\r\n").encode(), None, ""),
        (PLAIN.encode("latin-1"), "encoding", "line 4 holds byte 0xe4, which is not utf-8"),
        (b"# coding: klingon\n" + PLAIN.encode(), "encoding", "its encoding cannot be told: unknown encoding: klingon"),
        (b"# coding: rot13\n" + PLAIN.encode(), "encoding", "its encoding 'rot13' cannot be read"),
        (PLAIN.encode("utf-16"), "encoding", "it is written in UTF-16, which Python does not read"),
        (PLAIN.encode("utf-32"), "encoding", "it is written in UTF-32, which Python does not read"),
        (PLAIN.encode("utf-16-le"), "encoding", "line 1 holds a NUL byte, which Python does not read"),
        (PLAIN.replace("75.0", "75\0.0").encode(), "encoding", "line 4 holds a NUL byte, which Python does not read"),
        (b"", "no-function", "it defines no function get_database_timeout_config"),
    ],
)  # fmt: skip
def test_encodings(raw: bytes, kind: str | None, detail: str) -> None:
    """A file is decoded as Python decodes it; where Python would not, the byte and its line are named."""
    said = read(raw, FILE, "staging")
    assert said.broken_kind == kind
    assert detail in (said.broken or "")
    if kind is None:
        assert said.timeout("initialization_timeout") == 75.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = " + "(" * 150 + "1" + ")" * 150 + "\n", None),
        ("x = " + "-" * 20_000 + "1\n", "it nests too deep"),
        ("x = 1" + " + 1" * 5_000 + "\n", "it nests too deep"),
        ("# " + "x" * 2_000_000 + "\n", "it is larger than 2000000 bytes"),
        ("TABLE = {\n" + "".join(f"    {n}: {n},\n" for n in range(5_000)) + "}\n", None),
    ],
    ids=["nested", "too-nested", "long-sum", "huge", "big-table"],
)
def test_sizes(text: str, reason: str | None) -> None:
    """Large and deep files are read; beyond a limit every value is unknowable, for that reason, and nothing breaks."""
    said = initialization(text + function("return {'initialization_timeout': 75.0}"))
    assert said == 75.0 if reason is None else reason in str(said)


def test_every_setting_has_its_reason_where_nothing_can_be_read() -> None:
    """Of an unreadable file no setting is merely missing: each is there, with the reason."""
    said = told("TABLES = {\n")
    assert set(said.unknowable) == {*TIMEOUTS, *POOL}


def test_the_module_is_never_run() -> None:
    """Reading a module has none of the effects that importing it would have."""
    text = "import os\nos.environ['ALLCLEAR_TEST_RAN'] = '1'\nraise SystemExit\n"
    assert told(text).broken_kind == "raises"


def test_one_condition_is_followed_both_ways() -> None:
    """Where both ways of an unknowable condition agree, the value is told."""
    body = """
    if os.environ.get("FAST"):
        result = {"initialization_timeout": 75.0, "pool_timeout": 1}
    else:
        result = {"initialization_timeout": 75.0, "pool_timeout": 2}
    return result
    """
    said = told(function(body, "import os"))
    assert said.timeout("initialization_timeout") == 75.0
    assert said.unknowable == ("pool_timeout",)


def test_one_source_is_parsed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that are read in several threads are parsed one after the other: Python cannot parse two at once."""
    inside, most = 0, 0
    whole = ast.parse

    def counted(source: str) -> ast.Module:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1
        return whole(source)

    monkeypatch.setattr(ast, "parse", counted)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(parse, ["x = 1\n"] * 8))
    assert most == 1
