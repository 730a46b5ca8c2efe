"""What is asked of a tracker, and how the environment says where it is."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from fixtures.secret import Secret
from plugins.reporting.markup.blocks import Block

_HERE = ("127.0.0.1", "::1", "localhost")


class Unusable(Exception):
    """What was asked for cannot be done with this environment. `str()` says what is missing."""


class Tracker(Protocol):
    """One ticket.

    Attributes:
        where: the address that a comment is sent to.
    """

    where: str

    def find(self, run: str) -> str | None:
        """Return where the run's comment is, or None."""

    def comment(self, blocks: list[Block], ending: list[Block]) -> str:
        """Send the comment, and return where it is."""


@runtime_checkable
class Holder(Protocol):
    """A ticket that can hold files.

    Attributes:
        files: the address that a file is sent to.
    """

    files: str

    def find_file(self, name: str) -> str | None:
        """Return where the attached file of this name is, or None."""

    def attach(self, name: str, path: Path) -> str:
        """Attach a file, and return where it is."""


def token(environment: Mapping[str, str], name: str) -> Secret:
    """Return a token.

    Raises:
        Unusable: it is not set, or cannot be one.
    """
    text = needed(environment, name)
    if not re.fullmatch(r"[!-~]+", text):
        raise Unusable(f"{name} holds what no token does: spaces, or letters beyond ASCII")
    return Secret(name, text)


def needed(environment: Mapping[str, str], name: str) -> str:
    """Return a variable.

    Raises:
        Unusable: it is not set.
    """
    text = environment.get(name, "").strip()
    if not text:
        raise Unusable(f"{name} is not set")
    return text


def address(environment: Mapping[str, str], name: str, otherwise: str = "") -> str:
    """Return the address of a tracker, without a slash at its end.

    Raises:
        Unusable: it is not set, or a token sent there could be read on the way.
    """
    url = environment.get(name, "").strip() or otherwise
    if not url:
        raise Unusable(f"{name} is not set")
    parts = urlsplit(url)
    if not re.fullmatch(r"[!-~]+", url) or not parts.hostname or parts.username or parts.password:
        raise Unusable(f"{name} is no address of a tracker, such as https://example.org")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise Unusable(f"{name} must begin with https://, for a token is sent there")
    return url.rstrip("/")
