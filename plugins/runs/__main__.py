"""`python -m plugins.runs COMMAND`: see `--help`, and docs/evidence.md."""

import argparse
import sys
from pathlib import Path

from plugins.runs import said
from plugins.runs.history import history, remove, size, strangers, surplus
from plugins.runs.rebuild import rebuild
from plugins.runs.stored import REPORTS, RunsError, runs, verdict


def main() -> int:
    """Do what was asked; return the exit code: 0, 1 where two runs differ, 2 for a mistake."""
    options = _parser().parse_args()
    try:
        code: int = options.does(options)
    except RunsError as error:
        print(f"python -m plugins.runs: {error}", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m plugins.runs", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    again = commands.add_parser("rebuild", help="make the reports of a run that was killed")
    again.add_argument("run", type=Path, metavar="RUN", help="its directory")
    again.set_defaults(does=_rebuild)
    two = commands.add_parser("compare", help="say what is different between two runs; exit 1 if anything is")
    for name in ("a", "b"):
        two.add_argument(name, type=Path, metavar=name.upper(), help="a run's directory, or its verdict.json")
    two.set_defaults(does=_compare)
    shown = commands.add_parser("list", help="the runs, when each criterion last held, which ones flap")
    shown.add_argument("--target", metavar="NAME", help="of this target alone")
    shown.add_argument("--all", action="store_true", help="also the criteria that hold")
    shown.set_defaults(does=_list)
    less = commands.add_parser("prune", help="delete old runs; without --yes, say which")
    which = less.add_mutually_exclusive_group(required=True)
    which.add_argument("--keep", type=_count, metavar="N", help="all but the newest N")
    which.add_argument("--older-than", type=float, metavar="DAYS", help="those that are older")
    less.add_argument("--yes", action="store_true", help="delete them")
    less.set_defaults(does=_prune)
    for command in (shown, less):
        command.add_argument(
            "--reports", type=Path, default=REPORTS, metavar="DIR", help="the folder (default: reports)"
        )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("keep at least one")
    return number


def _rebuild(options: argparse.Namespace) -> int:
    for line in rebuild(options.run):
        _say(line)
    print(f"report: {options.run / 'report.html'}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    before, after = verdict(options.a), verdict(options.b)
    for line in said.difference(before, after):
        print(line)
    return int(said.differs(before, after))


def _list(options: argparse.Namespace) -> int:
    found = history(runs(options.reports))
    if options.target is not None and options.target not in found:
        raise RunsError(f"{options.reports}: no run of {options.target}; there are of: {', '.join(found) or 'none'}")
    for target, of in found.items():
        if options.target in (None, target):
            for line in said.listing(target, of, every=options.all):
                print(line)
    return 0


def _prune(options: argparse.Namespace) -> int:
    old = surplus(runs(options.reports), options.keep, options.older_than)
    going = [run for run in old if not strangers(run)]
    for run in old:
        _say(said.pruning(run))
    megabytes = sum(size(run.directory) for run in going) / 1e6
    if options.yes:
        for run in going:
            remove(run.directory)
    done = "deleted" if options.yes else "would be deleted; --yes deletes them"
    print(f"{len(going)} runs, {megabytes:.1f} MB, {done}" if going else "nothing to delete")
    return 0


def _say(text: str) -> None:
    for line in said.wrapped(text):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
