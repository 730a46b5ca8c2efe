"""The emulated Google control plane, asked by Google's own clients and checked against Google's own documents."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httplib2
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.cloud import run_v2
from google.oauth2.service_account import Credentials
from google_auth_httplib2 import Request as TokenRequest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from fixtures.profile import load
from fixtures.replica.build import build_world
from fixtures.replica.faults import FAULTS
from fixtures.replica.google import ControlPlane
from fixtures.replica.google.answers import ANSWERS, CHANGES
from fixtures.replica.google.crc32c import crc32c
from fixtures.replica.google.discovery import APIS, Method, api
from fixtures.replica.google.permissions import PERMISSIONS
from fixtures.replica.world import Denial, World
from tests.google_methods import METHODS, PROJECT, REGION, method_of, path_of

HERE = f"projects/{PROJECT}/locations/{REGION}"
CONNECTOR = f"/v1/{HERE}/connectors/staging-connector"
BACKEND = f"{HERE}/services/netra-backend-staging"
INSTANCE = f"/v1/projects/{PROJECT}/instances/netra-staging-db"
DATABASE_SECRET = f"/v1/projects/{PROJECT}/secrets/database-url/versions/latest"


@pytest.fixture
def world() -> World:
    """The healthy world, its database and Redis at made-up ports."""
    world = build_world(load("replica"))
    world.ports.postgres, world.ports.redis = 15432, 16379
    return world


@pytest.fixture
def plane(world: World, tmp_path: Path) -> Iterator[ControlPlane]:
    """A started control plane."""
    plane = ControlPlane(world, tmp_path)
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def credentials(plane: ControlPlane) -> Credentials:
    """Credentials of its key file, not logged in yet."""
    return Credentials.from_service_account_file(
        plane.credentials_file, scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )


@pytest.fixture
def client(plane: ControlPlane, credentials: Credentials) -> Iterator[httpx.Client]:
    """An HTTP client with a token of the replica's own."""
    with closing(httplib2.Http()) as http:
        credentials.refresh(TokenRequest(http))
    headers = {"Authorization": f"Bearer {credentials.token}"}
    with httpx.Client(base_url=plane.url, headers=headers, trust_env=False) as client:
        yield client


def ask(name: str, version: str, plane: ControlPlane, credentials: Credentials, question: Any) -> Any:
    """Ask one method through google-api-python-client."""
    options = {"api_endpoint": plane.url}
    with build(name, version, credentials=credentials, static_discovery=True, client_options=options) as service:
        return question(service).execute()


def call(client: httpx.Client, method: Method) -> httpx.Response:
    """Call a method with everything that it insists on."""
    bodies = {
        "logging.entries.list": {"resourceNames": [f"projects/{PROJECT}"]},
        "sql.connect.generateEphemeral": {"public_key": public_key()},
        "cloudresourcemanager.projects.testIamPermissions": {"permissions": sorted(set(PERMISSIONS.values()))},
    }
    queries = {"monitoring.projects.timeSeries.list": time_series("vpcaccess.googleapis.com/connector/instances")}
    return client.request(method.verb, path_of(method), json=bodies.get(method.id), params=queries.get(method.id))


@cache
def public_key() -> str:
    """Return the public half of a new RSA key, as a connector sends it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def time_series(metric: str, **more: str) -> dict[str, str]:
    """Return the query for a metric's last ten minutes."""
    now = datetime.now(UTC)
    return {
        "filter": f'metric.type="{metric}"',
        "interval.startTime": (now - timedelta(minutes=10)).isoformat(),
        "interval.endTime": now.isoformat(),
        **more,
    }


def points(client: httpx.Client, metric: str, **more: str) -> list[dict[str, Any]]:
    """Return the points of all the series of a metric in the last ten minutes."""
    answer = client.get(f"/v3/projects/{PROJECT}/timeSeries", params=time_series(metric, **more)).json()
    return [point for series in answer.get("timeSeries", []) for point in series["points"]]


@pytest.mark.parametrize(("name", "id"), METHODS)
def test_answers_fit_googles_schemas(name: str, id: str, client: httpx.Client) -> None:
    """Every method that has an answer gives one in the healthy world, and it fits Google's own schema."""
    response = call(client, method_of(name, id))
    assert response.status_code == 200, response.text


def test_answer_that_breaks_the_schema_is_named(client: httpx.Client, world: World) -> None:
    """A value that Google could not send is a 500 that names the field."""
    world.connector.state = "GREEN"
    response = client.get(CONNECTOR)
    assert response.status_code == 500
    assert "$.state: 'GREEN' is not one of" in response.json()["error"]["message"]


def test_connector_by_the_official_client(plane: ControlPlane, credentials: Credentials) -> None:
    """The official client reads the connector with the values of the lock, logging in with the key file by itself."""
    connector = ask(
        "vpcaccess",
        "v1",
        plane,
        credentials,
        lambda api: api.projects().locations().connectors().get(name=f"{HERE}/connectors/staging-connector"),
    )
    assert (connector["state"], connector["network"], connector["ipCidrRange"]) == (
        "READY",
        "staging-vpc",
        "10.1.0.0/28",
    )
    assert plane.seen == {"oauth2.token": 1, "vpcaccess.projects.locations.connectors.get": 1}


def test_service_by_the_generated_client(plane: ControlPlane, credentials: Credentials) -> None:
    """google-cloud-run reads the service over REST; it signs its own token and is believed."""
    with run_v2.ServicesClient(
        transport="rest", credentials=credentials, client_options={"api_endpoint": plane.url}
    ) as client:
        service = client.get_service(name=BACKEND, retry=None, timeout=10)
    assert service.template.vpc_access.egress.name == "ALL_TRAFFIC"
    assert service.template.containers[0].resources.limits["memory"] == "4Gi"
    assert service.traffic_statuses[0].percent == 100


def test_both_generations_show_one_revision(client: httpx.Client, world: World) -> None:
    """Run v1's annotations and run v2's fields come from the same revision, short connector name or full."""
    for key in ("backend", "auth"):
        name = world.services[key].serving.name
        older = client.get(f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/revisions/{name}").json()
        newer = client.get(f"/v2/{HERE}/services/{world.services[key].name}/revisions/{name}").json()
        annotations = older["metadata"]["annotations"]
        assert newer["vpcAccess"]["connector"] == f"{HERE}/connectors/staging-connector"
        assert annotations["run.googleapis.com/vpc-access-connector"].endswith("staging-connector")
        assert annotations["run.googleapis.com/vpc-access-egress"] == "all-traffic"
        assert older["spec"]["containers"][0]["resources"]["limits"] == newer["containers"][0]["resources"]["limits"]


def test_revisions_are_listed_by_service(client: httpx.Client) -> None:
    """Run v1 lists the revisions of the service that the label selector names, newest first."""
    selector = {"labelSelector": "serving.knative.dev/service=netra-auth-service"}
    answer = client.get(f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/revisions", params=selector).json()
    names = [item["metadata"]["name"] for item in answer["items"]]
    assert names == ["netra-auth-service-00019-qiz", "netra-auth-service-00018-tam"]


def test_template_may_differ_from_what_serves(client: httpx.Client, world: World) -> None:
    """The template is the newest revision's, the traffic may still go to an older one."""
    FAULTS["connector-only-on-template"].apply(world)
    service = client.get(f"/v2/{BACKEND}").json()
    serving = service["trafficStatuses"][0]["revision"]
    revision = client.get(f"/v2/{BACKEND}/revisions/{serving}").json()
    assert "vpcAccess" in service["template"]
    assert "vpcAccess" not in revision


def test_payload_names_the_port_of_now(client: httpx.Client, world: World) -> None:
    """The database URL leads to the port at which the database listens when it is read, and its checksum fits."""
    world.ports.postgres = 25432
    payload = client.get(f"{DATABASE_SECRET}:access").json()["payload"]
    url = base64.b64decode(payload["data"])
    assert url.startswith(b"postgresql+asyncpg://netra_user:")
    assert url.endswith(b"@127.0.0.1:25432/netra_staging")
    assert int(payload["dataCrc32c"]) == crc32c(url)


def test_crc32c_of_the_known_text() -> None:
    """The checksum of RFC 3720's test vectors and of the usual check text is right."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_disabled_version_is_not_handed_out(state: Any, client: httpx.Client, world: World) -> None:
    """The newest version is `latest` even when it is disabled, shows its state, and keeps its payload."""
    world.secrets["database-url"].versions[-1].state = state
    assert client.get(DATABASE_SECRET).json()["state"] == state
    refused = client.get(f"{DATABASE_SECRET}:access")
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert f"is in {state} state" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/v1/{HERE}/connectors/other", f"Resource '{HERE}/connectors/other' was not found"),
        (
            f"/v2/{HERE}/services/other",
            f"Resource 'other' of kind 'SERVICE' in region '{REGION}' in project '{PROJECT}' does not exist.",
        ),
        (f"/v1/projects/{PROJECT}/instances/other", "The Cloud SQL instance does not exist."),
        (f"/v1/projects/{PROJECT}/secrets/other/versions/latest", "/secrets/other] not found"),
        (f"/v1/projects/{PROJECT}/secrets/database-url/versions/9", "/versions/9] not found."),
        (f"/v1/{HERE.replace(REGION, 'europe-west1')}/connectors/staging-connector", "was not found"),
        ("/v1/projects/netra-staging/kittens", "Google has no method GET"),
    ],
)
def test_what_does_not_exist(path: str, words: str, client: httpx.Client) -> None:
    """What does not exist is a 404 in Google's words."""
    response = client.get(path)
    assert response.status_code == 404
    assert words in response.json()["error"]["message"]


def test_unknown_project_is_no_access(client: httpx.Client) -> None:
    """Google does not tell a project that does not exist from one that is closed to us: 403."""
    response = client.get("/v1/projects/another/secrets")
    assert response.status_code == 403
    assert response.json()["error"]["details"][0]["reason"] == "CONSUMER_INVALID"


def test_one_google_shows_two_projects(client: httpx.Client, world: World) -> None:
    """The counterpart's project is answered for from the counterpart's world, by its id and by its number."""
    other = world.counterpart
    assert other is not None
    assert other.project_number != world.project_number
    for name in (other.project, other.project_number):
        assert client.get(f"/v3/projects/{name}").json()["projectId"] == other.project
    assert client.get(f"/v3/projects/{PROJECT}").json()["projectId"] == PROJECT
    role = {"role": "roles/run.viewer", "members": [f"serviceAccount:{world.account}"]}
    client.post(f"/v1/projects/{other.project}:setIamPolicy", json={"policy": {"bindings": [role]}})
    assert (len(other.granted), len(world.granted)) == (1, 0)
    assert client.post("/v1/projects/another:getIamPolicy", json={}).status_code == 403


def test_a_role_is_the_members_alone(client: httpx.Client, world: World) -> None:
    """What somebody else was granted permits nothing to whoever looks."""
    world.denials.append(Denial("permission", "vpcaccess."))
    for member, status in (("user:oncall@example.com", 403), (f"serviceAccount:{world.account}", 200)):
        world.granted.add(("project", member, "roles/vpcaccess.viewer"))
        assert client.get(CONNECTOR).status_code == status


def test_of_a_secret_that_is_not_there_nothing_is_permitted(client: httpx.Client) -> None:
    """secrets.testIamPermissions says nothing of a secret that does not exist, which Google does not call an error."""
    asked = {"permissions": ["secretmanager.versions.access"]}
    there, not_there = (f"/v1/projects/{PROJECT}/secrets/{id}:testIamPermissions" for id in ("database-url", "nope"))
    assert client.post(there, json=asked).json() == asked
    assert client.post(not_there, json=asked).json() == {}


def test_requests_are_checked(client: httpx.Client) -> None:
    """A query parameter or a body field that Google does not know is a 400, a method without an answer a 501."""
    assert client.get(CONNECTOR, params={"colour": "red"}).status_code == 400
    assert client.get(CONNECTOR, params={"$alt": "json;enum-encoding=int"}).status_code == 200
    assert client.get(f"{INSTANCE}/backupRuns", params={"maxResults": "many"}).status_code == 400
    assert len(client.get(f"{INSTANCE}/backupRuns", params={"maxResults": "2"}).json()["items"]) == 2
    assert client.post("/v2/entries:list", json={"resourceName": "singular"}).status_code == 400
    assert client.post("/v2/entries:list", content="{", headers={"Content-Type": "application/json"}).status_code == 400
    unanswered = client.delete(INSTANCE)
    assert unanswered.status_code == 501
    assert "sql.instances.delete is a real method" in unanswered.json()["error"]["message"]


def test_key_file_opens_the_door(plane: ControlPlane, credentials: Credentials, client: httpx.Client) -> None:
    """Google's token information names the account of the key file, and when its token ends."""
    said = client.get("/oauth2/v3/tokeninfo", params={"access_token": credentials.token}).json()
    assert said["email"] == credentials.service_account_email
    assert abs(int(said["exp"]) - datetime.now(UTC).timestamp() - 3600) < 60
    assert plane.credentials_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({}, "CREDENTIALS_MISSING"), ({"Authorization": "Bearer made-up"}, "ACCESS_TOKEN_TYPE_UNSUPPORTED")],
)
def test_stranger_is_turned_away(headers: dict[str, str], reason: str, plane: ControlPlane) -> None:
    """No token, or one that the replica did not issue, is a 401 in Google's format."""
    error = httpx.get(f"{plane.url}{CONNECTOR}", headers=headers, trust_env=False).json()["error"]
    assert (error["code"], error["status"], error["details"][0]["reason"]) == (401, "UNAUTHENTICATED", reason)


def test_token_expires(plane: ControlPlane, credentials: Credentials, world: World) -> None:
    """A token that has outlived the world's token lifetime is a 401, which google-auth tries to mend in vain."""
    world.token_lifetime_s = 0.0
    with pytest.raises(HttpError) as caught:
        ask("sqladmin", "v1", plane, credentials, lambda api: api.instances().list(project=PROJECT))
    error = json.loads(caught.value.content)["error"]
    assert (error["code"], error["details"][0]["reason"]) == (401, "ACCESS_TOKEN_EXPIRED")
    assert plane.seen["oauth2.token"] > 1


def test_foreign_key_gets_no_token(plane: ControlPlane) -> None:
    """An assertion signed with another key than the account's is refused."""
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ours = json.loads(plane.credentials_file.read_text())
    forged = Credentials.from_service_account_info({**ours, "private_key": pem.decode()}, scopes=["x"])
    with closing(httplib2.Http()) as http, pytest.raises(RefreshError, match="invalid_grant"):
        forged.refresh(TokenRequest(http))


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("permission", 403, "IAM_PERMISSION_DENIED"),
        ("api-disabled", 403, "SERVICE_DISABLED"),
        ("quota", 429, "RATE_LIMIT_EXCEEDED"),
        ("unauthenticated", 401, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("unavailable", 503, None),
        ("not-found", 404, None),
    ],
)
def test_denials(kind: str, status: int, reason: str | None, client: httpx.Client, world: World) -> None:
    """Each kind of denial has Google's status and reason, and touches no other API."""
    world.denials.append(Denial(kind, "vpcaccess."))
    response = client.get(CONNECTOR)
    details = response.json()["error"].get("details", [])
    assert response.status_code == status
    assert [detail["reason"] for detail in details if "reason" in detail] == ([reason] if reason else [])
    assert client.get(f"/v2/{BACKEND}").status_code == 200


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        (CONNECTOR, "vpcaccess.connectors.get"),
        (f"/v2/{BACKEND}", "run.services.get"),
        (f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/services/netra-backend-staging", "run.services.get"),
        (INSTANCE, "cloudsql.instances.get"),
        (f"/sql/v1beta4/projects/{PROJECT}/instances/netra-staging-db/backupRuns", "cloudsql.backupRuns.list"),
        (f"{DATABASE_SECRET}:access", "secretmanager.versions.access"),
    ],
)
def test_missing_permission_is_named(path: str, permission: str, client: httpx.Client, world: World) -> None:
    """Where Google's words name the missing permission, so do ours."""
    world.denials.append(Denial("permission"))
    response = client.get(path)
    assert response.status_code == 403
    assert permission in response.json()["error"]["message"]


def test_cloud_sql_answers_in_the_older_shape(client: httpx.Client, world: World) -> None:
    """Cloud SQL says `errors` with a reason; only what Google's front end says has details too."""
    world.denials.append(Denial("permission", "sql."))
    denied = client.get(INSTANCE).json()["error"]
    assert (denied["errors"][0]["reason"], "details" in denied) == ("notAuthorized", False)
    world.denials[:] = [Denial("api-disabled", "sql.")]
    disabled = client.get(INSTANCE).json()["error"]
    assert (disabled["errors"][0]["reason"], disabled["details"][0]["reason"]) == (
        "accessNotConfigured",
        "SERVICE_DISABLED",
    )


def test_silence_lasts_until_the_end(plane: ControlPlane, client: httpx.Client, world: World) -> None:
    """A silent API accepts the request and lets go of it only when the replica stops."""
    world.denials.append(Denial("timeout", "vpcaccess."))
    with pytest.raises(httpx.ReadTimeout):
        client.get(CONNECTOR, timeout=0.1)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.get, CONNECTOR, timeout=None)
        while plane.seen["vpcaccess.projects.locations.connectors.get"] < 2:
            assert not asked.done()
        plane.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            asked.result()


def test_missing_permissions_can_be_asked_for(client: httpx.Client, world: World) -> None:
    """projects.testIamPermissions leaves out what a denial takes away, and itself needs no permission."""
    wanted = {"permissions": ["vpcaccess.connectors.get", "run.services.get"]}
    url = f"/v3/projects/{PROJECT}:testIamPermissions"
    world.denials.append(Denial("permission", "vpcaccess."))
    assert client.post(url, json=wanted).json() == {"permissions": ["run.services.get"]}
    world.denials.append(Denial("permission"))
    assert client.post(url, json=wanted).json() == {}


def test_disabled_api_shows_in_service_usage(client: httpx.Client, world: World) -> None:
    """Service Usage tells a disabled API from the others."""
    world.denials.append(Denial("api-disabled", "sql."))
    states = {
        service: client.get(f"/v1/projects/{PROJECT}/services/{service}.googleapis.com").json()["state"]
        for service in ("sqladmin", "run")
    }
    assert states == {"sqladmin": "DISABLED", "run": "ENABLED"}


def test_permission_table_is_about_real_methods() -> None:
    """Every method of the permission table, and every answer, is a method of Google's documents."""
    real = {method.id for name in APIS for method in api(name).methods}
    assert set(PERMISSIONS) <= real
    assert {id for table in (ANSWERS, CHANGES) for answers in table.values() for id in answers} <= real
    assert ANSWERS.keys() | CHANGES.keys() == APIS.keys()


def test_connector_load(client: httpx.Client, world: World) -> None:
    """Monitoring holds the connector's instances, CPU (a distribution) and bytes of each minute."""
    prefix = "vpcaccess.googleapis.com/connector"
    world.connector.running_instances, world.connector.cpu, world.connector.throughput_mbps = 7, 0.42, 30.0
    assert {point["value"]["int64Value"] for point in points(client, f"{prefix}/instances")} == {"7"}
    cpu = points(client, f"{prefix}/cpu/utilizations")[0]["value"]["distributionValue"]
    assert (cpu["mean"], len(cpu["bucketCounts"])) == (0.42, 44)
    both = [points(client, f"{prefix}/{way}_bytes_count")[0] for way in ("sent", "received")]
    assert sum(int(point["value"]["int64Value"]) for point in both) * 8 / 60 == 30e6
    rate = points(client, f"{prefix}/sent_bytes_count", **{"aggregation.perSeriesAligner": "ALIGN_RATE"})[0]
    assert rate["value"]["doubleValue"] * 8 == pytest.approx(18e6)


def test_points_become_visible_late(client: httpx.Client) -> None:
    """The newest point is two minutes old at least, points are newest first, and the interval bounds them."""
    moments = [
        datetime.fromisoformat(point["interval"]["endTime"])
        for point in points(client, "vpcaccess.googleapis.com/connector/instances")
    ]
    assert moments == sorted(moments, reverse=True)
    assert 7 <= len(moments) <= 8
    assert moments[0] <= datetime.now(UTC) - timedelta(minutes=2)


def test_unmeasured_connector_has_no_points(client: httpx.Client, world: World) -> None:
    """A connector that reports no load has no series, nor has an instance that does not run."""
    world.connector.reports_load = False
    world.instance.activation_policy = "NEVER"
    assert points(client, "vpcaccess.googleapis.com/connector/instances") == []
    assert points(client, "cloudsql.googleapis.com/database/postgresql/num_backends") == []


def test_backends_are_counted_by_database(client: httpx.Client, world: World) -> None:
    """Connections are counted by database, and can be summed by Google."""
    metric = "cloudsql.googleapis.com/database/postgresql/num_backends"
    world.database.held_connections = 31
    assert {point["value"]["int64Value"] for point in points(client, metric)} == {"40", "1"}
    summed = {"aggregation.perSeriesAligner": "ALIGN_MAX", "aggregation.crossSeriesReducer": "REDUCE_SUM"}
    assert {point["value"]["int64Value"] for point in points(client, metric, **summed)} == {"41"}


def test_filter_must_name_a_metric(client: httpx.Client) -> None:
    """A filter without a metric, an aligner that does not suit, and a label of nobody are told apart."""
    url = f"/v3/projects/{PROJECT}/timeSeries"
    good = time_series("vpcaccess.googleapis.com/connector/instances")
    assert client.get(url, params={**good, "filter": 'resource.type="x"'}).status_code == 400
    assert client.get(url, params={**good, "aggregation.perSeriesAligner": "ALIGN_RATE"}).status_code == 400
    assert client.get(url, params={**good, "aggregation.perSeriesAligner": "ALIGN_WELL"}).status_code == 400
    assert client.get(url, params={**good, "interval.endTime": "2026-01-02T03:04:05"}).status_code == 400
    for nobody in ('resource.labels.connector_name = "nobody"', 'resource.type = "gce_instance"'):
        assert client.get(url, params={**good, "filter": f"{good['filter']} AND {nobody}"}).json() == {}


def test_absolute_addresses_are_answered(plane: ControlPlane, client: httpx.Client) -> None:
    """The control plane answers as an HTTP proxy does, whatever the host's name."""
    with httpx.Client(proxy=plane.url, headers=client.headers, trust_env=False) as proxied:
        assert proxied.get(f"http://us-central1-run.replica.test/v2/{BACKEND}").status_code == 200


def test_many_at_once(plane: ControlPlane, client: httpx.Client) -> None:
    """Requests at the same time are all answered, and each is counted once."""
    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(lambda _: client.get(CONNECTOR).status_code, range(40)))
    assert statuses == {200}
    assert plane.seen["vpcaccess.projects.locations.connectors.get"] == 40


def test_overlay_fits_the_profile(plane: ControlPlane) -> None:
    """The overlay is a valid `google` table that names every API at the replica's address."""
    google = load("replica", plane.overlay()).google
    assert google.credentials_file == plane.credentials_file
    assert set(google.endpoints.values()) == {plane.url}


def test_worlds_share_no_secret() -> None:
    """Two worlds of one profile have nothing secret in common."""
    profile = load("replica")
    payloads = [
        {version.payload for secret in build_world(profile).secrets.values() for version in secret.versions}
        for _ in range(2)
    ]
    assert not payloads[0] & payloads[1]
