"""What must agree with each other: the contract, the suites, the folders' order."""

import ast
import re
import subprocess
import sys
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from fixtures.replica.faults import FAULTS

sys.path.insert(0, str(Path(__file__).parent))
from contract import ALL, OTHERS, PHASE1, PHASE2, PREVENTION, rows

ROOT = Path(__file__).parent.parent
LAYERS = {"fixtures": {"fixtures"}, "suites": {"fixtures", "suites"}, "plugins": {"fixtures", "plugins"}}


def criteria() -> dict[str, list[dict[str, Any]]]:
    """Return what every `criterion` marker in the suites says, by id; and the phase markers of its module."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((ROOT / "suites").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.criterion":
                values = {word.arg or "": ast.literal_eval(word.value) for word in node.keywords}
                found.setdefault(ast.literal_eval(node.args[0]), []).append(values)
    return found


@pytest.mark.parametrize("id", rows(ALL))
def test_each_criterion_exists_exactly_once(id: str) -> None:
    """Each row of the contract is one test with the same section, severity and dependencies."""
    (declared,) = criteria()[id]
    assert (declared["section"], declared["severity"], tuple(declared.get("needs", ()))) == rows(ALL)[id]


def test_there_is_no_criterion_beside_the_contract() -> None:
    """Every criterion of the suites is a row of the contract."""
    assert criteria().keys() == rows(ALL).keys()


def test_dependencies_lead_somewhere_and_never_round() -> None:
    """Each criterion depends on criteria that exist, and none on itself."""
    needs = {id: row[2] for id, row in rows(ALL).items()}
    assert {need for all_ in needs.values() for need in all_} <= needs.keys()
    order = TopologicalSorter(needs)
    order.prepare()  # raises CycleError


def test_each_criterion_has_a_fault() -> None:
    """Each criterion is turned by a fault; an advisory that the plan's own numbers violate is cleared by one."""
    turned = {id for fault in FAULTS.values() for id in (*fault.turns, *fault.clears)}
    assert turned == rows(ALL).keys()


@pytest.mark.slow
def test_the_page_of_the_criteria_is_the_suites() -> None:
    """docs/criteria.md is what the generator makes of the suites, the hints and the faults."""
    command = [sys.executable, "-m", "plugins.reporting.criteria_page"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs" / "criteria.md").read_text(encoding="utf-8") == made
    assert set(re.findall(r"^### (.+)$", made, re.MULTILINE)) == rows(ALL).keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "table"),
    [("phase1", PHASE1), ("phase2", PHASE2), ("soak or parity", OTHERS), ("prevention", "")],
    ids=["phase1", "phase2", "soak-or-parity", "prevention"],
)
def test_the_list_of_criteria_is_the_contract(expression: str, table: str) -> None:
    """`--list-criteria` prints one criterion a line, id first, with section and severity, for a selection."""
    command = [sys.executable, "-m", "pytest", "--list-criteria", "-m", expression, "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in done.stdout.splitlines() if "\N{SECTION SIGN}" in line]
    if expression == "prevention":
        expected = {id for id in rows(ALL) if any(fnmatch(id, pattern) for pattern in PREVENTION)}
    else:
        expected = rows(table).keys() - ({"LOCK"} if table == OTHERS else set())
    assert (set(listed), len(listed)) == (expected, len(expected))


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_to_the_left(layer: str) -> None:
    """Fixtures import no plugins, plugins no suites, and probes nothing of the replica."""
    for path in (ROOT / layer).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top not in LAYERS or top in LAYERS[layer], f"{path}: imports {name}"
                if (ROOT / layer) == ROOT / "fixtures" and "replica" not in path.parts:
                    assert not name.startswith("fixtures.replica"), f"{path}: imports {name}"


@pytest.mark.parametrize("folder", ["suites", "fixtures/probes", "fixtures/evidence"])
def test_no_check_knows_what_it_looks_at(folder: str) -> None:
    """No criterion, probe or evidence reads the target's kind, or names the replica."""
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "target.kind" not in text, path
        assert "replica" not in text.lower().replace("--target replica", ""), path


def test_ci_runs_what_the_readme_says() -> None:
    """CI calls the README's own command for the tests, word for word."""
    readme, ci = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
    (command,) = [
        line.strip() for line in readme.splitlines() if line.startswith("    python3 -m venv") and "tox" in line
    ]
    assert command in ci.splitlines()


def test_links_of_the_pages_lead_somewhere() -> None:
    """Every relative link in the README, the docs and the contributor's pages leads to a file."""
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "reports" / "README.md"):
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
