"""Runs under gcloud's own interpreter: parses, and executes, many commands in one process, which takes seconds less.

Usage: PYTHON -S gcloud_shell.py SDK. One JSON line in for each command: `{"words": [...], "execute": bool}`; one out:
`{"code": int, "said": str}`. A code of 0 means accepted.
"""

import io
import json
import sys
from pathlib import Path

SDK = Path(sys.argv[1])
sys.path[:0] = [str(SDK / "lib"), str(SDK / "lib" / "third_party")]

from googlecloudsdk import gcloud_main  # noqa: E402  # found through the path above
from googlecloudsdk.core import exceptions, log  # noqa: E402
from googlecloudsdk.core.resource import resource_filter, resource_printer  # noqa: E402

CLI = gcloud_main.CreateCLI([])


def accept(words, execute):
    """Parse a command, with its format and its filter; or execute it."""
    if execute:
        CLI.Execute(words, call_arg_complete=False)
        return
    given = CLI._CLI__parser.parse_args(words)
    if given.CONCEPT_ARGS is not None:
        given.CONCEPT_ARGS.ParseConcepts()
    if getattr(given, "format", None):
        resource_printer.Printer(given.format, out=io.StringIO())
    if getattr(given, "filter", None):
        resource_filter.Compile(given.filter)


def main():
    """Answer until there are no more questions."""
    questions, answers = sys.stdin, sys.stdout
    for line in questions:
        asked, code = json.loads(line), 0
        sys.stdin = io.TextIOWrapper(io.BytesIO(b"typed by hand"))
        sys.stdout = sys.stderr = said = io.StringIO()
        log.Reset(said, said)
        try:
            accept(asked["words"], asked["execute"])
        except SystemExit as end:
            code = end.code or 0
        except exceptions.Error as error:
            code = said.write(str(error))
        answers.write(json.dumps({"code": code, "said": said.getvalue()}) + "\n")
        answers.flush()


main()
