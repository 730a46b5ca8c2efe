"""The summary in the terminal: it fits, its first line is true, and each reason is said once."""

import re

import pytest

from fixtures.evidence.base import Reason, Why
from plugins.reporting import html, terminal
from plugins.reporting.columns import WIDTH
from plugins.reporting.record import DISCLAIMER
from plugins.verdict import Verdict
from tests.test_reports import BODY, DENIED, Page, compared, hint, incident, result, run, verdict

LONG = "gcloud run services update netra-backend-staging --vpc-connector=staging-connector --region=us-central1"
PRIVATE = Why(reason=Reason.NO_ROUTE, detail="10.1.0.3:5432 is a private address, which this machine has no way to")
NOBODY = Why(
    reason=Reason.NO_CREDENTIALS,
    detail="this machine has no Google credentials; either log in with `gcloud auth application-default login`, "
    "or try it without a cloud: `--target replica`",
)


def unproven(*whys: Why, **hints: object) -> Verdict:
    """Return the verdict of a run with one criterion blocked by each reason, and one that holds."""
    results = [result(f"X-{n}", "blocked", blocked=(why,), section="-") for n, why in enumerate(whys)]
    holding = result("X-HOLDS", "pass", compared("READY", holds=True))
    return verdict([holding, *results], exit_code=6, word="UNPROVEN", **hints)  # type: ignore[arg-type]


def test_the_first_line_says_what_is_broken_and_what_to_do() -> None:
    """Word, target, root cause, observed and expected; then the next command."""
    lines = terminal.render(incident())
    said = " ".join(" ".join(lines[:2]).split())
    assert said == "NOT CLEAR staging: VPC-STATE: state of VPC connector staging-connector: ERROR, expected READY"
    assert lines[2] == "next:"
    assert lines[3].startswith("    $ gcloud compute networks vpc-access connectors describe")


def doubtful() -> Verdict:
    """Return the verdict of a run in which a session opens through a connector that is in a bad state."""
    holding = result("SQL-DIRECT", "pass", compared("opens", "opens", holds=True), needs=("VPC-STATE",))
    holding = holding.model_copy(update={"criterion": holding.criterion.model_copy(update={"probes": ("sessions",)})})
    return verdict([result("VPC-STATE", "fail", compared("ERROR")), holding], VPC_STATE=hint())


def test_a_cause_is_worded_by_how_sure_it_is() -> None:
    """What was seen to be the root is called so, what may be it is called likely, and what stands alone just fails."""
    states = [result(id, "fail", compared("ERROR")) for id in ("SQL-STATE", "VPC-STATE")]
    effect = result("SQL-DIRECT", "fail", compared("timeout"), needs=("SQL-STATE", "VPC-STATE"))
    told = {id: hint() for id in ("SQL_STATE", "VPC_STATE")}
    assert any(
        line.startswith("ROOT CAUSE  SQL-STATE") for line in terminal.render(verdict([states[0], effect], **told))
    )
    both = terminal.render(verdict([*states, effect], **told))
    assert any(line.startswith("LIKELY CAUSE  SQL-STATE") for line in both)
    assert any(line.startswith("FAIL  VPC-STATE") for line in both)


def test_what_speaks_against_a_cause_stands_beside_it() -> None:
    """What holds although it should not is shown, in the terminal and on the page; a hint's guess is called likely."""
    lines = terminal.render(doubtful())
    assert "    yet SQL-DIRECT holds: state of VPC connector staging-connector: opens" in lines
    assert any(line.startswith("    likely cause: The connector") for line in lines)
    words = Page(html.render(doubtful())).words
    assert "Yet SQL-DIRECT holds: state of VPC connector staging-connector: opens" in words
    assert "stands on its own: nothing else that fails goes back to it" in words


def test_what_the_evidence_comes_to_is_in_the_first_line() -> None:
    """A reading of the evidence follows what was observed, in the headline, in the summary and on the page."""
    count = {"connection_count": {"used": 110, "limit": 110, "source": "x"}}
    full = result("SQL-CONNS", "fail", compared("110", "< 100"), evidence=count)
    full = full.model_copy(
        update={"comparisons": tuple(one.model_copy(update={"symptom": "above"}) for one in full.comparisons)}
    )
    shown = verdict([full], SQL_CONNS=hint())
    assert shown.headline.endswith(": 110, expected < 100; 110 of 110 connections are taken")
    assert "    in short: 110 of 110 connections are taken" in terminal.render(shown)
    assert "110 of 110 connections are taken stands on its own" in Page(html.render(shown)).words


def test_every_line_fits() -> None:
    """No line is wider than 80 columns, however long a sentence, a list or a command is."""
    many = [result(f"X-{n:02}", "blocked", blocked=(DENIED,)) for n in range(40)]
    broken = result("VPC-STATE", "fail", compared("ERROR " * 30), notes=("word " * 60,))
    shown = verdict([broken, *many], VPC_STATE=hint(run=f"{LONG} {LONG}"), X_00=hint("grant", LONG))
    lines = terminal.render(shown, 1)
    assert [line for line in lines if len(line) > WIDTH] == []


def test_a_command_can_be_pasted() -> None:
    """A command is broken at spaces only, each time with a backslash."""
    lines = terminal.render(verdict([result("VPC-STATE", "fail", compared("ERROR"))], VPC_STATE=hint(run=LONG)))
    text = "\n".join(lines)
    assert LONG in re.sub(r" \\\n +", " ", text)


def test_a_command_is_not_broken_inside_quotes() -> None:
    """What stands in quotes stays on one line, since a backslash would become a part of it."""
    quoted = "--command='cd allclear && ALLCLEAR_VANTAGE=vpc pytest -m phase1 -m phase3 --target=staging'"
    broken = result("VPC-STATE", "fail", compared("ERROR"))
    lines = terminal.render(verdict([broken], VPC_STATE=hint(run=f"gcloud compute ssh MACHINE {quoted} --quiet")))
    assert f"      {quoted} \\" in lines


def test_unproven_says_how_much_and_why() -> None:
    """The first sentence counts what was not observed, and names what blocks most of it."""
    said = " ".join(" ".join(terminal.render(unproven(NOBODY, NOBODY))[:4]).split())
    assert said.startswith("UNPROVEN staging: 2 of 3 criteria could not be observed: this machine has no Google cred")
    said = " ".join(" ".join(terminal.render(unproven(PRIVATE, NOBODY, NOBODY))[:4]).split())
    assert "3 of 4 criteria could not be observed, 2 of them for one reason: this machine has no Google cred" in said


def test_a_command_in_a_sentence_stays_whole() -> None:
    """What stands between backticks is never broken over two lines."""
    text = "\n".join(terminal.render(unproven(NOBODY)))
    assert "`gcloud auth application-default login`" in text
    assert "`--target replica`" in text


def test_a_reason_is_said_once() -> None:
    """One block for each root reason, with its criteria, and each permission once under its role."""
    shown = unproven(DENIED, NOBODY, DENIED, X_0=hint("grant", LONG), X_2=hint("grant", LONG))
    text = "\n".join(terminal.render(shown))
    assert text.count("BLOCKED  ") == 2
    assert "    not observed: X-0, X-2\n" in text
    assert text.count("roles/cloudsql.viewer grants cloudsql.instances.get") == 1
    assert text.count("disruptive, for X-0, X-2: ") == 1


def test_what_only_the_vpc_can_see_comes_with_its_command() -> None:
    """The same command line, ready for a machine inside the VPC."""
    results = [result("DB-CONNECT", "blocked", blocked=(PRIVATE,))]
    results[0] = results[0].model_copy(update={"criterion": results[0].criterion.model_copy(update={"vantage": "vpc"})})
    lines = terminal.render(verdict(results, exit_code=6, word="UNPROVEN"))
    assert "    $ ALLCLEAR_VANTAGE=vpc pytest -m phase1" in lines


def test_all_clear_is_short() -> None:
    """Nothing is said of what holds; a warning is counted in the first line, and shown."""
    holds = result("VPC-NET", "pass", compared("staging-vpc", "staging-vpc", holds=True))
    warns = result("TMO-NEST", "warn", compared("90 s", "< 75 s", warning=True), section="-", severity="advisory")
    shown = verdict([holds, warns], exit_code=0, word="ALL CLEAR", TMO_NEST=hint())
    lines = terminal.render(shown)
    assert lines[0] == "ALL CLEAR  staging: all 2 criteria observed, and they hold, 1 with a warning"
    assert "next:" not in lines
    assert "WARN  TMO-NEST  The good state of TMO-NEST" in lines
    assert "VPC-NET" not in "\n".join(lines)
    assert len(lines) < 12
    assert any(line.startswith("PASS  VPC-NET") for line in terminal.render(shown, 1))


def test_an_advisory_that_was_not_seen_is_not_counted_as_seen() -> None:
    """An all-clear says how many criteria were observed, when not all of them were."""
    holds = result("VPC-NET", "pass", compared("staging-vpc", "staging-vpc", holds=True))
    unseen = result("TLS-CERT", "blocked", blocked=(NOBODY,), severity="advisory")
    shown = verdict([holds, unseen], exit_code=0, word="ALL CLEAR")
    assert shown.headline == "1 of 2 criteria observed, and they hold"


def test_quiet_is_the_verdict_alone() -> None:
    """With -q: the verdict, the next command, the counts, the vantage, and where the rest is."""
    lines = terminal.render(incident(), -1)
    assert not [line for line in lines if line.startswith(("ROOT CAUSE", "BLOCKED", "WARN"))]
    assert lines[-1].startswith("report: ")


def output(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    """Return what an inner run against the replica writes; none of its criteria starts a server."""
    run(pytester, BODY, "--target", "replica", *args)
    said = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(said) if DISCLAIMER in line)
    return said[first:]  # pytester's own line comes before


@pytest.mark.slow
def test_a_run_fits_and_names_its_target(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole output fits 80 columns, says first and last that it is a replica's, and names no file twice."""
    lines = output(pytester, capsys)
    assert (lines.count(DISCLAIMER), lines[-1]) == (2, DISCLAIMER)
    assert lines[2] == "target: the embedded replica (profile replica, project netra-staging,"
    assert [line for line in lines if len(line) > WIDTH] == []
    assert [line for line in lines if "report.html" in line or "junit.xml" in line] == [
        f"report: {next((pytester.path / 'reports').glob('2*')).relative_to(pytester.path)}/report.html"
    ]
    assert "\x1b[" not in "\n".join(lines)
    assert "\n\n\n" not in "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "header", "blocks", "passes"),
    [
        (["--no-header"], False, True, False),
        (["-q"], False, False, False),
        (["-v"], True, True, True),
        (["--color=yes"], True, True, False),
    ],
    ids=["no-header", "quiet", "verbose", "colour"],
)
def test_pytests_own_switches_work(
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    header: bool,
    blocks: bool,
    passes: bool,
) -> None:
    """--no-header, -q, -v and --color do to the summary what they do to pytest; the verdict is in all of them."""
    lines = output(pytester, capsys, *args)
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]
    assert any(line.startswith("target: ") for line in plain) is header
    assert any(line.startswith("BLOCKED  ") for line in plain) is blocks
    assert any(line.startswith("PASS  X-PASS") for line in plain) is passes
    assert any(line.startswith("UNPROVEN  replica: 1 of 3 criteria could not be observed") for line in plain)
    assert ("\x1b[33m" in "\n".join(lines)) is (args == ["--color=yes"])
