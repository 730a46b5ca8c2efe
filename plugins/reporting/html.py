"""report.html: the verdict, the causes and what to do about them, on top of pytest-html's table of tests.

The part on top is static HTML: complete without JavaScript and on paper.
"""

from collections.abc import Iterator, MutableMapping
from html import escape
from pathlib import Path
from typing import Any

import jinja2
import pytest

from fixtures.evidence.base import Attempt
from fixtures.probes.identity import OVERRIDE
from fixtures.secret import redact
from plugins.incident import sentence
from plugins.judging import carried
from plugins.outcome import Gate, Outcome
from plugins.powershell import in_powershell
from plugins.remediation import escalations, procedures
from plugins.reporting.charts import pictures
from plugins.reporting.findings import SURENESS, effort, explained, heading, meaning, observed, place
from plugins.reporting.plan_text import block, projects
from plugins.reporting.record import Result
from plugins.session import RUN
from plugins.verdict import VERDICT, Verdict

TEMPLATES = Path(__file__).parent / "templates"
STYLES = ("report.css", "charts.css", "print.css")
_COLUMNS = (
    ("outcome", "Outcome"),
    ("criterion", "Criterion"),
    ("severity", "Severity"),
    ("section", "Section"),
    ("finding", "Observed &rarr; Expected"),
    ("seconds", "Seconds"),
)
_EVIDENCE_MAX = 12_000
"""Characters of one probe's answer: 40 of them leave the page far below the megabyte that trackers take."""
_LABELS = {
    "passed": "pass or warn",
    "failed": "fail",
    "error": "blocked",
    "skipped": "n/a",
}
"""What pytest-html's counters count, in our words."""


def _clean(value: Any) -> Any:
    # What a macro returned was cleaned value by value, and is markup by now.
    return redact(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _environment() -> jinja2.Environment:
    # `finalize` sees every value before it is escaped, so nothing reaches the page that was not redacted.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_clean,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(place=place, effort=effort, in_powershell=in_powershell, projects=projects)
    return environment


def title(verdict: Verdict) -> str:
    """Return the page's title, which is also its first line."""
    return redact(" ".join((*verdict.record.notices, f"{verdict.word}: {verdict.record.title}")))


def render(verdict: Verdict) -> str:
    """Return the part of the page that stands above pytest-html's table."""
    causes = [(verdict.results[id], explained(verdict, id)) for id in verdict.diagnosis.causes]
    applicable = len(verdict.results) - verdict.counts[Outcome.NOT_APPLICABLE]
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            verdict=verdict,
            record=verdict.record,
            clear=verdict.exit_code == Gate.CLEAR,
            meaning=meaning(verdict),
            observed=observed(verdict),
            applicable=applicable,
            counts=[(outcome, verdict.counts[outcome]) for outcome in Outcome if verdict.counts[outcome]],
            causes=causes,
            heading=heading(verdict) if causes else "",
            block=block(verdict) if verdict.plan.steps else "",
            clock=sentence(verdict.record.incident) if verdict.record.incident is not None else "",
            pictures=list(pictures(verdict)),
            evidence=list(_evidence(verdict)),
            sureness=SURENESS,
            vantage=OVERRIDE,
            warnings=verdict.of(Outcome.WARN),
            procedures=procedures(verdict.profile, verdict.record.profile) if causes else (),
            escalations=escalations() if causes else (),
        )
    )


def _evidence(verdict: Verdict) -> Iterator[tuple[str, Attempt[Any], str]]:
    """Yield each probe's name and answer, and what it saw as JSON, cut where it is long."""
    for name, attempt in sorted(verdict.evidence.items()):
        text = "" if attempt.evidence is None else attempt.evidence.model_dump_json(indent=1)
        yield name, attempt, text if len(text) <= _EVIDENCE_MAX else f"{text[:_EVIDENCE_MAX]}\n..."


def row(result: Result | None) -> list[str]:
    """Return our columns of a row of pytest-html's table; empty ones for a test that is no criterion."""
    if result is None:
        return [f'<td class="col-{name}"></td>' for name, _ in _COLUMNS]
    telling = result.telling
    finding = f"{telling.observed} \N{RIGHTWARDS ARROW} {telling.expected}" if telling else ""
    values = (
        result.outcome,
        result.criterion.id,
        result.criterion.severity,
        result.criterion.section,
        finding or " ".join(why.detail for why in result.blocked) or result.reason,
        f"{result.seconds:.2f}",
    )
    kind = result.outcome.replace("/", "")
    return [
        f'<td class="col-{name} {kind}">{escape(redact(value))}</td>'
        for (name, _), value in zip(_COLUMNS, values, strict=True)
    ]


class Page:
    """Fills pytest-html's page in, on the process that reports."""

    def __init__(self) -> None:
        self._report: Any = None

    def pytest_html_report_title(self, report: Any) -> None:
        """Keep the page, whose title is known only at the end."""
        self._report = report
        for name, label in _LABELS.items():
            report.outcomes[name]["label"] = label
        # Folded, for the part on top has said it all; the text is there for whoever clicks.
        report.data["renderCollapsed"] = ["all"]

    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        """Put the verdict on top."""
        verdict = session.config.stash.get(VERDICT, None)
        if verdict is None:
            self._report.title = "No verdict: no criterion was selected"
            return
        self._report.title = title(verdict)
        prefix.append(render(verdict))

    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add our columns; pytest's own word for the result comes last, for it knows no warning."""
        result, test, duration, *_ = cells
        ours = [f'<th class="sortable" data-column-type="{name}">{label}</th>' for name, label in _COLUMNS]
        cells[:] = [*ours, test, duration, result.replace(">Result<", ">pytest<")]

    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Add our columns to a row."""
        result, _, duration, *_ = cells
        test = f'<td class="col-testId">{escape(redact(report.nodeid))}</td>'
        cells[:] = [*row(carried(report)), test, duration, result]


def pytest_configure(config: pytest.Config) -> None:
    """Have pytest-html write one self-contained file into the run's directory, unless the user named another."""
    run = config.stash.get(RUN, None)
    if run is None or not config.pluginmanager.hasplugin("html"):
        return
    if not config.option.htmlpath:
        config.option.htmlpath = str(run.record.directory / "report.html")
        config.option.self_contained_html = True
    config.option.css = [*config.option.css, *(str(TEMPLATES / name) for name in STYLES)]
    config.pluginmanager.register(Page(), "allclear-page")


@pytest.hookimpl(optionalhook=True)
def pytest_metadata(metadata: MutableMapping[str, Any]) -> None:
    """Escape the environment, which pytest-html writes as HTML: a CI system puts branch names into it."""
    for name, value in metadata.items():
        if isinstance(value, str):
            metadata[name] = escape(redact(value))
