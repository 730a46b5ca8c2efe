"""Connection URLs, in every spelling that the backend's own libraries accept."""

import pytest

from fixtures.probes.urls import MalformedUrl, parse, postgres_url, redis_url
from fixtures.secret import redact


@pytest.mark.parametrize(
    ("password", "written"),
    [
        ("plain", "plain"),
        ("p@ss", "p%40ss"),
        ("a:b", "a:b"),
        ("a#b/c?d", "a#b/c?d"),
        ("sp ace%", "sp ace%25"),
        ("ümlaut", "%C3%BCmlaut"),
        ("+plus+", "+plus+"),
    ],
)
def test_passwords(password: str, written: str) -> None:
    """A password is read as SQLAlchemy reads it, escaped or not, and `normal()` escapes all of it."""
    url = parse(f"postgresql+asyncpg://user:{written}@db.example:5433/name")
    assert url.password is not None
    assert url.password.reveal() == password
    assert (url.user, url.host, url.port, url.path) == ("user", "db.example", 5433, "name")
    again = parse(url.normal())
    assert again.password is not None
    assert again.password.reveal() == password


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql://u:p@h/d", "h", None),
        ("postgresql://u:p@[2001:db8::1]:5432/d", "2001:db8::1", 5432),
        ("postgresql://u:p@/d?host=/cloudsql/p:r:i", "/cloudsql/p:r:i", None),
        ("postgresql://u:p@/d?host=%2Fcloudsql%2Fp%3Ar%3Ai&port=5432", "/cloudsql/p:r:i", 5432),
        ("postgresql:///d?host=h:6543", "h", 6543),
        ("postgresql://u@h", "h", None),
        ("  postgresql://u:p@h:1/d\r\n", "h", 1),
    ],
)
def test_hosts(text: str, host: str, port: int | None) -> None:
    """Host and port are found in the address and in the query, and kept by `normal()`."""
    url = parse(text)
    assert (url.host, url.port) == (host, port)
    again = parse(url.normal())
    assert (again.host, again.port) == (host, port)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ("localhost:5432/db", "it has no scheme"),
        ("'postgresql://u:hidden-word@h/d'", "it begins with a quotation mark"),
        ("postgresql://u:hidden-word\n@h/d", "it has a tab or a line break inside"),
        ("postgresql://u:hidden-word@h:port/d", "its port is not a number"),
        ("postgresql://u:hidden-word@h:99999/d", "its port is not a number"),
        ("postgresql://u:hidden-word@more@h/d", "is an @ in the password not written %40?"),
    ],
)
def test_malformed(text: str, complaint: str) -> None:
    """What is wrong is said in words, without repeating any of the text."""
    with pytest.raises(MalformedUrl) as caught:
        parse(text)
    assert complaint in str(caught.value)
    assert "hidden-word" not in str(caught.value)


def test_password_is_registered_in_both_spellings() -> None:
    """Once read, a password is blanked out of all output, escaped and not."""
    parse("postgresql://user:s%40crificial@h/d")
    assert redact("s@crificial and s%40crificial") == "[redacted password] and [redacted password, escaped]"


def test_password_that_is_a_name_is_not_registered() -> None:
    """A password equal to the user's name does not blank that name out of the report."""
    parse("postgresql://postgres-app:postgres-app@h/d")
    assert redact("the user postgres-app") == "the user postgres-app"


def test_parts() -> None:
    """Parts make the URL that reads back as the same parts."""
    url = parse(postgres_url(user="a b", password="p@/", host="10.0.0.3", port="5432", database="n"))
    assert (url.user, url.host, url.port, url.path) == ("a b", "10.0.0.3", 5432, "n")
    socket = parse(postgres_url(user="u", password="p", host="/cloudsql/p:r:i", port="5432", database="n"))
    assert (socket.host, socket.port) == ("/cloudsql/p:r:i", None)
    assert redis_url(host="h", port="6379", password="") == "redis://h:6379/0"
