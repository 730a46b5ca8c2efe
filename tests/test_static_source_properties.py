"""The static reader against the interpreter: it never states a value that running the module does not return."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.settings_modules import ENVIRONMENTS, modules
from tests.settings_runs import FILE, assert_refused, assert_true, run, states

PLAN = (Path(__file__).parent.parent / "fixtures/replica/backend_tree" / FILE).read_text(encoding="utf-8")
pytestmark = [pytest.mark.slow]

fixed = settings(
    derandomize=True, database=None, deadline=None, max_examples=50, suppress_health_check=list(HealthCheck)
)


@fixed
@given(text=modules(odd=True), environment=st.sampled_from((*ENVIRONMENTS, "nowhere", "Staging")))
def test_what_is_stated_is_what_running_returns(text: str, environment: str) -> None:
    """Of any module, whatever it looks up, computes, merges or changes, no value is stated that it does not return."""
    assert_true(text, environment)


@fixed
@given(text=modules(odd=False), environment=st.sampled_from(ENVIRONMENTS))
def test_plain_modules_are_read_in_full(text: str, environment: str) -> None:
    """Of a module that depends on nothing outside itself, every value is told: caution is no excuse."""
    said = assert_true(text, environment)
    returned = run(text, environment, {})
    if returned is None:
        assert_refused(said)
    else:
        plain = {name: value for name, value in returned[0].items() if not isinstance(value, bool)}
        assert states(said.timeouts) == {name: float(value) for name, value in plain.items()}


def torn(seed: int) -> str:
    """Return the plan's own file after a bad merge: some lines before its classes lost, doubled or moved.

    Objects are not followed, so what their construction raises is not told.
    """
    settings_part, monitor = PLAN.split("@dataclass\n", maxsplit=1)
    chance, lines = random.Random(seed), settings_part.splitlines()
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, other = sorted((chance.randrange(len(lines)), chance.randrange(len(lines))))
        match chance.choice(("lose", "double", "swap", "move")):
            case "lose":
                del lines[at : at + chance.choice((1, 1, 3))]
            case "double":
                lines[at:at] = lines[at : at + chance.choice((1, 1, 3))]
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "move":
                lines.insert(other, lines.pop(at))
    return "\n".join([*lines, "", "@dataclass", monitor])


@pytest.mark.parametrize("block", range(4), ids=lambda block: f"from-{block * 30}")
def test_a_torn_file_is_read_as_it_runs(block: int) -> None:
    """However the plan's own file is torn, what is said of it is what importing and asking it gives."""
    for seed in range(block * 30, block * 30 + 30):
        text = torn(seed)
        said = assert_true(text, "staging")
        if run(text, "staging", {}) is None:
            assert_refused(said)
