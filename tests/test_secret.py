"""Secrets: nothing that is printed holds one."""

import json
import pickle

import pytest

from fixtures.secret import Secret, redact, redact_json

CANARY = "c4n4ry-Tr0ub4dor&3"


def test_a_secret_prints_as_a_fingerprint() -> None:
    """No way of printing a secret shows its value."""
    secret = Secret("database password", CANARY)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>80}", "%s %r" % (secret, secret), str([secret])):  # noqa: UP031
        assert CANARY not in text
    assert secret.reveal() == CANARY


def test_a_secret_does_not_leave_its_process() -> None:
    """A secret cannot be pickled."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret("key", CANARY))


def test_a_known_value_is_redacted_wherever_it_stands() -> None:
    """Once wrapped, a value is taken out of any text."""
    Secret("database password", CANARY)
    assert redact(f'FATAL: no "{CANARY}" here') == 'FATAL: no "[redacted database password]" here'


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefghijklmnop",
        "postgresql+asyncpg://netra_user:hunter2hunter2@10.1.0.3:5432/netra",
        "redis://:hunter2hunter2@10.107.0.3:6379/0",
        "token ya29.a0AfH6SMBhunter2hunter2",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJlaHVudGVyMg",
        "password=hunter2hunter2 user=x",
        '{"client_secret": "hunter2hunter2"}',
        "-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str) -> None:
    """Credentials are recognised by their shape, even when nobody wrapped them."""
    clean = redact(text)
    assert "hunter2" not in clean
    assert "redacted" in clean


@pytest.mark.parametrize(
    "text",
    [
        "gcloud secrets versions list database-url --project=netra-staging",
        "https://backend.staging.netrasystems.ai/health",
        "secretmanager.versions.get",
        "the secret database-url is DISABLED",
        "FATAL: password authentication failed for user netra_user",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Names of secrets, addresses and error messages are left alone."""
    assert redact(text) == text


def test_json_stays_json() -> None:
    """Redacting a JSON value leaves valid JSON, keys and quotes included."""
    Secret("odd", 'quo"te\\d-canary')
    text = redact_json({"a": ['quo"te\\d-canary'], "b": {"c": 'x quo"te\\d-canary y'}})
    assert json.loads(text) == {"a": ["[redacted odd]"], "b": {"c": "x [redacted odd] y"}}
