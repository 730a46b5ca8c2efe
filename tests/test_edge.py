"""The translation of foreign errors: each one is built, or provoked, for real."""

import json
import socket
import ssl
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import aiohttp
import google.api_core.exceptions
import google.auth.exceptions
import google.protobuf.json_format
import httplib2
import pytest
import requests
import urllib3.exceptions
from google.cloud import run_v2
from googleapiclient.errors import HttpError

from fixtures.evidence.base import Blocked, Reason
from fixtures.probes.edge import edge, retryable, translate
from fixtures.probes.google_answer import Asked, NotFound, NotInState, permission_in

ASKED = Asked("vpcaccess", "connectors.get", "vpcaccess.connectors.get", host="vpcaccess.googleapis.com")
auth: Any = google.auth.exceptions
INFO = "type.googleapis.com/google.rpc.ErrorInfo"
OLD_SQL = {"error": {"code": 403, "message": "Not authorized.", "errors": [{"reason": "notAuthorized"}]}}


def body(status: int, message: str = "", code: str = "", reason: str = "", **metadata: str) -> dict[str, Any]:
    """An error body as Google's present APIs write it."""
    details = [{"@type": INFO, "reason": reason, "domain": "googleapis.com", "metadata": metadata}] if reason else []
    return {"error": {"code": status, "message": message, "status": code, "details": details}}


def http_error(status: int, content: Any) -> HttpError:
    """The error of google-api-python-client."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return HttpError(httplib2.Response({"status": str(status), "content-type": "application/json"}), raw)


def api_error(status: int, content: Any) -> Exception:
    """The error of google-cloud-run over REST."""
    answer = requests.Response()
    answer.status_code = status
    answer._content = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer.request = requests.Request("GET", "https://run.googleapis.com/v2/x").prepare()
    return google.api_core.exceptions.from_http_response(answer)


DENIED = body(403, "Permission 'vpcaccess.connectors.get' denied on 'x' (or it may not exist).", "PERMISSION_DENIED")
DISABLED = body(403, "It is disabled.", "PERMISSION_DENIED", "SERVICE_DISABLED", service="vpcaccess.googleapis.com")

ANSWERS = [
    (401, body(401, "Invalid.", "UNAUTHENTICATED"), Reason.CREDENTIALS_REFUSED),
    (401, body(401, "Old.", "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"), Reason.CREDENTIALS_EXPIRED),
    (403, DENIED, Reason.PERMISSION_DENIED),
    (403, OLD_SQL, Reason.PERMISSION_DENIED),
    (
        403,
        body(403, "Project not found or deleted.", "PERMISSION_DENIED", "CONSUMER_INVALID"),
        Reason.PERMISSION_DENIED,
    ),
    (403, body(403, "Prohibited.", "PERMISSION_DENIED", "SECURITY_POLICY_VIOLATED"), Reason.PERMISSION_DENIED),
    (403, body(403, "Scopes.", "", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), Reason.CREDENTIALS_REFUSED),
    (403, DISABLED, Reason.API_DISABLED),
    (403, {"error": {"code": 403, "errors": [{"reason": "accessNotConfigured"}]}}, Reason.API_DISABLED),
    (403, {"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}]}}, Reason.QUOTA),
    (403, b"<html>blocked by your network</html>", Reason.API_UNAVAILABLE),
    (407, b"", Reason.NO_ROUTE),
    (429, body(429, "Quota exceeded.", "RESOURCE_EXHAUSTED"), Reason.QUOTA),
    (400, body(400, "Invalid resource name.", "INVALID_ARGUMENT"), Reason.NOT_CONFIGURED),
    (404, b"<html>no such page</html>", Reason.API_UNAVAILABLE),
    (500, body(500, "Internal."), Reason.API_UNAVAILABLE),
    (502, b"<html>Bad Gateway</html>", Reason.API_UNAVAILABLE),
    (503, b"", Reason.API_UNAVAILABLE),
    (504, body(504, "Deadline.", "DEADLINE_EXCEEDED"), Reason.API_UNAVAILABLE),
]


@pytest.mark.parametrize("build", [http_error, api_error])
@pytest.mark.parametrize(("status", "content", "reason"), ANSWERS, ids=lambda value: str(value)[:60])
def test_refusals(status: int, content: Any, reason: Reason, build: Callable[[int, Any], Exception]) -> None:
    """Each refusal of Google's has the same meaning, whichever client reports it."""
    ours = translate(build(status, content), ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is reason
    assert ours.why.looked_at == "vpcaccess connectors.get"


@pytest.mark.parametrize("build", [http_error, api_error])
def test_absence(build: Callable[[int, Any], Exception]) -> None:
    """404 is an observation and FAILED_PRECONDITION is a state; neither is blocked."""
    missing = translate(build(404, body(404, "connector x was not found.", "NOT_FOUND")), ASKED)
    assert isinstance(missing, NotFound)
    assert missing.message == "connector x was not found."
    disabled = translate(build(400, body(400, "Version is in DISABLED state.", "FAILED_PRECONDITION")), ASKED)
    assert isinstance(disabled, NotInState)


@pytest.mark.parametrize(
    ("content", "permission", "role"),
    [
        (DENIED, "vpcaccess.connectors.get", "roles/vpcaccess.viewer"),
        (OLD_SQL, "vpcaccess.connectors.get", "roles/vpcaccess.viewer"),
        (
            body(403, "No.", "", "IAM_PERMISSION_DENIED", permission="cloudsql.instances.get"),
            "cloudsql.instances.get",
            "roles/cloudsql.viewer",
        ),
        (
            body(403, "Caller may not use project p.", "", "USER_PROJECT_DENIED"),
            "serviceusage.services.use",
            "roles/serviceusage.serviceUsageConsumer",
        ),
        (body(403, "Required 'some.unknown.permission' permission for 'x'."), "some.unknown.permission", None),
        (body(403, "Prohibited.", "PERMISSION_DENIED", "SECURITY_POLICY_VIOLATED"), None, None),
    ],
    ids=["message", "method", "error-info", "quota-project", "no-role-known", "no-grant-helps"],
)
def test_missing_permission(content: Any, permission: str | None, role: str | None) -> None:
    """A denial names the permission: Google's own, else the method's; and the least role that grants it."""
    ours = translate(http_error(403, content), ASKED)
    assert isinstance(ours, Blocked)
    assert (ours.why.permission, ours.why.role) == (permission, role)


def test_denial_keeps_doubt() -> None:
    """Where Google does not tell denied from absent, the detail repeats that."""
    ours = translate(http_error(403, DENIED), ASKED)
    assert isinstance(ours, Blocked)
    assert "(or it may not exist)" in ours.why.detail


def test_disabled_api_is_named() -> None:
    """A disabled API is named by its host."""
    ours = translate(http_error(403, DISABLED), ASKED)
    assert isinstance(ours, Blocked)
    assert "vpcaccess.googleapis.com" in ours.why.detail


def test_401_after_expiry() -> None:
    """401 to a token whose time is over is an expired login, not refused credentials."""
    ours = translate(http_error(401, body(401, "Invalid.")), ASKED, expired=True)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is Reason.CREDENTIALS_EXPIRED


@pytest.mark.parametrize(
    ("sentence", "permission"),
    [
        ("Permission 'run.services.get' denied on resource 'x'", "run.services.get"),
        ("Permission monitoring.timeSeries.list denied (or the resource may not exist).", "monitoring.timeSeries.list"),
        ("Possibly missing permission cloudsql.instances.get on resource", "cloudsql.instances.get"),
        ('Permission "run.revisions.get" denied', "run.revisions.get"),
        ("Required 'compute.networks.get' permission for 'x'", "compute.networks.get"),
        ("Permission denied for all log views", None),
        ("The caller does not have permission", None),
    ],
)
def test_permission_in_sentence(sentence: str, permission: str | None) -> None:
    """The permission is found in each way in which Google words a denial."""
    assert permission_in(sentence) == permission


IMPERSONATION = '{"error": {"code": 403, "message": "Permission \'iam.serviceAccounts.getAccessToken\' denied"}}'

CREDENTIALS = [
    (auth.DefaultCredentialsError("Your default credentials were not found."), Reason.NO_CREDENTIALS),
    (auth.DefaultCredentialsError("File /nowhere.json was not found."), Reason.NO_CREDENTIALS),
    (auth.MalformedError("No key could be detected."), Reason.NO_CREDENTIALS),
    (auth.RefreshError("invalid_grant: Token has been expired or revoked.", {}), Reason.CREDENTIALS_EXPIRED),
    (auth.RefreshError("invalid_grant: Bad Request", {"error": "invalid_grant"}), Reason.CREDENTIALS_EXPIRED),
    (auth.ReauthFailError("Reauthentication failed."), Reason.CREDENTIALS_EXPIRED),
    (auth.RefreshError("invalid_grant: Invalid JWT Signature.", {}), Reason.CREDENTIALS_REFUSED),
    (auth.RefreshError("invalid_client: The OAuth client was not found.", {}), Reason.CREDENTIALS_REFUSED),
    (auth.RefreshError("Unable to acquire impersonated credentials", IMPERSONATION), Reason.PERMISSION_DENIED),
    (auth.RefreshError("Internal failure", retryable=True), Reason.API_UNAVAILABLE),
    (auth.RefreshError("something new"), Reason.CREDENTIALS_REFUSED),
    (auth.TransportError("Failed to retrieve"), Reason.API_UNAVAILABLE),
    (auth.TransportError(ConnectionRefusedError(111, "refused")), Reason.NO_ROUTE),
]


@pytest.mark.parametrize(("error", "reason"), CREDENTIALS, ids=lambda value: str(value)[:50])
def test_credentials(error: Exception, reason: Reason) -> None:
    """Each failure of google-auth says what is wrong with the login."""
    ours = translate(error, ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is reason


def test_impersonation_needs_a_role() -> None:
    """Impersonation that is not permitted names the permission and the role."""
    ours = translate(auth.RefreshError("Unable to acquire impersonated credentials", IMPERSONATION), ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.permission == "iam.serviceAccounts.getAccessToken"
    assert ours.why.role == "roles/iam.serviceAccountTokenCreator"


def test_a_module_that_is_being_imported_lacks_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another thread still imports a client, an error is told from those whose types are there by then."""
    monkeypatch.setitem(sys.modules, "google.api_core.exceptions", ModuleType("google.api_core.exceptions"))
    ours = translate(auth.DefaultCredentialsError("Your default credentials were not found."), ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is Reason.NO_CREDENTIALS


def test_no_credentials_names_two_ways_on() -> None:
    """Whoever has no credentials is told to log in, or to use the replica."""
    ours = translate(auth.DefaultCredentialsError("Your default credentials were not found."), ASKED)
    assert isinstance(ours, Blocked)
    assert "gcloud auth application-default login" in ours.why.detail
    assert "--target replica" in ours.why.detail


def unresolved() -> Exception:
    """What requests makes of a name that cannot be looked up: the cause hides in an argument's `reason`."""
    cause = urllib3.exceptions.NameResolutionError("h", None, socket.gaierror(-2, "unknown"))  # type: ignore[arg-type]
    pool = urllib3.HTTPSConnectionPool("h")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", cause))


def untrusted() -> ssl.SSLCertVerificationError:
    """What ssl raises of a certificate whose issuer is not known."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate in certificate chain"
    return error


NETWORK = [
    (socket.gaierror(-2, "Name or service not known"), Reason.DNS),
    (httplib2.ServerNotFoundError("Unable to find the server"), Reason.DNS),
    (unresolved(), Reason.DNS),
    (ConnectionRefusedError(111, "refused"), Reason.NO_ROUTE),
    (OSError(101, "Network is unreachable"), Reason.NO_ROUTE),
    (OSError(113, "No route to host"), Reason.NO_ROUTE),
    (requests.exceptions.ProxyError("Cannot connect to proxy"), Reason.NO_ROUTE),
    (httplib2.error.ProxiesUnavailableError("Proxy support missing"), Reason.TOOL_MISSING),
    (untrusted(), Reason.NO_ROUTE),
    (requests.exceptions.SSLError(untrusted()), Reason.NO_ROUTE),
    (TimeoutError("timed out"), Reason.API_UNAVAILABLE),
    (requests.exceptions.ReadTimeout("Read timed out."), Reason.API_UNAVAILABLE),
    (ConnectionResetError(104, "reset"), Reason.API_UNAVAILABLE),
    (
        requests.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError(104))),
        Reason.API_UNAVAILABLE,
    ),
    (ssl.SSLError(1, "wrong version number"), Reason.API_UNAVAILABLE),
    (aiohttp.ServerDisconnectedError(), Reason.API_UNAVAILABLE),
    (json.JSONDecodeError("Expecting value", "<html>", 0), Reason.API_UNAVAILABLE),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), Reason.API_UNAVAILABLE),
]


@pytest.mark.parametrize(("error", "reason"), NETWORK, ids=lambda value: repr(value)[:50])
def test_network(error: Exception, reason: Reason) -> None:
    """Each failure of the network says whether it is the name, the way, or the API that is missing."""
    ours = translate(error, ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is reason


REFUSED_TO_THE_CONNECTOR = [
    (403, "Possibly missing permission cloudsql.instances.connect on resource instances/db.", "PERMISSION_DENIED"),
    (403, "The client is not authorized to make this request.", "PERMISSION_DENIED"),
    (401, "Request had invalid authentication credentials.", "CREDENTIALS_REFUSED"),
    (429, "Quota exceeded.", "QUOTA"),
    (503, "The service is currently unavailable.", "API_UNAVAILABLE"),
]


@pytest.mark.parametrize(("status", "message", "reason"), REFUSED_TO_THE_CONNECTOR)
def test_what_the_cloud_sql_connector_is_refused(status: int, message: str, reason: str) -> None:
    """The connector's errors carry a status and Google's sentence only; they mean what the whole body means."""
    asked = Asked("sqladmin", "connect.generateEphemeralCert", "cloudsql.instances.connect")
    ours = translate(aiohttp.ClientResponseError(None, (), status=status, message=message), asked)  # type: ignore[arg-type]
    assert isinstance(ours, Blocked)
    assert ours.why.reason is Reason[reason]
    if status == 403:
        assert (ours.why.permission, ours.why.role) == ("cloudsql.instances.connect", "roles/cloudsql.client")


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "The Cloud SQL instance does not exist.", NotFound),
        (409, "The instance or operation is not in an appropriate state to handle the request.", NotInState),
    ],
)
def test_an_instance_the_connector_finds_no_way_to(status: int, message: str, kind: type[Exception]) -> None:
    """An instance that does not exist, or does not run, is told apart from a refusal."""
    error = aiohttp.ClientResponseError(None, (), status=status, message=message)  # type: ignore[arg-type]
    assert isinstance(translate(error, ASKED), kind)


def test_answer_that_is_no_json() -> None:
    """A body that run's own client cannot parse is the API's fault."""
    with pytest.raises(google.protobuf.json_format.ParseError) as caught:
        google.protobuf.json_format.Parse("<html>", run_v2.Service.pb(run_v2.Service()))
    ours = translate(caught.value, ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is Reason.API_UNAVAILABLE


def closed_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    "call",
    [
        lambda url: httplib2.Http(timeout=2, proxy_info=None).request(url),
        lambda url: requests.get(url, timeout=2, proxies={"http": ""}),
    ],
    ids=["httplib2", "requests"],
)
def test_refused_connection(call: Callable[[str], Any]) -> None:
    """A port that nobody listens on is no route, as both HTTP clients really report it."""
    with pytest.raises(Blocked) as caught, edge(ASKED):
        call(f"http://127.0.0.1:{closed_port()}/")
    assert caught.value.why.reason is Reason.NO_ROUTE


@pytest.mark.parametrize("error", [KeyError("state"), ValueError("x"), TypeError("x"), AttributeError("x")])
def test_our_own_crash_stays_one(error: Exception) -> None:
    """An error that is not about looking at Google goes on unchanged."""
    with pytest.raises(type(error)) as caught, edge(ASKED):
        raise error
    assert caught.value is error


def test_cause_is_kept() -> None:
    """The foreign error stays the cause of ours."""
    error = TimeoutError("timed out")
    with pytest.raises(Blocked) as caught, edge(ASKED):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        *[(http_error(status, body(status)), True) for status in (429, 500, 502, 503)],
        *[(api_error(status, body(status)), True) for status in (429, 503)],
        *[(http_error(status, body(status)), False) for status in (400, 401, 403, 404, 504)],
        (ConnectionResetError(104, "reset"), True),
        (BrokenPipeError(32, "broken pipe"), True),
        (requests.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError(104))), True),
        (TimeoutError("timed out"), False),
        (ConnectionRefusedError(111, "refused"), False),
        (socket.gaierror(-2, "unknown"), False),
        (auth.RefreshError("invalid_grant"), False),
        (KeyError("state"), False),
    ],
    ids=lambda value: str(value)[:50],
)
def test_retryable(error: Exception, *, again: bool) -> None:
    """Only what is over in a moment is asked again: a busy API, a cut connection."""
    assert retryable(error) is again


def test_a_client_in_the_middle_of_its_import_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error is translated while another thread is still importing the library whose types it might have."""
    monkeypatch.setitem(sys.modules, "google.api_core.exceptions", ModuleType("google.api_core.exceptions"))
    ours = translate(auth.DefaultCredentialsError("Your default credentials were not found."), ASKED)
    assert isinstance(ours, Blocked)
    assert ours.why.reason is Reason.NO_CREDENTIALS
