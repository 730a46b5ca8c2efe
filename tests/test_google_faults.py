"""The faults of what Google shows, each against every answer of the control plane."""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.auth import jwt
from google.auth.crypt import RSASigner

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.google.dispatch import Dispatch, Request
from fixtures.replica.google.errors import NeverAnswers, Refusal
from fixtures.replica.google.tokens import GRANT, Tokens
from fixtures.replica.world import World
from tests.google_methods import METHODS, PROJECT, method_of, path_of

OURS = ("vpc_connector", "cloud_sql", "environment", "secret_manager", "google_access")


@cache
def signer(private_key: str) -> RSASigner:
    """Return a signer; a process has one key, and reading it takes a while."""
    return RSASigner.from_string(private_key)


def shown(world: World, directory: Path) -> dict[str, Any]:
    """Return what each method answers, after a login, at a moment that is always the same."""
    tokens = Tokens(world, "http://127.0.0.1:1")
    info = json.loads(tokens.write(directory / "key.json").read_text())
    dispatch = Dispatch(world, tokens)

    def said(verb: str, path: str, authorization: str | None, body: bytes = b"", value: Any = None) -> Any:
        try:
            return dispatch.answer(Request(verb, path, authorization, body, value))
        except Refusal as refusal:
            return refusal.status, refusal.body
        except NeverAnswers:
            return "silence"

    now = int(time.time())
    claims = {"iss": info["client_email"], "aud": info["token_uri"], "iat": now, "exp": now + 600}
    form = f"grant_type={GRANT}&assertion={jwt.encode(signer(info['private_key']), claims).decode()}".encode()
    login = said("POST", "/token", None, form)
    if not isinstance(login, dict):
        return {"oauth2.token": login}
    bearer = f"Bearer {login['access_token']}"
    series = "?filter=metric.type=%22vpcaccess.googleapis.com/connector/{}%22&interval.endTime=2026-01-02T03:04:05Z"
    answers = {
        f"series {name}": said("GET", f"/v3/projects/{PROJECT}/timeSeries{series.format(name)}", bearer)
        for name in ("instances", "cpu/utilizations", "sent_bytes_count")
    }
    for name, id in METHODS:
        method = method_of(name, id)
        if "timeSeries" not in id and "logging" not in id:
            answers[f"{name} {id}"] = said(method.verb, path_of(method), bearer)
    return answers


@pytest.mark.parametrize("id", [id for id, fault in FAULTS.items() if fault.apply.__module__.endswith(OURS)])
def test_faults_show(id: str, tmp_path: Path) -> None:
    """Each fault of what Google shows changes what Google shows, and every answer still fits Google's schemas."""
    world = build_world(load("replica"))
    healthy = shown(world, tmp_path)
    FAULTS[id].apply(world)
    broken = shown(world, tmp_path)
    assert healthy != broken
    assert not [answer for answer in broken.values() if isinstance(answer, tuple) and answer[0] == 500]
