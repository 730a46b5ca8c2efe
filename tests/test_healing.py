"""The healing loop: what the suite prints for a fault heals it, typed as it stands to the real gcloud."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.replica.faults import FAULTS
from tests.healing import heal
from tests.healing_table import GROUPS, NOT_BY_COMMAND, REMAINS, Group
from tests.typist import Gcloud

PAGE = Path(__file__).parent.parent / "docs" / "healing.md"
NEEDS = pytest.mark.skipif(not (shutil.which("gcloud") and shutil.which("terraform")), reason="needs gcloud, terraform")


@pytest.fixture(scope="module")
def gcloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcloud]:
    """The installed gcloud."""
    gcloud = Gcloud(tmp_path_factory.mktemp("gcloud"))
    yield gcloud
    gcloud.stop()


@NEEDS
@pytest.mark.gcloud
@pytest.mark.healing
@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.ids[0])
def test_the_printed_commands_heal(group: Group, gcloud: Gcloud, tmp_path: Path) -> None:
    """The suite is red and names each cause; what it prints is typed; on the same replica, the suite is green."""
    told = heal(group.ids, gcloud, tmp_path, group.looks_at)
    for id in group.ids:
        assert told.heals(id), f"{id}: {told}"
    assert told.green.keys() <= set(group.remains.split()), f"{told}"
    assert not told.unread, "a reading command did not end with 0"


def test_every_fault_is_classified() -> None:
    """Each fault that turns a criterion is healed, or not healed for a reason."""
    healed = [id for group in GROUPS for id in group.ids]
    assert sorted([*healed, *NOT_BY_COMMAND]) == sorted(id for id, fault in FAULTS.items() if fault.turns)
    assert {id for group in GROUPS for id in group.remains.split()} <= REMAINS.keys()


def test_the_page_says_what_is_declared() -> None:
    """The page names each fault where it belongs, and counts them right."""
    text = PAGE.read_text(encoding="utf-8")
    _, healed, rest = re.split(r"^## ", text, flags=re.MULTILINE)
    rows = [re.findall(r"`([a-z0-9-]+)`", line.split("|")[1]) for line in healed.splitlines() if line.startswith("| `")]
    assert [tuple(row) for row in rows] == [group.ids for group in GROUPS]
    assert [id for id in NOT_BY_COMMAND if f"`{id}`" not in rest] == []
    failed = healed.count("(**not healed**)")
    total = sum(1 for fault in FAULTS.values() if fault.turns)
    assert f"**{sum(map(len, rows)) - failed} of {total} faults are healed" in text
