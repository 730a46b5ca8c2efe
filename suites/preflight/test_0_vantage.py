"""Before the plan: what this machine can verify at all. What it lacks blocks or warns, and never fails staging."""

import pytest

from fixtures.evidence.base import Attempt, Why
from fixtures.evidence.identity import Identity
from fixtures.evidence.preflight import Apis, Permissions, Project, Tools, Ways
from fixtures.evidence.reach import Controls
from fixtures.expect import Expect, Locked

pytestmark = pytest.mark.preflight


def _holds_unless(lack: Why | None, subject: str, good: str, expect: Expect) -> None:
    if lack is not None:
        expect.block(lack)
    else:
        expect.value(good, subject).equals(good)


@pytest.mark.criterion("PRE-IDENTITY", section="-", severity="critical")
def test_credentials_are_present(identity: Attempt[Identity], expect: Expect) -> None:
    """This machine has Google credentials, and Google accepts them."""
    if expect(identity, "kind", "Google credentials").is_set():
        expect.note(f"those of {identity.value.principal or 'an account that Google does not name'}")


@pytest.mark.criterion("PRE-TOKEN", section="-", severity="major")
def test_token_outlives_the_run(identity: Attempt[Identity], lock: Locked, expect: Expect) -> None:
    """The access token can be renewed, or lasts for the longest run."""
    token, now = identity.value, identity.ended_at
    _holds_unless(token.lack(now), "the access token", "valid", expect)
    if not token.renewable and token.expires_at is not None:
        left = expect.value((token.expires_at - now).total_seconds(), "life of a token that cannot be renewed")
        left.at_least(lock.limits.soak, symptom="too-short", warning=True)


@pytest.mark.criterion("PRE-PROFILE", section="-", severity="critical")
def test_project_is_seen(project: Attempt[Project], expect: Expect) -> None:
    """The declared project exists, and this identity sees it."""
    seen = project.value
    _holds_unless(seen.lack, f"the project {seen.id}", "active", expect)


@pytest.mark.criterion("PRE-PERMISSIONS", section="-", severity="major")
def test_permissions_are_granted(permissions: Attempt[Permissions], expect: Expect) -> None:
    """The identity has each permission that the criteria need."""
    grants = permissions.value.grants
    asked = {grant.permission for grant in grants}
    held = asked - {grant.permission for grant in grants if grant.granted is not True}
    expect.note(f"{len(held)} of {len(asked)} permissions are granted")
    for grant in grants:
        if grant.granted is None:
            expect.note(f"Google does not say of a project whether {grant.permission} is granted")
        elif grant.vital:
            _holds_unless(grant.lack, f"{grant.permission} on {grant.where}", "granted", expect)
        else:
            given = expect.value("granted" if grant.granted else "missing", f"{grant.permission} ({grant.role})")
            given.equals("granted", symptom="not-granted", warning=True)
    if permissions.value.unknown is not None:
        expect.block(permissions.value.unknown)


@pytest.mark.criterion("PRE-APIS", section="-", severity="major")
def test_apis_are_switched_on(apis: Attempt[Apis], expect: Expect) -> None:
    """Each of Google's APIs that is asked is switched on in the project."""
    seen = apis.value.apis
    expect.note(f"{sum(api.enabled for api in seen)} of {len(seen)} APIs are switched on")
    for api in seen:
        _holds_unless(api.lack, api.service, "switched on", expect)


@pytest.mark.criterion("PRE-REACH", section="-", severity="major")
def test_hosts_can_be_reached(controls: Attempt[Controls], private_ways: Attempt[Ways], expect: Expect) -> None:
    """The declared hosts, Google's APIs and the private addresses answer from here."""
    _holds_unless(controls.value.lack, "the network", "something answers", expect)
    doors = [(f"{one.host}:{one.port}", one) for one in controls.value.controls]
    doors += [(f"{what} at {one.host}:{one.port}", one) for what, one in private_ways.value.ways.items()]
    expect.note(f"{sum(door.answered for _, door in doors)} of {len(doors)} hosts and ports answer")
    for what in private_ways.value.unknown:
        expect.note(f"the address of the {what} is not known")
    for label, door in doors:
        heard = expect.value("answers" if door.answered else door.detail, label)
        heard.equals("answers", symptom="unreachable", warning=True)


@pytest.mark.criterion("PRE-TOOLS", section="-", severity="advisory")
def test_tools_are_installed(tools: Attempt[Tools], expect: Expect) -> None:
    """What a run may use on this machine is there."""
    for tool in tools.value.tools:
        expect.note(f"{tool.name}: {tool.version or 'none'} ({tool.purpose})")
        if tool.vital:
            there = expect.value("there" if tool.version else "not there", tool.name)
            there.equals("there", symptom="tool-missing")
