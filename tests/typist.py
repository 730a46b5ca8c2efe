"""A person at a shell, who types what the report says: words in capitals filled in, passwords typed when asked for."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.replica.world import World

_CLIENT = """#!{python} -IS
import json, os, socket, sys
asked = {{"words": sys.argv[1:], "environment": dict(os.environ), "directory": os.getcwd()}}
to = socket.socket(socket.AF_UNIX)
to.connect({place!r})
socket.send_fds(to, [json.dumps(asked).encode() + b"\\n"], [0, 1, 2])
sys.exit(int(to.recv(16) or b"1"))
"""
_BY_HAND = "POLICY CHANNEL REVISION VERSION COMMIT FLAGS SECRET_ID SECRET VARIABLE HOST USER DATABASE EXCLUSION"
_CAPITALS = re.compile(rf"(?<![\w.{{])({_BY_HAND.replace(' ', '|')})(?![\w.])")
UNSPOKEN = re.compile(
    r"gcloud (compute (?!networks vpc-access)|redis|billing|iam|auth|beta quotas|services vpc-peerings"
    r"|run services get-iam-policy|run jobs|projects get-iam-policy)"
    r"|cd \S+ && terraform .* import"
    r"|curl -sSI https://\w+\.googleapis|python -c \"import socket|read -r|cloud-sql-proxy"
)
"""Commands that ask what the replica does not have (a load balancer, Memorystore, billing, Google's provider for
Terraform), or the Internet."""


class Gcloud:
    """The installed gcloud, loaded once; `folder` holds a program `gcloud` that is it."""

    def __init__(self, folder: Path) -> None:
        told = ["gcloud", "info", "--format=value(basic.python_location,installation.sdk_root)"]
        python, sdk = subprocess.run(told, capture_output=True, text=True, check=True).stdout.split()
        self.folder = folder
        place = folder / "socket"
        client = folder / "gcloud"
        client.write_text(_CLIENT.format(python=sys.executable, place=str(place)), encoding="utf-8")
        client.chmod(0o755)
        server = [python, "-S", str(Path(__file__).parent / "gcloud_server.py"), sdk, str(place)]
        quiet = {"CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "CLOUDSDK_CONFIG": str(folder / "config")}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._server = subprocess.Popen(server, env=os.environ | quiet, text=True, **pipes)
        assert self._server.stdout is not None
        self._server.stdout.readline()

    def stop(self) -> None:
        """End it."""
        self._server.communicate()


@dataclass
class Typed:
    """One line that was typed, and what came of it."""

    line: str
    code: int
    printed: str
    said: str


@dataclass
class Typist:
    """Types lines into `sh`, and remembers what they printed.

    Attributes:
        environment: what the shell has beside the programs' folders.
        expired_token: what was kept of a login that has run out.
        log: every line, in order.
    """

    world: World
    gcloud: Gcloud
    environment: Mapping[str, str]
    expired_token: str = ""
    log: list[Typed] = field(default_factory=list)

    def filled(self, line: str, cause: str) -> str:
        """Return a line with its words in capitals filled in from what was printed before."""
        return _CAPITALS.sub(lambda match: self._by_hand(match[1], line, cause), line).replace("FLAGS,", "")

    def type(self, line: str) -> Typed:
        """Type a line, and type what is asked for."""
        programs = os.pathsep.join([str(self.gcloud.folder), str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["sh", "-c", line],
            input=self._asked_for(line),
            env={**os.environ, **self.environment, "PATH": programs},
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            timeout=120,
        )
        self.log.append(Typed(line, done.returncode, done.stdout, done.stderr))
        return self.log[-1]

    def _printed(self, words: str) -> str:
        """Return what the newest line that holds some words printed."""
        return next(
            (one.printed for one in reversed(self.log) if words in one.line and one.printed and one.code == 0), ""
        )

    def _by_hand(self, word: str, line: str, cause: str) -> str:
        rules: dict[str, Callable[[], str]] = {
            "REVISION": lambda: self._revision(line),
            "VERSION": lambda: self._printed("secrets versions list").splitlines()[1].split()[0],
            "COMMIT": lambda: self._commit(line),
            "POLICY": lambda: self._policy(line, cause),
            "CHANNEL": self._channel,
            "FLAGS": lambda: "FLAGS",
            "VARIABLE": lambda: re.findall(r"\b[A-Z]+_[A-Z_]+\b", cause)[0],
            "SECRET": lambda: self._secret(cause),
            "SECRET_ID": lambda: self._secret(cause),
            "HOST": lambda: "127.0.0.1",
            "USER": lambda: self.world.database.user,
            "DATABASE": lambda: self.world.database.name,
            "EXCLUSION": lambda: re.findall(r"name: (\S+)", self._printed("sinks describe"))[0],
        }
        return rules[word]()

    def _commit(self, line: str) -> str:
        """Return the newest commit that the log shows, to be taken back; or the oldest one, to be had again."""
        shown = re.findall(r"^([0-9a-f]{7,}) ", self._printed(" log -"), re.MULTILINE)
        if "checkout" not in line:
            return shown[0]
        return shown[-1] if len(shown) > 1 else f"{shown[0]}~1"

    def _revision(self, line: str) -> str:
        """Return the newest revision before the one that serves, as the list shows it."""
        listed = self._printed("revisions list")
        names = re.findall(r"\S+-\d{5}-\w+", listed)
        service = next((name for name in re.findall(r"update-traffic (\S+)", line)), "")
        active = re.findall(r"(\S+-\d{5}-\w+)\s+yes", listed)
        fit = [name for name in names if name not in active and name.startswith(service)]
        return (fit or names or ["REVISION"])[0 if fit else -1]

    def _policy(self, line: str, cause: str) -> str:
        documents = self._printed("policies list").split("---")
        ours = [one for one in documents if "cloudsql" in one or "connection" in one]
        if "--enabled" in line:
            ours = [one for one in ours if re.search(r"enabled: false", one)]
        elif "--add-notification-channels" in line:
            ours = [one for one in ours if "notificationChannels" not in one]
        else:
            ours = [one for one in ours if any(level.strip() in one for level in re.findall(r"'([^']+)'", cause))]
        return re.findall(r"name: (projects/\S+/alertPolicies/\d+)$", ours[0], re.MULTILINE)[0]

    def _channel(self) -> str:
        return self._printed("channels list").splitlines()[1].split()[0]

    def _secret(self, cause: str) -> str:
        """Return the listed secret that is named like the variable, or a name like the variable's for a new one."""
        listed = re.findall(r"^[a-z][a-z-]+", self._printed("secrets list"), re.MULTILINE)
        variables = re.findall(r"\b[A-Z]+_[A-Z_]+\b", cause)
        wanted = variables[0].lower().replace("_", "-") if variables and "redis" not in cause.lower() else "redis-url"
        return next((name for name in listed if name.startswith(wanted)), wanted)

    def is_there(self, line: str) -> bool:
        """Whether a line makes a secret that the list shows already, so that nobody types it."""
        made = re.match(r"gcloud secrets create (\S+)", line)
        return made is not None and made[1] in self._printed("secrets list").split()

    def _asked_for(self, line: str) -> str:
        """Return what is typed on standard input: what the one who types knows from elsewhere."""
        database, redis = self.world.database, self.world.redis
        if line.startswith("cd ") and " apply " in line:
            return "yes\n"  # to Terraform's question
        if "set-password" in line:
            return f"{database.password}\n"
        if "expired-token" in line:
            return self.expired_token
        if "redis" in line:
            return self.world.resolve(f"redis://:{redis.password}@127.0.0.1:{{ports.redis}}/0")
        if "password" in line:
            return self.world.synthetic_user.password
        place = self.world.resolve(f"127.0.0.1:{{ports.postgres}}/{database.name}")
        return f"postgresql+asyncpg://{database.user}:{database.password}@{place}"
