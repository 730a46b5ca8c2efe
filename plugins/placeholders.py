"""Placeholders of the runbook's texts: what each stands for, and how its value is written into a command line."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from fixtures.expect import Expected, Locked
from fixtures.profile import Profile
from fixtures.profile.units import spell

OF_THE_FINDING = ("criterion", "marker", "observed", "expected", "subject", "locked", "service", "url", "revision")
OF_THE_REASON = ("detail", "looked_at", "permission", "role", "api", "secret", "upstream")
FACTS = (*OF_THE_FINDING, *OF_THE_REASON, "principal", "member", "checkout")
"""Placeholders that come from the finding; every other one is a key path of the profile.

`locked` is the expected value as code writes it (`75.0`), `marker` the criterion's phase, `service` the Cloud Run
service that the finding names, `url` its health endpoint, `revision` the one that receives its traffic, `api` such as
`run.googleapis.com`, `secret` the one that a refusal names, `upstream` the criterion that stands in the way, `member`
the principal as IAM writes it.
"""
BY_HAND = {"checkout": "PATH", "member": "MEMBER", "revision": "REVISION", "secret": "SECRET"}
"""Facts that a command may leave to its reader; a command that lacks any other is left out."""
WORDS = (
    *BY_HAND.values(),
    *("ACCOUNT", "BACKUP", "CHANNEL", "COMMIT", "DATABASE", "FILE", "FLAGS", "HOST", "IMAGE", "MACHINE", "NETWORKS"),
    *("POLICY", "USER", "VARIABLE", "VERSION", "ZONE"),
)
"""Words in capitals that commands leave to their reader."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)*)\}")


def placeholders(*texts: str) -> set[str]:
    """Return the names of all placeholders in some texts."""
    return {name for text in texts for name in _PLACEHOLDER.findall(text)}


def told(text: str, profile: Profile, facts: Mapping[str, str]) -> bool:
    """Whether everything that a text names is known, or may be left to its reader."""
    return all(lookup(name, profile, facts) or name in BY_HAND for name in placeholders(text))


def left_open(run: str) -> list[str]:
    """Return the words of a command line that its reader fills in."""
    words = re.findall(r"(?<![\w.])[A-Z]{2,}(?:[A-Z_.]*[A-Z])?(?![A-Z])", re.sub(r'"[^"]*"', "", run))
    return list(dict.fromkeys(word for word in words if word in WORDS or "." in word))


def fill(text: str, profile: Profile, facts: Mapping[str, str], *, quoted: bool = False) -> str:
    """Return a text with its placeholders filled in; what is not known stands in capitals.

    Args:
        text: the text.
        profile: the target.
        facts: values of `FACTS`.
        quoted: whether the text is a command line, in which a value must stay one word.

    Raises:
        KeyError: a placeholder is neither a fact nor a key path of the profile.
    """

    def known(match: re.Match[str]) -> str:
        value = lookup(match[1], profile, facts)
        if not value:
            return BY_HAND.get(match[1], match[1].upper())
        if not quoted:
            return value
        within_quotes = text[: match.start()].count("'") % 2 == 1
        return value.replace("'", "'\\''") if within_quotes else shlex.quote(value)

    return _PLACEHOLDER.sub(known, text)


def lookup(name: str, profile: Profile, facts: Mapping[str, str]) -> str:
    """Return the value of a placeholder as a command line or code writes it; empty when it is not known.

    Raises:
        KeyError: it is neither a fact nor a key path of the profile.
    """
    if name in facts or name in FACTS:
        return facts.get(name, "")
    value: Any = Locked(profile, "")
    for part in name.split("."):
        if isinstance(value, Expected) and value.value is None:
            return ""  # an optional table that this profile does without
        try:
            value = getattr(value, part)
        except AttributeError:
            raise KeyError(name) from None
    if not isinstance(value, Expected):
        raise KeyError(name)
    return _written(value)


def _written(expected: Expected) -> str:
    match expected.value:
        case None:
            return ""
        case list() | tuple():
            return ",".join(str(item) for item in expected.value)
        case value if expected.unit == "millicores":
            return f"{value / 1000:g}"
        case value if expected.unit in ("memory_bytes", "share"):
            return spell(value, expected.unit)
        case value:
            return str(value)


def exists(name: str, profile: Profile) -> bool:
    """Whether a placeholder is a fact or a key path of this profile."""
    try:
        lookup(name, profile, {})
    except KeyError:
        return False
    return True
