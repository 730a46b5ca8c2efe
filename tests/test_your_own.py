"""A folder of one's own: the worked example of the docs runs, and what cannot be used is refused in words."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures import own
from fixtures.own import OwnError, enter
from fixtures.probes.registry import PROBES
from fixtures.profile import ProfileError, load
from plugins import runbook
from plugins.runbook import CatalogueError, read

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "docs" / "search_team"
OURS = read()
PAGE = (ROOT / "docs" / "your-own.md").read_text(encoding="utf-8")


def run(directory: Path, *options: str) -> dict[str, Any]:
    """Run the example with some of our criteria beside it; return verdict.json."""
    command = [sys.executable, "-m", "pytest", "-m", "search or health", f"--reports={directory}", "-q"]
    command += ["--own", str(EXAMPLE), f"--target={EXAMPLE / 'target.toml'}", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    written = directory / "latest" / "verdict.json"
    assert written.exists(), done.stdout + done.stderr
    verdict: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return verdict


def turned(verdict: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of every criterion that is not `pass`."""
    return {one["id"]: one["outcome"] for one in verdict["criteria"] if one["outcome"] != "pass"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_the_example_holds_on_a_healthy_replica(tmp_path: Path, workers: list[str]) -> None:
    """The service of the example runs in the replica, and its criterion holds beside ours; under xdist too."""
    verdict = run(tmp_path, *workers)
    assert turned(verdict) == {}
    assert {"SEARCH-UP", "HLT-BACKEND"} <= {one["id"] for one in verdict["criteria"]}


@pytest.mark.slow
def test_the_examples_fault_turns_its_criterion(tmp_path: Path) -> None:
    """The fault turns what it declares; the hint of the example is told, and its commands are typed as for this run."""
    verdict = run(tmp_path, "--fault", "search-not-listening")
    declared = dict(re.findall(r"(fails|warns)=\"([A-Z-]+)\"", (EXAMPLE / "faults.py").read_text(encoding="utf-8")))
    assert turned(verdict) == {declared["fails"]: "fail", declared["warns"]: "warn"}
    (judged,) = [one for one in verdict["criteria"] if one["id"] == "SEARCH-UP"]
    assert [hint["id"] for hint in judged["hints"]] == ["search-down"]
    verify = judged["hints"][0]["verify"]
    assert verify == f"pytest -m search --target {EXAMPLE / 'target.toml'} --own {EXAMPLE}"
    assert verdict["plan"][-1]["run"].endswith(f"--own {EXAMPLE}")


@pytest.mark.slow
def test_the_faults_are_listed() -> None:
    """`--list-faults` knows those of the folder."""
    command = [sys.executable, "-m", "pytest", "--own", str(EXAMPLE), "--list-faults"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^search-not-listening +Nothing listens", said, re.MULTILINE)
    assert re.search(r"^connector-in-error ", said, re.MULTILINE)


@pytest.mark.parametrize(
    "path", [path for path in sorted(EXAMPLE.rglob("*")) if path.suffix in (".py", ".toml")], ids=str
)
def test_the_page_shows_the_examples_files(path: Path) -> None:
    """What the page shows is what is run."""
    text = path.read_text(encoding="utf-8")
    assert f"`{path.relative_to(EXAMPLE)}`\n\n```{'toml' if path.suffix == '.toml' else 'python'}\n{text}```\n" in PAGE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own that the runbook knows of; nothing of it is left behind."""
    made = tmp_path / "network_team"
    (made / "runbook").mkdir(parents=True)
    monkeypatch.setattr(runbook, "FOLDERS", [made])
    monkeypatch.setattr(own, "FOLDERS", [])
    monkeypatch.setattr(own, "PROBES", dict(PROBES))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return made


def replacing() -> str:
    """Return the runbook that the page shows as replacing an entry of ours."""
    return PAGE.split("## Another hint in place of ours")[1].split("```toml\n")[1].split("```")[0]


def test_an_entry_with_the_id_of_ours_stands_in_its_place(folder: Path) -> None:
    """The page's example replaces one hint, may name our commands, and leaves all else as it is."""
    (folder / "runbook" / "vpc.toml").write_text(replacing(), encoding="utf-8")
    book = read()
    (hint,) = [one for one in book.hints if one.id == "connector-in-error"]
    assert (hint.owner, len(hint.commands)) == ("Network team", 2)
    assert book.files[hint.id] == "network_team/vpc.toml"
    assert {one.id for one in book.hints} == {one.id for one in OURS.hints}


def test_a_command_with_the_id_of_ours_stands_in_its_place(folder: Path) -> None:
    """Every hint that names it gets the new one."""
    own_command = '[command.describe-connector]\nrun = "gcloud info"\nrisk = "read"\n'
    (folder / "runbook" / "vpc.toml").write_text(own_command, encoding="utf-8")
    (hint,) = [one for one in read().hints if one.id == "connector-in-error"]
    assert hint.commands[0].run == "gcloud info"


def test_a_mistake_names_the_folder(folder: Path) -> None:
    """A mistake in a runbook of one's own is told with the folder it is in."""
    (folder / "runbook" / "vpc.toml").write_text(
        replacing().replace('page-network-team"]', 'nobody"]'), encoding="utf-8"
    )
    with pytest.raises(
        CatalogueError, match=r"^network_team/vpc\.toml: connector-in-error: there is no command nobody$"
    ):
        read()


def test_a_criterion_of_ones_own_needs_a_hint_as_ours_do(folder: Path) -> None:
    """What nobody knows how to mend is named before the run begins."""
    (folder / "suites").mkdir()
    declared = '@pytest.mark.criterion("MINE", section="-", severity="major")'
    (folder / "suites" / "test_mine.py").write_text(declared, encoding="utf-8")
    assert read().unhinted == ("MINE",)


def test_a_folder_adds_its_probes(folder: Path) -> None:
    """Its rows are among ours, and their functions are found by the folder's name."""
    (folder / "probes.py").write_text(
        "from fixtures.probes.registry import PROBES as OURS\nfrom dataclasses import replace\n"
        "PROBES = (replace(OURS['health'], name='mine', function='network_team.look:look'),)\n",
        encoding="utf-8",
    )
    (folder / "look.py").write_text("async def look(at):\n    return at\n", encoding="utf-8")
    enter(folder)
    enter(folder)  # a second time changes nothing
    assert own.PROBES["mine"].load().__name__ == "look"


def test_a_probe_of_a_known_name_is_refused(folder: Path) -> None:
    """Two probes of one name would be two truths."""
    row = "from fixtures.probes.registry import PROBES as OURS\nPROBES = (OURS['health'],)\n"
    (folder / "probes.py").write_text(row, encoding="utf-8")
    with pytest.raises(OwnError, match="there is a probe 'health' already"):
        enter(folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "no such directory"),
        ("json", "'json' is taken or is no name"),
        ("fixtures", "'fixtures' is taken or is no name"),
        ("network-team", "'network-team' is taken or is no name"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(folder: Path, name: str, said: str) -> None:
    """The reason is told in words."""
    path = folder.parent / name
    if name != "nowhere":
        path.mkdir()
    with pytest.raises(OwnError, match=said):
        enter(path)


@pytest.mark.slow
def test_a_wrong_folder_is_a_usage_error(tmp_path: Path) -> None:
    """The run ends with exit code 4, and says why."""
    command = [sys.executable, "-m", "pytest", f"--reports={tmp_path}", f"--own={tmp_path / 'nowhere'}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nowhere: no such directory" in ended.stderr


def test_a_service_of_ones_own_is_checked_like_ours(tmp_path: Path) -> None:
    """A key that a service does not have is told with the nearest that it has."""
    path = tmp_path / "mine.toml"
    text = (EXAMPLE / "target.toml").read_text(encoding="utf-8").replace("url =", "urll =")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as refused:
        load(str(path))
    assert "services.search.url: this key is missing" in str(refused.value)
    assert "services.search.urll: no such key (nearest: url); known here: name, url, behind_connector" in str(
        refused.value
    )
