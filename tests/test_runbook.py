"""The runbook as data: complete, safe, in order, and refused in words where it is not."""

import ast
import re
import shlex
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from fixtures.evidence.base import Reason
from fixtures.evidence.health import Call
from fixtures.evidence.redis import RedisPing
from fixtures.evidence.sessions import Session
from fixtures.evidence.settings import DatabaseSettings
from fixtures.profile import load
from fixtures.secret import redact
from plugins.criteria import AREAS, PHASES
from plugins.remediation import check, procedures
from plugins.reporting.columns import WIDTH, continued
from plugins.reporting.findings import anchors
from plugins.runbook import CatalogueError, Command, Hint, Procedure, read

sys.path.insert(0, str(Path(__file__).parent))
from runbook_commands import by_hand, lines, programs

ROOT = Path(__file__).parent.parent
BOOK = read()
LINES = lines(load("staging"))
MARKERS = PHASES.keys() | AREAS.keys()
PROGRAMS = {
    "cd",
    "cloud-sql-proxy",
    "curl",
    "export",
    "gcloud",
    "git",
    "openssl",
    "psql",
    "pytest",
    "python",
    "read",
    "rm",
    "sed",
    "sleep",
}
DEPLOY_FLAGS = {"--project", "--build-local", "--check-apis", "--service"}
"""What the backend's deploy script accepts, of what the runbook uses; `--services` and `--rollback` it does not."""


def kinds(evidence: type, field: str) -> set[str]:
    """Return the kinds that the docstring of an evidence class lists for a field."""
    text = re.search(rf"\n\s+{field}: (.*?)(?=\n\s+\w+: |\n\s*$|\Z)", evidence.__doc__ or "", re.DOTALL)
    assert text is not None
    return set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", text[1])) - {"detail"}


class Suites(ast.NodeVisitor):
    """What the tests say of each criterion: its markers, and the symptoms that it names itself."""

    def __init__(self) -> None:
        self.markers: dict[str, set[str]] = {}
        self.symptoms: dict[str, set[str]] = {}
        for path in sorted((ROOT / "suites").rglob("test_*.py")):
            self._module(ast.parse(path.read_text(encoding="utf-8")))

    def _module(self, tree: ast.Module) -> None:
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        everywhere = {text for node in tree.body if isinstance(node, ast.Assign) for text in _marks(node)}
        for function in functions.values():
            for call in [node for one in function.decorator_list for node in ast.walk(one)]:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.criterion":
                    id = ast.literal_eval(call.args[0])
                    self.markers[id] = everywhere | {text for one in function.decorator_list for text in _marks(one)}
                    self.symptoms[id] = _symptoms(function, functions)


def _marks(node: ast.AST) -> set[str]:
    return set(re.findall(r"pytest\.mark\.(\w+)", ast.unparse(node))) & MARKERS


def _symptoms(function: ast.AST, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef]) -> set[str]:
    """Return the symptoms that a test writes out, itself or in what it calls in its own module."""
    found: set[str] = set()
    for node in ast.walk(function):
        given = isinstance(node, ast.keyword) and node.arg == "symptom"
        if given or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "symptom"):
            found |= _words(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            found |= _symptoms(functions[node.func.id], {k: v for k, v in functions.items() if k != node.func.id})
    return found


def _words(node: ast.AST) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _words(node.body) | _words(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


SUITES = Suites()


def named(id: str) -> set[str]:
    """Return the symptoms that the catalogue names for a criterion."""
    return {symptom for hint in BOOK.hints if id in hint.criteria for symptom in hint.when}


@pytest.mark.parametrize("id", SUITES.markers)
def test_every_criterion_has_an_entry_for_whatever_is_seen(id: str) -> None:
    """Each criterion has an entry for every symptom that its test writes out, and one for any other.

    What preflight lacks blocks it, so that the reason decides.
    """
    assert "*" in named(id) or "preflight" in SUITES.markers[id]
    assert SUITES.symptoms[id] - named(id) == set()


@pytest.mark.parametrize(
    ("ids", "symptoms"),
    [
        (["SQL-DIRECT", "DB-CONNECT"], kinds(Session, "failure")),
        (["DB-CONNECT"], {"slow-name", "slow-tcp", "slow-tls", "slow-authentication"}),
        (["ENV-REDIS"], kinds(RedisPing, "failure")),
        (["HLT-BACKEND", "HLT-AUTH", "HLT-APP", "DB-BACKEND"], kinds(Call, "failure")),
        (["LOCK"], kinds(DatabaseSettings, "broken_kind")),
        (
            ["RUN-READY", "RUN-START", "RUN-MEM", "RUN-CPU", "RUN-MIN", "RUN-MAX", "VPC-STATE", "SQL-STATE"],
            {"not-found"},
        ),
        (["TMO-INIT", "TMO-TABLE", "TMO-CONN", "TMO-POOL", "TMO-HEALTH"], {"below", "above", "missing"}),
        (["TMO-INIT", "POOL-SIZE"], kinds(DatabaseSettings, "broken_kind")),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_every_kind_of_failure_is_named(ids: list[str], symptoms: set[str]) -> None:
    """Each kind that the evidence documents has an entry of its own."""
    assert symptoms
    for id in ids:
        assert symptoms - named(id) == set(), id


def test_no_entry_waits_for_a_symptom_that_nothing_says() -> None:
    """Every symptom of an entry is one that `expect`, a test or the evidence can say."""
    folders = ("suites", "fixtures/evidence", "fixtures/probes")
    texts = [path.read_text("utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py")]
    said = set(re.findall(r"[\"'`]([a-z]+(?:-[a-z]+)*)[\"'`]", "\n".join(texts)))
    said |= {"*", "below", "above", "different", "missing", "not-found"}
    said |= {f"slow-{phase}" for phase in ("name", "tcp", "tls", "authentication")}
    said |= {f"{kind}-{where}" for kind in ("stalled", "cut") for where in ("authentication", "behind-proxy")}
    said |= {f"{credential}-accepted" for credential in ("missing", "unsigned", "expired", "forged")}
    logs = load("staging").logs
    assert logs is not None
    said |= {f"{id}{end}" for id in logs.signatures for end in ("", "-regressed")}
    numbered = re.compile(r"(status|handshake|closed)-\d{3,4}")
    waiting = {symptom for hint in BOOK.hints for symptom in hint.when if not numbered.fullmatch(symptom)}
    assert waiting - said == set()


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_an_entry(reason: Reason) -> None:
    """Whatever blocks a criterion, there is an entry that fits any criterion."""
    assert [hint.id for hint in BOOK.hints if reason in hint.reasons and not (hint.criteria or hint.only)]


@pytest.mark.parametrize("target", ["staging", "replica"])
def test_every_placeholder_resolves(target: str) -> None:
    """Each placeholder is a fact of a finding or a key of the profile."""
    check(load(target))
    assert procedures(load(target))


def test_every_command_is_used() -> None:
    """No command is left over."""
    used = {command.run for entry in (*BOOK.hints, *BOOK.procedures) for command in entry.commands}
    assert {id for id, command in BOOK.commands.items() if command.run not in used} == set()


@pytest.mark.parametrize("id", [id for id, command in BOOK.commands.items() if command.risk != "read"])
def test_every_change_can_be_taken_back_or_says_why_not(id: str) -> None:
    """What changes something names the command that takes it back, or says that there is none and why."""
    undo = BOOK.commands[id].undo
    assert re.match(r"none: \w+", undo) or programs(undo)[0][0] in PROGRAMS | {"terraform"}


@pytest.mark.parametrize("entry", BOOK.hints, ids=lambda hint: hint.id)
def test_reading_comes_first(entry: Hint) -> None:
    """In every hint, what only reads comes before what changes something."""
    risks = [command.risk == "read" for command in entry.commands]
    assert risks == sorted(risks, reverse=True)


@pytest.mark.parametrize("id", LINES)
def test_a_command_is_one_line_of_known_programs(id: str) -> None:
    """Each command is words that a shell understands, and starts programs that exist."""
    words = programs(LINES[id])
    assert "\n" not in LINES[id]
    assert {one[0] for one in words} <= PROGRAMS | {"terraform"}
    assert all(one for one in words)


@pytest.mark.parametrize("id", LINES)
def test_a_broken_line_is_the_same_command(id: str) -> None:
    """As the summary breaks it, a command still means what it meant, and is no wider than its longest word."""
    shown = list(continued(LINES[id]))
    assert shlex.split("\n".join(shown).removeprefix("    $ ").replace("\\\n", "")) == shlex.split(LINES[id])
    assert all(len(line) <= WIDTH or len(shlex.split(line.strip(" $\\"))) == 1 for line in shown)


@pytest.mark.parametrize("id", LINES)
def test_no_command_prints_a_secret(id: str) -> None:
    """No command shows the value of a secret, of a variable or of a token."""
    # What goes straight into a new version of the same secret is not shown to anybody.
    line = re.sub(r"versions access (VERSION --secret=(\S+) \S+ \| gcloud secrets versions add \2 )", r"\1", LINES[id])
    assert secrets_shown(line) == []


SHOWS_SECRETS = (
    r"versions access",
    r"print-(access|identity)-token",
    r"config-helper",
    r"env\.value[,)]|\benv[)\],]|containers[)\],]|containers\[\d\][)\],]",  # all of a container holds its variables
    r"\b(printenv|set -x)\b|(^|[|;&] *)env( |$)",
    r"--set-env-vars=\S*(PASSWORD|SECRET|TOKEN|KEY)",
    r"--password=",
    r"://[^/\s:]+:[^/\s@]+@",
    r"\bsql connect\b",
    r"terraform\b.* (output|show|state (pull|show))\b",
    r"\bcat \S*(\.env|credentials|\.tfstate)",
    r"(services|revisions|jobs) describe(?!.*--format=)",  # without it, gcloud prints the variables
)
"""What shows the value of a secret, of a variable or of a token."""


def secrets_shown(line: str) -> list[str]:
    """Return the patterns by which a command line shows a secret."""
    return [pattern for pattern in SHOWS_SECRETS if re.search(pattern, line)]


@pytest.mark.parametrize(
    "line",
    [
        "gcloud secrets versions access latest --secret=database-url --project=netra-staging",
        "gcloud run services describe x --format='yaml(spec.template.spec.containers[0].env)'",
        "gcloud run services describe x --format='yaml(spec.template.spec.containers)'",
        "gcloud run services describe x --region=us-central1",
        "gcloud run revisions describe x --project=y",
        "gcloud sql connect netra-staging-db --user=netra_user",
        "gcloud auth print-access-token",
        'curl -H "Authorization: $(gcloud config config-helper)"',
        "psql postgresql://netra_user:hunter2@10.2.0.3/netra",
        "gcloud run services update x --set-env-vars=JWT_SECRET_KEY=abc",
        "cd /src && terraform -chdir=x state pull",
        "printenv | sort",
        "env | grep DATABASE",
        "cat /src/.env",
    ],
)
def test_a_command_that_prints_a_secret_would_be_found(line: str) -> None:
    """The patterns find the plan's own commands that print secrets, and others like them."""
    assert secrets_shown(line)


@pytest.mark.parametrize("id", LINES)
def test_redaction_leaves_a_command_whole(id: str) -> None:
    """Nothing in a command looks like a secret, so that it is printed as it is to be typed."""
    assert redact(LINES[id]) == LINES[id]


@pytest.mark.parametrize("id", [id for id in LINES if "deploy_to_gcp" in LINES[id]])
def test_the_deploy_script_gets_what_it_knows(id: str) -> None:
    """The deploy script is called with flags that it has."""
    words = programs(LINES[id])[-1]
    assert words[:2] == ["python", "scripts/deploy_to_gcp.py"]
    assert {word for word in words if word.startswith("--")} <= DEPLOY_FLAGS


@pytest.mark.parametrize("entry", [*BOOK.hints, *BOOK.procedures], ids=lambda entry: entry.id)
def test_verify_runs_what_was_mended(entry: Hint | Procedure) -> None:
    """Each `verify` is a pytest command whose markers exist, and which selects every criterion of the hint."""
    words = shlex.split(entry.verify)
    assert words[0] == "pytest"
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options.keys() <= {"-m", "--source"}
    expression = options.get("-m", "{marker}")
    if expression == "{marker}":
        return  # the criterion's own phase
    assert set(re.findall(r"\w+", expression)) - {"or", "and", "not"} <= MARKERS
    compiled = Expression.compile(expression)
    for id in entry.criteria if isinstance(entry, Hint) else ():
        assert compiled.evaluate(SUITES.markers[id].__contains__), id


def test_the_plans_sequences_are_there() -> None:
    """Fix steps, deployment, rollbacks, prevention and both escalations are in the runbook, in the plan's order."""
    sections = [part for one in BOOK.procedures for part in one.section.split(", ")]
    fixes, rollbacks = [f"fix {step}" for step in range(1, 6)], [f"rollback {way}" for way in range(1, 4)]
    assert sections == [*fixes, "2.2", *rollbacks, "Prevention", "Prevention"]
    assert [one.after for one in BOOK.escalations] == ["2 hours", "4 hours"]


STEPS = {
    "emergency-sequence": [
        "-m timeouts",  # 1: the timeouts as they are
        "deploy_to_gcp.py",  # 2: redeploy
        "connectors describe",  # 3: the connector
        "cloudrun or database",  # 4: sessions, and the start
        "https://backend.staging.netrasystems.ai/health",  # 5: both health endpoints
        "https://auth.staging.netrasystems.ai/health",
    ],
    "deployment": ["deploy_to_gcp.py", "--vpc-egress=all-traffic --memory=4Gi --cpu=4 --min-instances=1"],
    "rollback-to-last-working": ["run revisions list", "update-traffic"],
    "rollback-to-long-timeouts": ["-m timeouts", "90.0", "deploy_to_gcp.py"],
    "rollback-by-restart": ["--min-instances=0 --max-instances=1", "sleep 30", "--min-instances=1 --max-instances=10"],
    "prevention-at-once": ["-m prevention", "> 20.0", "> 25.0"],
    "prevention-next-sprint": ["connectors describe", "-m parity", "--max-instances=10", "--policy-from-file"],
}
"""What the plan does in each of its sequences, as part of the command that does it here."""


@pytest.mark.parametrize("id", STEPS)
def test_every_step_of_the_plan_is_in_its_sequence(id: str) -> None:
    """Each step stands in the catalogue's sequence of the same purpose, in the plan's order."""
    (sequence,) = [one for one in procedures(load("staging")) if one.id == id]
    runs = iter(command.run for command in sequence.commands)
    assert [step for step in STEPS[id] if not any(step in run for run in runs)] == []


def test_every_section_of_the_plan_has_an_entry() -> None:
    """Each section that docs/plan-sections.md describes is cited by an entry of the catalogue."""
    page = (ROOT / "docs" / "plan-sections.md").read_text(encoding="utf-8")
    cited = {anchor for one in (*BOOK.hints, *BOOK.procedures) for _, anchor in anchors(one.section)}
    cited |= {anchor for one in BOOK.escalations for _, anchor in anchors(one.section)}
    assert set(re.findall(r'<a id="([^"]+)">', page)) - cited == set()


def test_words_in_capitals_can_be_filled_in() -> None:
    """Every word that is left to the reader is one that the tests know a value for."""
    left = defaultdict(set)
    for id, line in LINES.items():
        for word in re.findall(r"(?<![\w\"'])[A-Z]{3,}(?![\w(])", by_hand(re.sub(r"\"[^\"]*\"", "", line))):
            left[word].add(id)
    assert set(left) <= {"AND", "CRITICAL", "DEFAULT", "ENVIRONMENT", "ERROR", "HEAD", "NOT", "WARNING"}


SHOWN_BY = {
    "ACCOUNT": "service-accounts list",
    "CHANNEL": "channels list",
    "COMMIT": "log -",
    "EXCLUSION": "sinks describe",
    "POLICY": "policies list",
    "REVISION": "revisions list",
    "SECRET": "secrets list",
    "SECRET_ID": "secrets list",
    "USER": "users list",
    "VERSION": "versions list",
}
"""What shows the words that nobody knows by heart."""


def test_words_in_capitals_are_shown_before_they_are_asked_for() -> None:
    """Where a hint asks for a revision, a version and so on, a command before it lists them, of the same service."""
    missing = []
    for hint in BOOK.hints:
        shown: list[str] = []
        for command in hint.commands:
            words = (
                [] if command.run.startswith("psql") else re.findall(r"(?<![\w{])[A-Z][A-Z_]+(?![\w}])", command.run)
            )
            for word in SHOWN_BY.keys() & set(words):
                service = "".join(re.findall(r"update-traffic (\S+)", command.run))
                if not any(SHOWN_BY[word] in one and service in one for one in shown):
                    missing.append((hint.id, word, command.run))
            shown.append(command.run)
    assert missing == []


SOUND = """
[command.look]
run = "gcloud info"
risk = "read"

[[hint]]
id = "sound"
criteria = ["VPC-STATE"]
when = ["*"]
cause = "It is so."
commands = ["look"]
section = "1.2"
takes = "a minute"
owner = "whoever"
verify = "pytest -m vpc"
"""


def refusal(folder: Path, **files: str) -> list[str]:
    """Return what is said of a runbook of these files."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError) as refused:
        read(folder)
    return str(refused.value).splitlines()


def test_a_sound_runbook_is_read(tmp_path: Path) -> None:
    """A hint gets the commands that it names, of whichever file."""
    (tmp_path / "a.toml").write_text(SOUND, encoding="utf-8")
    (hint,) = read(tmp_path).hints
    assert hint.commands == (Command(run="gcloud info", risk="read"),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[command.look]", "[command.look", "a.toml: not valid TOML: "),
        ('"read"', '"harmless"', "a.toml: command.look.risk: input should be 'read', 'reversible', "),
        ('"read"', '"destructive"', "a.toml: command.look: a command that changes something says what, and how it is "),
        ('["look"]', '["lok"]', "a.toml: sound: there is no command lok"),
        ('["VPC-STATE"]', '["VPC-STAT"]', "a.toml: sound: no test is criterion VPC-STAT"),
        ('owner = "whoever"', "", "a.toml: sound: owner: field required"),
        ('owner = "whoever"', 'owner = "x"\nwhom = "y"', "a.toml: sound: whom: extra inputs are not permitted"),
        ('when = ["*"]', "", "a.toml: sound: a hint is chosen by criteria and symptoms, or by reasons"),
        ('id = "sound"', "", "a.toml: an entry without id: id: field required"),
    ],
    ids=lambda text: text[:20],
)
def test_a_mistake_is_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each mistake is one line that names the file, the entry and what is wrong."""
    (line,) = refusal(tmp_path, a=SOUND.replace(old, new))
    assert line.startswith(said)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Every mistake of every file is told, not only the first one of each."""
    second = SOUND.replace("sound", "second").replace("VPC-STATE", "VPC-X").replace('["look"]', '["a", "b"]')
    third = SOUND.replace("[command.look]", "[command.look").replace("sound", "third")
    assert [line.split(": not valid")[0] for line in refusal(tmp_path, a=second, b=SOUND, c=third)] == [
        "c.toml",
        "a.toml: second: there is no command a",
        "a.toml: second: there is no command b",
        "a.toml: second: no test is criterion VPC-X",
        "command declared twice: look",
    ]


def test_an_unknown_placeholder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A placeholder that is neither a fact nor a key of the profile is named with its entry."""
    (tmp_path / "a.toml").write_text(SOUND.replace("It is so", "It is {connector.nam}, {observed}"), encoding="utf-8")
    monkeypatch.setattr("plugins.remediation.read", lambda: read(tmp_path))
    with pytest.raises(
        CatalogueError, match=r"^a.toml: sound: \{connector.nam\} is neither a fact nor a key of the profile$"
    ):
        check(load("staging"))


def test_a_criterion_without_an_entry_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runbook that leaves a criterion of the plan without any entry is not used, and names it."""
    (tmp_path / "a.toml").write_text(SOUND, encoding="utf-8")
    monkeypatch.setattr("plugins.remediation.read", lambda: read(tmp_path))
    with pytest.raises(CatalogueError, match=r"^no entry is for criterion CAP-PLAN\n"):
        check(load("staging"))


@pytest.mark.slow
def test_a_broken_runbook_ends_the_run_before_it_begins(pytester: pytest.Pytester) -> None:
    """With a broken runbook pytest refuses to start, in words: no traceback, no report, no process left."""
    pytester.mkdir("book").joinpath("a.toml").write_text(SOUND.replace('["look"]', '["lok"]'), encoding="utf-8")
    conftest = (ROOT / "conftest.py").read_text(encoding="utf-8")
    broken = "import pathlib, plugins.remediation, plugins.runbook\n"
    broken += "plugins.remediation.read = lambda: plugins.runbook.read(pathlib.Path('book'))\n"
    pytester.makeconftest(conftest + broken)
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.pytest]")[1].split("\n[tool.")[0]
    pytester.makepyprojecttoml(f"[tool.pytest]{settings}".replace('["."]', f'["{ROOT}"]'))
    pytester.mkdir("suites")
    result = pytester.runpytest_subprocess("--target", "replica")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*the runbook cannot be used:*", "a.toml: sound: there is no command lok"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert not (pytester.path / "reports").exists()
