"""Every command of the runbook as an on-call engineer would type it: filled in for a profile, words in capitals too."""

import re
import shlex

from fixtures.profile import Profile
from plugins.placeholders import fill
from plugins.runbook import read

FACTS = {
    "criterion": "VPC-STATE",
    "marker": "phase1",
    "observed": "ERROR",
    "expected": "READY",
    "subject": "initialization_timeout",
    "locked": "75.0",
    "service": "netra-backend-staging",
    "url": "https://backend.staging.netrasystems.ai/health",
    "revision": "netra-backend-staging-00042-xuv",
    "detail": "it is so",
    "looked_at": "vpcaccess connectors.get",
    "permission": "run.services.get",
    "role": "roles/run.viewer",
    "api": "run.googleapis.com",
    "secret": "database-url",
    "upstream": "SQL-STATE",
    "principal": "oncall@example.org",
    "member": "user:oncall@example.org",
    "checkout": "/src/backend",
}
BY_HAND = {
    "ACCOUNT": "allclear@netra-staging.iam.gserviceaccount.com",
    "BACKUP": "1",
    "CHANNEL": "projects/netra-staging/notificationChannels/1278",
    "COMMIT": "HEAD",
    "DATABASE": "netra",
    "EXCLUSION": "quiet-backend",
    "FILE": "staging.toml",
    "FILTER": "resource.type=gce_instance",
    "FLAGS": "log_connections=on",
    "HOST": "10.2.0.3",
    "IMAGE": "gcr.io/netra-staging/allclear",
    "LOCK.INSTANCE.AUTHORIZED_NETWORKS": "203.0.113.0/24",
    "MACHINE": "bastion",
    "NETWORKS": "203.0.113.0/24",
    "PATH": "/src/backend",
    "POLICY.yaml": "policy.yaml",
    "POLICY": "projects/netra-staging/alertPolicies/1278",
    "REVISION": "netra-backend-staging-00042-xuv",
    "SECRET": "jwt-secret-key",
    "SECRET_ID": "jwt-secret-key",
    "USER": "netra_user",
    "VARIABLE": "DATABASE_URL",
    "VERSION": "1",
    "ZONE": "us-central1-a",
}
"""What a person would put in place of the words in capitals."""
_WORD = re.compile(rf"(?<![\w.])({'|'.join(sorted(map(re.escape, BY_HAND), key=len, reverse=True))})(?![\w.])")
_QUOTED = re.compile(r"\"[^\"]*\"")


def lines(profile: Profile) -> dict[str, str]:
    """Return every command line, and as `ID/undo` what takes it back, by the command's id."""
    found = {}
    for id, command in read().commands.items():
        found[id] = fill(command.run, profile, FACTS, quoted=True)
        if command.undo and not command.undo.startswith("none:"):
            found[f"{id}/undo"] = fill(command.undo, profile, FACTS, quoted=True)
    return found


def by_hand(line: str) -> str:
    """Return a command line with its words in capitals replaced; SQL's own stand in double quotes."""
    kept = _QUOTED.split(line)
    quoted = [*_QUOTED.findall(line), ""]
    return "".join(
        _WORD.sub(lambda match: BY_HAND[match[1]], part) + text for part, text in zip(kept, quoted, strict=True)
    )


def programs(line: str) -> list[list[str]]:
    """Return the words of each program that a command line starts."""
    found: list[list[str]] = [[]]
    for word in shlex.split(line):
        if word in ("&&", "|"):
            found.append([])
        else:
            found[-1].append(word)
    return found
