"""junit.xml: pytest's own file, completed with what a criterion is and what was seen."""

import os
import re
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fixtures.secret import redact
from plugins.criteria import CRITERION
from plugins.incident import sentence
from plugins.outcome import Outcome
from plugins.reporting.findings import meaning
from plugins.reporting.record import Result
from plugins.session import RUN
from plugins.verdict import VERDICT, Verdict

_ID = "criterion"
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def pytest_configure(config: pytest.Config) -> None:
    """Have pytest write its file into the run's directory, unless the user named another."""
    run = config.stash.get(RUN, None)
    if run is not None and not config.option.xmlpath:
        config.option.xmlpath = str(run.record.directory / "junit.xml")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the criterion on each test, so that its test case can be found in the file again."""
    for item in items:
        if CRITERION in item.stash:
            item.user_properties.append((_ID, item.stash[CRITERION].id))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Complete the file when pytest has written it."""
    returned = yield
    verdict = session.config.stash.get(VERDICT, None)
    given = session.config.option.xmlpath
    if verdict is not None and given:
        path = Path(os.path.expandvars(given)).expanduser()  # as pytest reads the option
        path.write_text(complete(path.read_text(encoding="utf-8"), verdict), encoding="utf-8")
    return returned


def complete(text: str, verdict: Verdict) -> str:
    """Return pytest's JUnit XML with the verdict, each criterion's properties, and the criteria that never ran."""
    root = ElementTree.fromstring(text)  # noqa: S314 - pytest has written it a moment ago
    suite = root if root.tag == "testsuite" else root.find("testsuite")
    assert suite is not None, "pytest writes one test suite"
    unwritten = dict(verdict.results)
    for case in suite.findall("testcase"):
        result = unwritten.pop(_id(case), None)
        if result is not None:
            _complete_case(case, result, verdict)
    for result in unwritten.values():
        suite.append(_never_ran(result, verdict))
        for count in ("tests", "errors"):
            suite.set(count, str(int(suite.get(count, "0")) + 1))
    suite.set("name", f"allclear {verdict.record.target}")
    suite.insert(0, _properties(_suite_properties(verdict)))
    for element in root.iter():
        _clean(element)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _id(case: ElementTree.Element) -> str:
    held = case.find(f"properties/property[@name='{_ID}']")
    return "" if held is None else held.get("value", "")


def _suite_properties(verdict: Verdict) -> list[tuple[str, object]]:
    record = verdict.record
    values: list[tuple[str, object]] = [("disclaimer", record.disclaimer)] if record.disclaimer else []
    values += [("replay", record.replay.notice)] if record.replay else []
    return [
        *values,
        ("verdict", verdict.word),
        ("headline", verdict.headline),
        ("exit code", f"{verdict.exit_code}: {meaning(verdict)}"),
        ("target", record.title),
        ("started at", record.started_at),
        ("vantage", record.viewpoint.place),
        ("identity", record.viewpoint.identity),
        *((f"count {outcome}", verdict.counts[outcome]) for outcome in Outcome),
        *(("cause", cause) for cause in verdict.diagnosis.causes),
        *((("incident", sentence(record.incident)),) if record.incident else ()),
    ]


def _case_properties(result: Result, verdict: Verdict) -> list[tuple[str, object]]:
    criterion, telling = result.criterion, result.telling
    by = verdict.diagnosis.explained_by.get(criterion.id)
    values: list[tuple[str, object]] = [
        (_ID, criterion.id),
        ("title", criterion.title),
        ("outcome", result.outcome),
        ("severity", criterion.severity),
        ("section", criterion.section),
        ("vantage", criterion.vantage),
        ("probe seconds", result.seconds),
    ]
    values += [("observed", telling.observed), ("expected", telling.expected)] if telling else []
    values += [("explained by", by)] if by else []
    values += [("blocked", f"{why.reason}: {why.detail}") for why in result.blocked]
    values += [("hint", hint.id) for hint in verdict.hints.get(criterion.id, ())]
    return values


def _properties(values: Iterable[tuple[str, object]]) -> ElementTree.Element:
    properties = ElementTree.Element("properties")
    for name, value in values:
        ElementTree.SubElement(properties, "property", name=name, value=str(value))
    return properties


def _complete_case(case: ElementTree.Element, result: Result, verdict: Verdict) -> None:
    ours = _properties(_case_properties(result, verdict))
    theirs = case.find("properties")
    assert theirs is not None, "it holds the criterion's id"
    ours.extend(held for held in theirs if held.get("name") != _ID)
    case.remove(theirs)
    case.insert(0, ours)
    error = case.find("error")
    if error is not None and result.outcome is Outcome.BLOCKED:
        # pytest says "failed on setup", which is how a blocked criterion is told to it.
        error.set("message", _why(result))
    if result.outcome is Outcome.WARN:
        # A test case knows no warning: the word stands where a CI server shows text of one that passed.
        ElementTree.SubElement(case, "system-out").text = _warning(result)


def _never_ran(result: Result, verdict: Verdict) -> ElementTree.Element:
    path, _, name = result.criterion.nodeid.partition("::")
    classname = path.removesuffix(".py").replace("/", ".")
    case = ElementTree.Element("testcase", classname=classname, name=name.replace("::", "."), time="0.000")
    case.append(_properties(_case_properties(result, verdict)))
    ElementTree.SubElement(case, "error", message=_why(result))
    return case


def _why(result: Result) -> str:
    return "\n".join(f"blocked ({why.reason}): {why.detail}" for why in result.blocked)


def _warning(result: Result) -> str:
    past = [f"{c.subject}: {c.observed}, expected {c.expected}" for c in result.comparisons if not c.holds]
    return "\n".join([f"WARN {result.criterion.id}: {result.criterion.title}", *past])


def _clean(element: ElementTree.Element) -> None:
    """Redact an element's own text and attributes, and replace what XML cannot hold."""
    for name, value in element.attrib.items():
        element.set(name, _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", redact(value)))
    if element.text:
        element.text = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", redact(element.text))
