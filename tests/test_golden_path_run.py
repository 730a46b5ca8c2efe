"""The criteria of the socket and of the golden path, run whole against the replica, healthy and broken."""

import ast
import json
import shutil
import sys
from pathlib import Path

import pytest

from fixtures.profile import load
from fixtures.replica.faults import FAULTS
from plugins.remediation import catalogue, unknown_placeholders

sys.path.insert(0, str(Path(__file__).parent))
from contract import PHASE3, rows

ROOT = Path(__file__).parent.parent
FILES = ("test_3_1_websocket.py", "test_3_2_golden_path.py")
OURS = {id: row for id, row in rows(PHASE3).items() if id.startswith(("WS-", "GP-"))}


@pytest.mark.parametrize("id", OURS)
def test_each_criterion_is_one_test_as_the_contract_says(id: str) -> None:
    """Each row of the contract is one marker, with its section, severity and dependencies, a fault and a hint."""
    trees = [ast.parse((ROOT / "suites" / "phase3" / name).read_text(encoding="utf-8")) for name in FILES]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.criterion"]
    (mark,) = [one for one in marks if ast.literal_eval(one.args[0]) == id]
    declared = {word.arg or "": ast.literal_eval(word.value) for word in mark.keywords}
    assert (declared["section"], declared["severity"], tuple(declared.get("needs", ()))) == OURS[id]
    assert any(fault.turns.get(id) == "fail" for fault in FAULTS.values())
    assert any(id in hint.criteria and "*" in hint.when for hint in catalogue())


@pytest.mark.parametrize("target", ["staging", "replica"])
def test_hints_can_be_filled_in(target: str) -> None:
    """Every placeholder of the runbook is known to both profiles."""
    assert unknown_placeholders(catalogue(), load(target)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    ["", "demo-mode-on", "jwt-keys-differ", "answer-canned", "socket-handshake-503", "expired-token-not-kept"],
)
def test_exactly_the_declared_criteria_turn(pytester: pytest.Pytester, fault: str) -> None:
    """Healthy, all hold; under a fault, exactly its criteria turn, and each of them gets a hint."""
    pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.pytest]")[1].split("\n[tool.")[0]
    pytester.makepyprojecttoml(f"[tool.pytest]{settings}".replace('["."]', f'["{ROOT}"]'))
    (pytester.path / "suites").mkdir()
    for name in FILES:
        shutil.copy(ROOT / "suites" / "phase3" / name, pytester.path / "suites" / name)
    broken = ["--fault", fault] if fault else []
    result = pytester.runpytest_subprocess("-m", "websocket or golden_path", "--target", "replica", *broken)
    verdict = json.loads((pytester.path / "reports" / "latest" / "verdict.json").read_text(encoding="utf-8"))
    outcomes = {one["id"]: one["outcome"] for one in verdict["criteria"]}
    turns = FAULTS[fault].turns if fault else {}
    assert outcomes == dict.fromkeys(OURS, "pass") | {id: turns[id] for id in OURS if id in turns}
    assert result.ret == (1 if "fail" in turns.values() else 6 if turns else 0)
    assert all(one["hints"] for one in verdict["criteria"] if one["outcome"] == "fail")
