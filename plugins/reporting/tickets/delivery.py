"""Sends a thing to a tracker once, however often the way there fails."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

WAITS_S = (0.0, 2.0, 5.0, 15.0)
"""Before each try. A tracker that asks for more patience gets it, up to the longest."""
PATIENCE_S = 60.0
TIMEOUT_S = 20.0
_SAID_MAX = 300


class NotSent(Exception):
    """The tracker has not taken it, and trying again does not help. `str()` says why."""


class _Again(Exception):
    """It may have been taken or not: look, and try again after `wait_s`."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def once(find: Callable[[], str | None], send: Callable[[], str], sleep: Callable[[float], None]) -> str:
    """Send a thing unless it is there, and return where it is.

    What came of a try that got no answer is looked up before the next one: it is sent again only where it is not found.

    Args:
        find: where the thing is; None when it is nowhere.
        send: sends it and returns where it is.
        sleep: waits a number of seconds.

    Raises:
        NotSent: it was refused, or every try failed and it is not there, or that cannot be told.
    """
    why, wait_s = "", 0.0
    for least_s in WAITS_S:
        sleep(max(least_s, wait_s))
        try:
            return find() or send()
        except _Again as error:
            why, wait_s = str(error), error.wait_s
        if wait_s > PATIENCE_S:
            raise NotSent(f"{why}: to be tried again in {wait_s:.0f} s, which is not awaited")
    try:
        found = find()
    except _Again:
        raise NotSent(f"{why}; whether it has arrived cannot be told, so look before you send it by hand") from None
    if found is None:
        raise NotSent(f"{why}, {len(WAITS_S)} times")
    return found


def ask(client: "httpx.Client", method: str, url: str, shape: type[T], **given: Any) -> T:
    """Ask a tracker, and return its answer, of which `shape` says what is needed.

    Raises:
        _Again: there was no answer, or one that says to try again.
        NotSent: it refuses.
    """
    import httpx

    try:
        answer = client.request(method, url, **given)
    except httpx.RequestError as error:
        raise _Again(f"{client.base_url.host} did not answer ({type(error).__name__})") from None
    if answer.is_success:
        return _read(answer, shape)
    said = f"{client.base_url.host} answered {answer.status_code}{_reason(answer)}"
    if _limited(answer):
        raise _Again(said, _wait(answer.headers))
    if answer.is_server_error:
        raise _Again(said)
    # A redirect is not followed: the token is for this host.
    raise NotSent(said)


def _read(answer: "httpx.Response", shape: type[T]) -> T:
    try:
        return TypeAdapter(shape).validate_json(answer.content)
    except ValidationError:
        raise _Again(f"{answer.url.host} answered {answer.status_code}, but not as such a tracker does") from None


def _limited(answer: "httpx.Response") -> bool:
    spent = "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status_code == 429 or (answer.status_code == 403 and spent)


def _wait(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    # A limit without a number, or with a date, is that of the hour: not awaited.
    return PATIENCE_S + 1 if text or "x-ratelimit-reset" in headers else 0.0


def _reason(answer: "httpx.Response") -> str:
    """Return what the tracker says of its refusal: GitHub in `message`, Jira in `errorMessages` and `errors`."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    said = [
        body.get("message"),
        *(body.get("errorMessages") or ()),
        *(errors.values() if isinstance(errors, dict) else ()),
    ]
    text = "; ".join(" ".join(str(one).split()) for one in said if one)
    return f": {text[:_SAID_MAX]}" if text else ""
