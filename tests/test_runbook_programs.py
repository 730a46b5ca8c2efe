"""The runbook's other commands, run by the real programs on a checkout that the replica writes."""

import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fixtures.profile import load
from fixtures.reaper import Reaper
from fixtures.replica.box import Box
from fixtures.replica.infrastructure import write_infrastructure
from fixtures.replica.postgres import Postgres
from fixtures.replica.source_tree import write_source_tree
from fixtures.replica.world import Database, Infrastructure, Source
from plugins.placeholders import fill
from plugins.runbook import Command, read

sys.path.insert(0, str(Path(__file__).parent))
from runbook_commands import FACTS, lines

pytestmark = pytest.mark.slow

PROFILE = load("staging")
FILE = PROFILE.backend_source.file
LOCK: dict[str, float] = PROFILE.lock.timeouts.model_dump()
INITIALISATION = ('"initialization_timeout": 75.0', '"initialization_timeout": 25.0')


class Checkout:
    """A repository with two commits: the good one, and one that lowered a timeout."""

    def __init__(self, path: Path) -> None:
        self.path = write_source_tree(Source(), FILE, path)
        self.git("init", "-q")
        self.commit("good")
        good = self.text
        self.write(good.replace(*INITIALISATION))
        self.commit("lower the timeout")

    @property
    def text(self) -> str:
        """What the settings module says."""
        return (self.path / FILE).read_text(encoding="utf-8")

    def write(self, text: str) -> None:
        """Replace the settings module."""
        (self.path / FILE).write_text(text, encoding="utf-8")

    def git(self, *words: str) -> str:
        """Run git in the repository."""
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        return subprocess.run(["git", "-C", self.path, *who, *words], check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def settings(self, function: str, environment: str = "staging") -> dict[str, Any]:
        """Return what a function of the module answers."""
        answer: dict[str, Any] = runpy.run_path(str(self.path / FILE))[function](environment)
        return answer

    def timeouts(self, environment: str = "staging") -> dict[str, float]:
        """Return the timeouts of an environment."""
        return self.settings("get_database_timeout_config", environment)

    def sh(self, line: str, **facts: str) -> subprocess.CompletedProcess[str]:
        """Run a command line of the runbook, filled in for this checkout."""
        typed = fill(line, PROFILE, {**FACTS, "checkout": str(self.path), **facts}, quoted=True)
        who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return subprocess.run(
            ["sh", "-c", typed],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": sys.exec_prefix + "/bin:/usr/bin:/bin", **who},
        )


def command(id: str) -> Command:
    """Return a command of the runbook."""
    return read().commands[id]


@pytest.fixture(params=["checkout", "a checkout's place"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Checkout:
    """A checkout, also at a path that has to be quoted."""
    return Checkout(tmp_path / request.param)


def test_the_timeout_is_found_restored_and_taken_back(checkout: Checkout) -> None:
    """The commands for a regression show the line, name the commit, restore the value, and take that back."""
    assert checkout.timeouts()["initialization_timeout"] == 25.0
    assert '"initialization_timeout": 25.0' in checkout.sh(command("show-setting").run).stdout
    assert "lower the timeout" in checkout.sh(command("who-changed-setting").run).stdout
    production = checkout.timeouts("production")
    assert checkout.sh(command("restore-timeout").run).returncode == 0
    assert checkout.timeouts() == LOCK
    assert checkout.timeouts("production") == production
    assert checkout.sh(command("restore-timeout").undo).returncode == 0
    assert checkout.timeouts()["initialization_timeout"] == 25.0


def test_the_restored_timeout_is_committed_and_that_taken_back(checkout: Checkout) -> None:
    """The commit holds the restored value alone; taking it back leaves the value in the working copy."""
    checkout.sh(command("restore-timeout").run)
    (checkout.path / "beside.txt").write_text("somebody's own", encoding="utf-8")
    assert checkout.sh(command("commit-settings").run).returncode == 0
    assert checkout.git("show", "--name-only", "--format=%s").split("\n\n") == [
        "Restore the planned timeouts",
        f"{FILE}\n",
    ]
    assert checkout.sh(command("commit-settings").undo).returncode == 0
    assert "lower the timeout" in checkout.git("log", "-1")
    assert checkout.timeouts() == LOCK


ONE_LINE = """
TIMEOUTS = {
    "test": {"initialization_timeout": 20.0, "pool_timeout": 20.0},
    "staging": {"initialization_timeout": 25.0, "pool_timeout": 45.0},
    "production": {"initialization_timeout": 90.0, "pool_timeout": 70.0},
}
"""


def test_an_entry_on_one_line_is_restored_and_no_other(checkout: Checkout) -> None:
    """Where each environment stands on one line, staging's value is restored, and production's left alone."""
    checkout.write(ONE_LINE)
    assert checkout.sh(command("restore-timeout").run).returncode == 0
    assert checkout.text == ONE_LINE.replace("25.0", "75.0")


def test_the_timeouts_can_be_lengthened_and_taken_back(checkout: Checkout) -> None:
    """Rollback 2 sets all five timeouts of staging to 90 s, and nothing else."""
    before = checkout.text
    production, pool = checkout.timeouts("production"), checkout.settings("get_cloud_sql_optimized_config")
    assert checkout.sh(command("lengthen-timeouts").run).returncode == 0
    assert checkout.timeouts() == dict.fromkeys(LOCK, 90.0)
    assert (checkout.timeouts("production"), checkout.settings("get_cloud_sql_optimized_config")) == (production, pool)
    assert checkout.sh(command("lengthen-timeouts").undo).returncode == 0
    assert checkout.text == before


def test_the_commit_can_be_reverted(checkout: Checkout) -> None:
    """The commit that the log names can be taken back, and the taking back, too."""
    (id,) = [line.split()[0] for line in checkout.sh(command("who-changed-settings-file").run).stdout.splitlines()][:1]
    assert checkout.sh(command("revert-commit").run.replace("COMMIT", id)).returncode == 0
    assert checkout.timeouts() == LOCK
    assert checkout.sh(command("revert-commit").undo).returncode == 0
    assert checkout.timeouts()["initialization_timeout"] == 25.0


def test_the_file_can_be_restored(checkout: Checkout) -> None:
    """The settings file of an earlier commit can be had back, and that be taken back."""
    assert checkout.sh(command("restore-settings-file").run.replace("COMMIT", "HEAD~1")).returncode == 0
    assert checkout.timeouts() == LOCK
    assert checkout.sh(command("restore-settings-file").undo).returncode == 0
    assert checkout.timeouts()["initialization_timeout"] == 25.0


def test_the_terraform_code_is_restored_and_taken_back(checkout: Checkout) -> None:
    """The log names the commit that broke the code, and the code of the one before can be had back, and that undone."""
    broken = Infrastructure([("  lifecycle {\n", "  lifecycle\n")])
    file = write_infrastructure(broken, checkout.path) / "main.tf"
    shown = checkout.sh(command("who-changed-connector-code").run)
    assert "as somebody wanted it" in shown.stdout.splitlines()[0]
    assert checkout.sh(command("restore-connector-code").run.replace("COMMIT", "HEAD~1")).returncode == 0
    assert "  lifecycle {\n" in file.read_text(encoding="utf-8")
    assert checkout.sh(command("restore-connector-code").undo).returncode == 0
    assert "  lifecycle\n" in file.read_text(encoding="utf-8")


def test_settings_and_terraform_code_are_reverted_without_each_other(checkout: Checkout) -> None:
    """The settings' commit is taken back while a newer one of the Terraform code stays; then that one is, too."""
    more = Infrastructure([("max_instances = 10", "max_instances = 20")])
    file = write_infrastructure(more, checkout.path) / "main.tf"
    for log in ("who-changed-settings-file", "who-changed-connector-code"):
        id = checkout.sh(command(log).run).stdout.split()[0]
        assert checkout.sh(command("revert-commit").run.replace("COMMIT", id)).returncode == 0
        assert checkout.timeouts() == LOCK
        assert ("max_instances = 20" in file.read_text(encoding="utf-8")) is (log == "who-changed-settings-file")


def test_larger_machines_are_declared_and_taken_back(checkout: Checkout) -> None:
    """The code declares the machines that the connector is given by hand, and nothing else changes in it."""
    file = write_infrastructure(Infrastructure(), checkout.path) / "main.tf"
    before = file.read_text(encoding="utf-8")
    assert checkout.sh(command("declare-larger-machines").run).returncode == 0
    assert file.read_text(encoding="utf-8") == before.replace("e2-micro", "e2-standard-4") != before
    assert checkout.sh(command("declare-larger-machines").undo).returncode == 0
    assert file.read_text(encoding="utf-8") == before


DEPLOY = "scripts/deploy_to_gcp.py"


def test_the_deploy_script_takes_what_the_runbook_gives_it(checkout: Checkout) -> None:
    """The script in the checkout knows every option of the runbook's, and ends with 2 at the plan's own."""
    calls = [line.split(" && ")[1] for id, line in lines(PROFILE).items() if DEPLOY in line and "/undo" not in id]
    assert calls
    script = runpy.run_path(str(checkout.path / DEPLOY))
    for call in calls:
        assert script["parser"]().parse_args(shlex.split(call)[2:]).service == "backend"
    for option in ("--services backend", "--emergency-deployment", "--rollback"):
        refused = checkout.sh(f"cd {shlex.quote(str(checkout.path))} && python {DEPLOY} --project x {option}")
        assert (refused.returncode, "usage:" in refused.stderr) == (2, True)


def test_merge_markers_and_syntax_errors_are_shown(checkout: Checkout) -> None:
    """A module with merge markers does not compile, and the markers are shown with their lines; a good one does."""
    assert checkout.sh(command("compile-settings-file").run).returncode == 0
    checkout.write(checkout.text + "<<<<<<< HEAD\nX = 1\n=======\nX = 2\n>>>>>>> theirs\n")
    shown = checkout.sh(command("show-merge-markers").run)
    assert [line.split(":")[-1][:7] for line in shown.stdout.splitlines()] == ["<<<<<<<", "=======", ">>>>>>>"]
    broken = checkout.sh(command("compile-settings-file").run)
    assert broken.returncode != 0
    assert "SyntaxError" in broken.stderr


@pytest.mark.asyncio
async def test_idle_sessions_are_counted_and_ended() -> None:
    """The SQL for sessions is PostgreSQL's: it lists those that are open, and ends none that is at work."""
    box = Box(faces=())  # for its directory only
    await box.start()
    reaper = Reaper(box.directory)
    server = Postgres(Database("netra_user", "a password", "netra", max_connections=20), box.directory, reaper)
    await server.start()
    try:
        session = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="netra_user", password="a password", database="netra"
        )
        count, end = (shlex.split(command(id).run)[-1] for id in ("count-sessions", "end-idle-sessions"))
        assert ("netra_user", "active", 1) in [(one[0], one[2], one[3]) for one in await session.fetch(count)]
        assert await session.fetch(end) == []
        await session.close()
    finally:
        await server.stop()
        reaper.reap()
        await box.stop()


def test_a_name_is_looked_up() -> None:
    """The look-up is a program that Python understands."""
    _, code = command("look-up-a-name").run.split(" -c ")
    compile(code.strip('"'), "look-up-a-name", "exec")
