"""The runbook's command lines are written for a POSIX shell; this says how one is typed in PowerShell instead.

Both PowerShells are meant: the one of Windows, 5.1, and 7. What is not certain to mean the same there is rewritten:
`&&` (5.1 has none), `curl` (an alias of 5.1), a comma or a brace or an `@` that stands bare, a double quote within a
word (lost on the way to a program), a pipe (which adds to what is piped), and what needs programs that Windows has
only with Git. The last two are given to the shell that Git brings.
"""

import re
import shlex

_PLAIN = re.compile(r"[\w./:~+-][\w./:=~+-]*")
"""A word that needs no quotes in either shell."""
_LONG = re.compile(r"--[a-z][a-z-]*=")
_OPERATORS = {"&&", "|"}
_WITH_GIT_ONLY = {"sed", "read", "export", "openssl", "rm"}
_BASH = '& "$env:ProgramFiles\\Git\\bin\\bash.exe" -c '


def in_powershell(line: str) -> str | None:
    """Return a command line as it is typed in PowerShell; None where it is typed there as it stands, or makes no sense.

    Args:
        line: a command line for a POSIX shell: programs joined by `&&` and `|`, words in single or double quotes.
    """
    try:
        parts = _parts(line)
    except ValueError:  # a quote that is never closed
        return None
    programs = {part[0] for part in parts[::2]}
    if programs & _WITH_GIT_ONLY or ["|"] in parts:
        return _BASH + _quoted(line)
    if len(parts) == 1 and programs != {"curl"} and _same(line):
        return None
    first, *others = map(_written, parts[::2])
    return first + "".join(f"; if ($?) {{ {other} }}" for other in others)


def _parts(line: str) -> list[list[str]]:
    """Return the words of each program, and between two the operator."""
    parts: list[list[str]] = [[]]
    for word in shlex.split(line):
        if word in _OPERATORS:
            parts += [[word], []]
        else:
            parts[-1].append(word)
    return parts


def _same(line: str) -> bool:
    """Whether each word of a line stands in it as PowerShell, too, would read it."""
    words = shlex.split(line)
    return shlex.split(line, posix=False) == [_as_printed(word) for word in words] and all(map(_certain, words))


def _as_printed(word: str) -> str:
    """Return the one spelling of a word that is the same in both shells: single quotes around a value, or none."""
    name = _LONG.match(word)
    if _PLAIN.fullmatch(word):
        return word
    return f"{name[0]}'{word[name.end() :]}'" if name else f"'{word}'"


def _certain(word: str) -> bool:
    """Whether a word reaches the program whole: no quotes within, and no dot after a single dash."""
    return not re.search(r"['\"]", word) and not (re.match(r"-[^-]", word) and re.search(r"[.:]", word))


def _written(words: list[str]) -> str:
    program = "curl.exe" if words[0] == "curl" else words[0]
    return " ".join([program if _PLAIN.fullmatch(program) else f"& {_quoted(program)}", *map(_word, words[1:])])


def _word(word: str) -> str:
    return word if _PLAIN.fullmatch(word) and _certain(word) else _quoted(word)


def _quoted(word: str) -> str:
    """Return a word in PowerShell's single quotes; a double quote takes a backslash on its way to a program."""
    return "'" + re.sub(r'(\\*)"', r"\1\1\\" + '"', word).replace("'", "''") + "'"
