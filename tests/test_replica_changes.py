"""What is changed through the replica's control plane changes what it shows, and how its faces behave."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from google.oauth2.service_account import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from fixtures.replica.box import Box
from fixtures.replica.world import Denial

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

HERE = "projects/netra-staging/locations/us-central1"
INSTANCE = {"project": "netra-staging", "instance": "netra-staging-db"}
SERVICE = "namespaces/netra-staging/services/netra-backend-staging"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Box]:
    """A control plane and a database."""
    box = Box(["google", "postgres"])
    try:
        await box.start()
        yield box
    finally:
        await box.stop()


def api(box: Box, name: str, version: str) -> Any:
    """Return Google's own client of an API."""
    google = box.overlay()["google"]
    credentials = Credentials.from_service_account_file(
        google["credentials_file"], scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )
    options = {"api_endpoint": google["endpoints"]["run"]}
    return build(name, version, credentials=credentials, static_discovery=True, client_options=options)


async def change(box: Box, name: str, version: str, question: Any) -> Any:
    """Ask in a thread, since the replica's loop is this one."""

    def ask() -> Any:
        with api(box, name, version) as client:
            return question(client).execute()

    return await asyncio.to_thread(ask)


async def session(box: Box) -> asyncpg.Connection:
    """Open a session the way that everybody does."""
    world = box.world
    return await asyncpg.connect(
        host="127.0.0.1",
        port=world.ports.postgres,
        user=world.database.user,
        password=world.database.password,
        database=world.database.name,
        ssl="require",
    )


async def test_a_stopped_instance_refuses_and_a_started_one_lets_in(box: Box) -> None:
    """The activation policy decides whether a session comes about, and an operation is done a moment later."""
    for policy in ("NEVER", "ALWAYS"):
        body = {"settings": {"activationPolicy": policy}}
        told = await change(
            box, "sqladmin", "v1beta4", lambda sql, body=body: sql.instances().patch(**INSTANCE, body=body)
        )
        assert told["status"] == "RUNNING"
        if policy == "NEVER":
            with pytest.raises(OSError, match="Connect call failed"):
                await session(box)
    await (await session(box)).close()
    while told["status"] != "DONE":
        await asyncio.sleep(0.05)
        named = {"project": "netra-staging", "operation": told["name"]}
        told = await change(box, "sqladmin", "v1beta4", lambda sql, one=named: sql.operations().get(**one))


async def test_another_limit_starts_the_server_anew(box: Box) -> None:
    """A flag that the server takes at its start ends every session, and is in force in the next one."""
    before = await session(box)
    body = {"settings": {"databaseFlags": [{"name": "max_connections", "value": "150"}]}}
    await change(box, "sqladmin", "v1beta4", lambda sql: sql.instances().patch(**INSTANCE, body=body))
    after = await session(box)
    assert await after.fetchval("SHOW max_connections") == "150"
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await before.fetchval("SELECT 1")
    await after.close()


async def test_a_password_is_the_servers(box: Box) -> None:
    """A password that was set is the one that lets in."""
    user = box.world.database.user
    body = {"password": "another-password"}
    await change(box, "sqladmin", "v1beta4", lambda sql: sql.users().update(**INSTANCE, name=user, body=body))
    assert box.world.database.password == "another-password"
    await (await session(box)).close()


async def test_a_revision_serves_only_if_what_it_names_can_be_had(box: Box) -> None:
    """A template makes a revision; one whose secret is disabled does not become ready, and gets no traffic."""
    backend, secret = box.world.services["backend"], box.world.secrets["jwt-secret-key"]

    async def update(memory: str, **more: Any) -> Any:
        service = await change(box, "run", "v1", lambda run: run.namespaces().services().get(name=SERVICE))
        service["spec"]["template"]["metadata"].pop("name")
        container = service["spec"]["template"]["spec"]["containers"][0]
        container["resources"]["limits"]["memory"] = memory
        return await change(
            box,
            "run",
            "v1",
            lambda run: run.namespaces().services().replaceService(name=SERVICE, body=service, **more),
        )

    serving = backend.serving
    await update("3Gi", dryRun="all")
    assert backend.serving is serving
    secret.versions[-1].state = "DISABLED"
    told = await update("5Gi")
    assert (backend.serving, backend.revisions[-1].ready) == (serving, False)
    assert {one["type"]: one["status"] for one in told["status"]["conditions"]}["Ready"] == "False"
    secret.versions[-1].state = "ENABLED"
    await update("6Gi")
    assert (backend.serving.memory, backend.serving.ready) == ("6Gi", True)


async def test_a_connectors_limits_are_only_raised(box: Box) -> None:
    """Google does not lower a connector's largest number of instances, and neither does the replica."""
    name = f"{HERE}/connectors/staging-connector"
    with pytest.raises(HttpError, match="can only be raised"):
        await change(
            box,
            "vpcaccess",
            "v1",
            lambda vpc: vpc.projects().locations().connectors().patch(name=name, body={"maxInstances": 4}),
        )
    assert box.world.connector.max_instances == 10


async def test_a_role_that_is_granted_permits(box: Box) -> None:
    """What is denied to everybody is permitted to a member whose role holds it."""
    box.world.denials.append(Denial("permission", "vpcaccess."))
    name = f"{HERE}/connectors/staging-connector"

    async def look() -> Any:
        return await change(box, "vpcaccess", "v1", lambda vpc: vpc.projects().locations().connectors().get(name=name))

    with pytest.raises(HttpError, match=r"vpcaccess\.connectors\.get"):
        await look()
    binding = {"role": "roles/vpcaccess.viewer", "members": [f"serviceAccount:{box.world.account}"]}
    body = {"policy": {"bindings": [binding]}}
    await change(
        box, "cloudresourcemanager", "v1", lambda crm: crm.projects().setIamPolicy(resource="netra-staging", body=body)
    )
    assert (await look())["state"] == "READY"
    box.world.denials.clear()
