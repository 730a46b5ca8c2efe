"""Commands in PowerShell: what is not certain to mean the same there is rewritten, and by rule.

No PowerShell is run here. The rules are those of its documentation (about_Parsing, about_Quoting_Rules), taken
narrowly: a line is only said to be typed as it stands when none of the known traps is in it.
"""

import re
import shlex
import sys
from pathlib import Path

import pytest

from fixtures.profile import load
from plugins.powershell import in_powershell
from plugins.runbook import read

sys.path.insert(0, str(Path(__file__).parent))
from runbook_commands import lines

LINES = lines(load("staging"))
TRAPS = {
    "an operator that 5.1 does not have": r"&&|\|\|",
    "an alias of 5.1": r"(^|[|;{] *)curl ",
    "a program of a POSIX shell": r"(^|[|;{] *)(sed|read|export|grep|openssl|rm) ",
    "a variable before the program": r"^[A-Z_]+=\S* ",
    "a backslash before the end": r"\\$",
    "a bare comma, brace, bracket, semicolon or redirection": r"[,{}();<>]",
    "a bare @, $ or backtick": r"(^| )@|[$`]",
    "a dot after a single dash": r" -[a-zA-Z]\S*\.",
}
QUOTED = re.compile(r"'(?:[^']|'')*'")


def certain(line: str) -> list[str]:
    """Return the traps in a line that would be typed in PowerShell as it stands."""
    bare = QUOTED.sub("Q", line)
    found = [name for name, trap in TRAPS.items() if re.search(trap, bare)]
    if any('"' in text.replace('\\"', "") for text in QUOTED.findall(line)):
        found.append("a double quote within a word")
    return [*found, *(["a quote that is left open"] if re.search(r"['\"]", bare) else [])]


def words(line: str) -> list[str]:
    """Return the words that PowerShell makes of one program's line, as the program gets them."""
    found = re.findall(r"(?:'(?:[^']|'')*'|[^'\s])+", line)
    return [QUOTED.sub(lambda text: text[0][1:-1].replace("''", "'").replace('\\"', '"'), word) for word in found]


@pytest.mark.parametrize("id", LINES)
def test_a_command_can_be_typed_in_powershell(id: str) -> None:
    """Each command, and each undo, holds no trap as it stands, or has a form for PowerShell that holds none."""
    form = in_powershell(LINES[id])
    if form is None:
        assert certain(LINES[id]) == []
    elif form.startswith("& "):
        assert certain(form.partition(" -c ")[2].replace('\\"', "")) == []
    else:
        taken = re.sub(r"; if \(\$\?\) \{ (.*) \}", r" ; \1", form).replace(" ; ", "\n")
        assert [trap for line in taken.splitlines() for trap in certain(line)] == []


@pytest.mark.parametrize("id", [id for id, line in LINES.items() if not re.search(r"&&| \| |^(sed|read) ", line)])
def test_the_program_gets_the_same_words(id: str) -> None:
    """Whatever the shell, the program is given the same words."""
    posix = shlex.split(LINES[id])
    assert words(in_powershell(LINES[id]) or LINES[id])[1:] == posix[1:]


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("gcloud sql instances list --project=x", None),
        ("gcloud sql instances describe x --format='yaml(a,b)'", None),
        ("curl -sS https://x.example/health", "curl.exe -sS https://x.example/health"),
        ("cd /a/b && git log -5", "cd /a/b; if ($?) { git log -5 }"),
        ("gcloud x --update-env-vars=A=1,B=2", "gcloud x '--update-env-vars=A=1,B=2'"),
        ("gcloud x 'a=\"b c\"'", "gcloud x 'a=\\\"b c\\\"'"),
        ("terraform -chdir=a.b plan", "terraform '-chdir=a.b' plan"),
        ("python -c \"print('x')\"", "python -c 'print(''x'')'"),
        ("<img alt='never closed", None),
        ("gcloud a | gcloud b", "& \"$env:ProgramFiles\\Git\\bin\\bash.exe\" -c 'gcloud a | gcloud b'"),
    ],
)
def test_the_form_is_written_by_rule(line: str, form: str | None) -> None:
    """One example of each rule."""
    assert in_powershell(line) == form


def test_every_placeholder_stands_where_a_value_can() -> None:
    """A value with a space stays one word in both shells."""
    run = read().commands["deploy-backend"].run.replace("{checkout}", "'/a checkout'")
    assert (in_powershell(run) or "").startswith("cd '/a checkout'; if ($?) { python scripts/deploy_to_gcp.py ")
