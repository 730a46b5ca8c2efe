"""docs/healing.md: which faults the printed commands heal, from a real run of every group.

`python -m tests.healing_page > docs/healing.md`, which takes minutes, and needs gcloud and terraform.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fixtures.replica.faults import FAULTS
from tests.healing import Healing, heal
from tests.healing_table import GROUPS, NOT_BY_COMMAND, REMAINS
from tests.typist import Gcloud
from tests.warm import forking

AT_ONCE = 5
_HEAD = """# The healing loop

Made by `python -m tests.healing_page > docs/healing.md` from a real run of each group; a test compares it with
what is declared (`tests/healing_table.py`), and `pytest tests -m healing` runs it again.

A replica is broken; the suite is red and names the cause; its commands are typed **as they are printed** in
`verdict.json`, by `sh`, to the installed gcloud, whose own `api_endpoint_overrides` lead to the replica; the suite is
run again on the same replica, which goes on running. That is repeated, a change at a time, until nothing is red.

- *Faults that do not meet* break one replica together, so that the loop stays affordable; each must be named.
- gcloud is loaded once and forked for each command; the program that `sh` starts hands its words over.
- *Words in capitals* are filled in by rule from what the commands before printed, passwords are typed on standard
  input (`tests/typist.py`).
- *Reading commands* are typed, too, and must end with 0, save a search that finds nothing, `terraform validate` of code
  that is not valid, and `psql` and `curl` where no session and no response comes about. Not typed: `pytest` itself,
  which is the next run; what asks a part of Google that the replica does not have (load balancer, firewall,
  Memorystore, IAM of accounts, billing). `tests/test_runbook_gcloud.py` puts those before gcloud's parser.
- `terraform apply` is the real one, answered with `yes`; the built-in `terraform_data` stands for Google's provider,
  and the replica's connector becomes what was applied, unless Google's API would refuse that.
- The deploy script is a stand-in in the replica's checkout, with the real one's options: it builds nothing, and gives
  the service the real one's settings, 20 instances among them, which the suite then says, and `cap-instances` mends.
- What ails a connector's machines, one run of the database's server, or one start of a service, is gone with them in
  the replica. In Google it may have other causes. A rollback helps where the image before was a good one, as here.
"""


def run(directory: Path) -> list[Healing]:
    """Run the loop for every group."""
    gcloud = Gcloud(directory)
    try:
        with forking(), ThreadPoolExecutor(AT_ONCE) as pool:
            numbered = enumerate(GROUPS)
            return list(
                pool.map(lambda one: heal(one[1].ids, gcloud, directory / f"{one[0]}", one[1].looks_at), numbered)
            )
    finally:
        gcloud.stop()


def render(healings: Iterable[Healing]) -> str:
    """Return the page."""
    by_fault = {id: healing for healing in healings for id in healing.faults}
    healed = {id for id, healing in by_fault.items() if healing.heals(id)}
    asked = [id for id, fault in FAULTS.items() if fault.turns]
    figures = (
        f"**{len(healed)} of {len(asked)} faults are healed by the printed commands**, each seen red, named, and green "
        f"again. {len(NOT_BY_COMMAND)} are not "
        "healed by a command; the reason stands below."
    )
    lines = [
        _HEAD,
        figures,
        "",
        "## Healed",
        "",
        "| faults, together | runs of the suite | changes typed | by hand | what remains |",
        "|---|---|---|---|---|",
        *(_row(group.ids, by_fault) for group in GROUPS if group.ids[0] in by_fault),
        "",
        *(f"- {id} remains: {why}." for id, why in REMAINS.items()),
        "",
        "## Not healed by a command",
        "",
        *_reasons(),
    ]
    return "\n".join(lines)


def _row(ids: tuple[str, ...], by_fault: dict[str, Healing]) -> str:
    healing = by_fault[ids[0]]
    names = ", ".join(f"`{id}`" if healing.heals(id) else f"`{id}` (**not healed**)" for id in ids)
    remains = ", ".join(healing.green) or "nothing"
    return f"| {names} | {healing.runs} | {len(healing.typed)} | {healing.filled} | {remains} |"


def _reasons() -> Iterator[str]:
    for why in dict.fromkeys(NOT_BY_COMMAND.values()):
        yield f"- {', '.join(f'`{id}`' for id, one in NOT_BY_COMMAND.items() if one == why)}: {why}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        done = run(Path(directory))
    sys.stdout.write(render(done) + "\n")
    for healing in done:
        for line, said in healing.failed:
            sys.stderr.write(f"{line}\n    {said}\n")
