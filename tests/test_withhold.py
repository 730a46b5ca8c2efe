"""Which clear-text variables are withheld."""

import pytest

from fixtures.probes.withhold import looks_like

# Put together here, so that no scanner takes this file for a leak.
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".c2lnbmF0dXJl"
OPENAI = "sk-" + "proj-abcdefghijklmnop"
GEMINI = "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"
PEM = "-----BEGIN " + "PRIVATE KEY-----\nMIIE"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_PASSWORD", "hunter2"),
        ("POSTGRES_PASSWORD", "123456"),
        ("SECRET_KEY", "staging"),
        ("JWT_SECRET_STAGING", "x"),
        ("OPENAI_API_KEY", "abc"),
        ("OPENAI_APIKEY", "abc"),
        ("AUTHTOKEN", "abc"),
        ("DATABASE_URL", "postgresql://u:p@h/d"),
        ("REDIS_URL", "redis://:pw@10.0.0.1:6379/0"),
        ("SOMETHING", JWT),
        ("SOMETHING", OPENAI),
        ("SOMETHING", GEMINI),
        ("SOMETHING", PEM),
        ("SOMETHING", '{"type": "service_account", "private_key": "x"}'),
        ("SOMETHING", "9f86d081884c7d659a2feaa0c55ad015"),
        ("SOMETHING", "Zk3vQ9pL2mXw8Rt6Yb1NcJ4h"),
        ("TOKEN_URL", "https://user:password@host/"),
    ],
)
def test_withheld(name: str, value: str) -> None:
    """What is a secret by its name or by its shape is withheld."""
    assert looks_like(name, value) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("AUTH_SERVICE_URL", "https://auth.staging.netrasystems.ai"),
        ("DATABASE_URL", "postgresql+asyncpg://user@host/name"),
        ("JWT_ALGORITHM", "HS256"),
        ("JWT_ACCESS_EXPIRY_MINUTES", "15"),
        ("TOKEN_TTL", "900"),
        ("SECRET_NAME", "jwt-secret-key"),
        ("KEY_PATH", "/etc/keys/public.pem"),
        ("JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----"),
        ("SERVICE_ID", "netra-backend"),
        ("GIT_COMMIT", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
        ("IMAGE_DIGEST", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("GOOGLE_CLIENT_ID", "701982941522-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com"),
        ("REVISION_UID", "1f2e3d4c-5b6a-7988-9786-5b4c3d2e1f00"),
        ("INSTANCE", "/cloudsql/netra-staging:us-central1:staging-shared-postgres"),
        ("POSTGRES_PASSWORD", ""),
        ("WEBSOCKET_CONNECTION_TIMEOUT", "240"),
        ("MONKEY_PATCH", "1"),
    ],
)
def test_kept(name: str, value: str) -> None:
    """What only sounds like a secret is kept, so that the report stays readable."""
    assert looks_like(name, value) is None
