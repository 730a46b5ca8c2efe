"""Tokens read without their key, and forged ones, judged by a real JWT library."""

import jwt
import pytest

from fixtures.probes.jwt_claims import NotAToken, claims, signed_with_another_key, unsigned
from fixtures.secret import Secret, redact

KEY = "k" * 32
TOKEN = Secret("token", jwt.encode({"sub": "user-1", "exp": 4102444800}, KEY, algorithm="HS256"))


def test_claims_are_read() -> None:
    """What a token says is read from it."""
    assert claims(TOKEN) == {"sub": "user-1", "exp": 4102444800}


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.bnVsbA.c", "a.é.c"])
def test_what_is_no_token_is_refused_without_repeating_it(text: str) -> None:
    """Text that is no token is called so, by its name only."""
    with pytest.raises(NotAToken, match=r"^what it holds is no JSON Web Token$"):
        claims(Secret("it", text))


def test_a_forged_token_fails_only_for_its_signature() -> None:
    """A forged token has the claims of the real one, and a signature that does not hold."""
    forged = signed_with_another_key(TOKEN)
    assert claims(forged) == claims(TOKEN)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged.reveal(), KEY, algorithms=["HS256"])


def test_an_unsigned_token_says_so() -> None:
    """An unsigned token is one that says that it needs no signature."""
    token = unsigned(TOKEN)
    assert jwt.get_unverified_header(token.reveal())["alg"] == "none"
    assert claims(token) == claims(TOKEN)


def test_forged_tokens_are_redacted() -> None:
    """A forged token is a secret like the one it was made of: it carries the same claims."""
    assert unsigned(TOKEN).reveal() not in redact(f"sent {unsigned(TOKEN).reveal()} away")
