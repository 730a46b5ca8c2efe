"""What must agree with each other: the contract, the suites, the folders' order."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.replica.faults import FAULTS

sys.path.insert(0, str(Path(__file__).parent))
from contract import PHASE1, rows

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


@pytest.mark.parametrize("id", rows(PHASE1))
def test_each_criterion_of_phase_1_exists_exactly_once(id: str) -> None:
    """Each row of the contract is one test with the same section, severity and dependencies."""
    (declared,) = criteria()[id]
    assert (declared["section"], declared["severity"], tuple(declared.get("needs", ()))) == rows(PHASE1)[id]


def test_each_criterion_of_phase_1_has_a_fault() -> None:
    """Each criterion of phase 1 is turned by at least one fault; the advisory warns without one."""
    turned = {id for fault in FAULTS.values() for id in fault.turns}
    assert set(rows(PHASE1)) - turned <= {"TMO-NEST"}


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
