"""Which hints fit what was observed, in which order, and how they are filled in."""

import shlex
from typing import Any

import pytest

from fixtures.evidence.base import Reason, Why
from fixtures.profile import load
from plugins.outcome import Outcome, Severity
from plugins.placeholders import fill
from plugins.remediation import pick, procedures
from plugins.reporting.record import ComparisonRecord, Criterion, Result
from plugins.runbook import Hint

STAGING = load("staging")
ONCALL = {"principal": "oncall@example.org", "target": "staging"}
DENIED = Why(
    reason=Reason.PERMISSION_DENIED,
    detail="Permission 'run.services.get' denied",
    looked_at="run services.get",
    permission="run.services.get",
    role="roles/run.viewer",
)


def compared(observed: str, symptom: str, subject: str = "it", *, key: str | None = None, warning: bool = False) -> Any:
    """Return a comparison that does not hold."""
    return ComparisonRecord(
        subject=subject, observed=observed, expected="?", key=key, holds=False, warning=warning, symptom=symptom
    )


def found(id: str, *comparisons: ComparisonRecord, why: Why | None = None, **evidence: Any) -> Result:
    """Return the result of a criterion: what it found, or why it found nothing."""
    criterion = Criterion(
        id=id, title=id, section="1.2", severity=Severity.CRITICAL, markers=("phase1", "vpc"), nodeid=f"x.py::{id}"
    )
    outcome = Outcome.FAIL if why is None else Outcome.BLOCKED
    blocked = () if why is None else (why,)
    return Result(criterion=criterion, outcome=outcome, comparisons=comparisons, blocked=blocked, evidence=evidence)


def hints(result: Result, **facts: str) -> tuple[Hint, ...]:
    """Return the hints for a result on staging."""
    return pick(result, STAGING, {**ONCALL, **facts})


def runs(hint: Hint) -> list[str]:
    """Return a hint's command lines."""
    return [command.run for command in hint.commands]


@pytest.mark.parametrize(
    ("result", "first"),
    [
        (found("TMO-INIT", compared("25 s", "below")), "initialization-timeout-regressed"),
        (found("TMO-INIT", compared("90 s", "above")), "timeout-drifted-up"),
        (found("TMO-INIT", compared("", "missing")), "timeout-missing"),
        (found("TMO-INIT", compared("merge-markers", "merge-markers")), "settings-with-merge-markers"),
        (found("TMO-INIT", compared("?", "something new")), "timeout-wrong"),
        (found("VPC-STATE", compared("ERROR", "different")), "connector-in-error"),
        (found("VPC-STATE", compared("DELETING", "different")), "connector-being-deleted"),
        (found("VPC-STATE", compared("PURPLE", "different")), "connector-not-ready"),
        (found("DB-CONNECT", compared("stalled", "stalled")), "database-handshake-stalls"),
        (found("DB-CONNECT", compared("30 s", "slow-tls", warning=True)), "database-handshake-stalls"),
        (found("DB-CONNECT", compared("30 s", "slow-authentication", warning=True)), "database-slow-to-log-in"),
        (found("DB-CONNECT", compared("wrong-password", "wrong-password")), "database-password"),
        (found("RUN-READY", compared("50 %", "split")), "traffic-split"),
        (found("RUN-READY", compared("0 %", "elsewhere")), "traffic-elsewhere"),
        (found("RUN-MAX", compared("20", "above")), "scales-too-far"),
        (found("RUN-MAX", compared("1", "below")), "scales-not-far-enough"),
        (found("HLT-BACKEND", compared("503", "status-503")), "service-fails"),
        (found("HLT-BACKEND", compared("418", "status-418")), "service-ill"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_most_specific_entry_comes_first(result: Result, first: str) -> None:
    """A regression and drift, a state and another, a connector and a server that is slow get different hints."""
    assert hints(result)[0].id == first


@pytest.mark.parametrize(
    ("id", "why", "first"),
    [
        ("VPC-STATE", DENIED, "permission-missing"),
        ("VPC-STATE", Why(reason=Reason.PERMISSION_DENIED, detail="a policy forbids it"), "refused-by-policy"),
        (
            "SQL-DIRECT",
            DENIED.model_copy(update={"permission": "secretmanager.versions.access"}),
            "secret-not-readable",
        ),
        ("VPC-STATE", Why(reason=Reason.NO_CREDENTIALS, detail="none"), "no-login"),
        ("TMO-INIT", Why(reason=Reason.NOT_CONFIGURED, detail="no checkout"), "source-not-given"),
        ("VPC-STATE", Why(reason=Reason.NOT_CONFIGURED, detail="a wrong name"), "not-configured"),
        ("TF-DRIFT", Why(reason=Reason.TOOL_MISSING, detail="no terraform"), "terraform-not-at-hand"),
        ("VPC-CAP", Why(reason=Reason.UNKNOWABLE, detail="no point"), "connector-load-unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_reason_has_its_own_entry(id: str, why: Why, first: str) -> None:
    """What blocks a criterion selects the hint; one for this criterion or permission comes before the general one."""
    assert hints(found(id, why=why))[0].id == first


def test_a_failure_is_never_explained_by_a_reason() -> None:
    """A criterion that failed gets no hint of those that are for blindness, and the other way round."""
    assert all(hint.criteria for hint in hints(found("VPC-STATE", compared("ERROR", "different"))))
    assert all(hint.reasons for hint in hints(found("VPC-STATE", why=DENIED)))


def test_a_violation_comes_before_a_warning() -> None:
    """Of two symptoms, the one that fails the criterion decides which hint is first, wherever it was compared."""
    warned = compared("30 s", "slow-authentication", warning=True)
    result = found("DB-CONNECT", warned, compared("refused", "refused"))
    assert [hint.id for hint in hints(result)] == ["database-refuses", "database-slow-to-log-in"]


def test_what_fits_everything_is_left_out_where_all_is_told() -> None:
    """The hint for any symptom is given for a symptom that no other hint knows, and only then."""
    known, unknown = compared("refused", "refused"), compared("x", "new")
    assert "session-fails" not in [hint.id for hint in hints(found("DB-CONNECT", known))]
    assert [hint.id for hint in hints(found("DB-CONNECT", known, unknown))] == ["database-refuses", "session-fails"]


def test_what_holds_explains_nothing() -> None:
    """A comparison that holds selects no hint."""
    holds = compared("ERROR", "different").model_copy(update={"holds": True})
    assert [hint.id for hint in hints(found("VPC-STATE", holds, compared("x", "new")))] == ["connector-not-ready"]


def test_the_targets_own_names_are_filled_in() -> None:
    """The cause says what was observed, the commands name the target's things, the verification its markers."""
    (hint, *_) = hints(found("VPC-STATE", compared("CREATING", "different")))
    assert "The connector is CREATING" in hint.cause
    assert runs(hint)[0] == (
        "gcloud compute networks vpc-access connectors describe staging-connector "
        "--region=us-central1 --project=netra-staging"
    )
    assert hint.verify == "pytest -m vpc"


def test_a_missing_permission_is_named_with_the_role_that_grants_it() -> None:
    """The grant has the principal as IAM writes it, and the least role; and it can be taken back."""
    (hint, *_) = hints(found("VPC-ANNOT", why=DENIED))
    assert "run.services.get" in hint.cause
    (grant,) = hint.commands
    assert grant.run == (
        "gcloud projects add-iam-policy-binding netra-staging --member=user:oncall@example.org --role=roles/run.viewer"
    )
    assert grant.undo == grant.run.replace("add-", "remove-")
    robot = {"principal": "ci@netra-staging.iam.gserviceaccount.com"}
    (hint, *_) = hints(found("VPC-ANNOT", why=DENIED), **robot)
    assert "--member=serviceAccount:ci@netra-staging.iam.gserviceaccount.com" in runs(hint)[0]


def test_a_secret_is_opened_alone() -> None:
    """Who may not read a secret's value gets to read that one, the one that Google's refusal names, and no other."""
    detail = "Permission denied for resource 'projects/netra-staging/secrets/redis-url/versions/latest'"
    why = Why(
        reason=Reason.PERMISSION_DENIED,
        detail=detail,
        permission="secretmanager.versions.access",
        role="roles/secretmanager.secretAccessor",
    )
    (hint, *_) = hints(found("ENV-REDIS", why=why))
    assert runs(hint)[0].startswith("gcloud secrets add-iam-policy-binding redis-url --member=user:oncall@example.org ")


def test_another_project_is_mended_where_it_refused() -> None:
    """What another target's project refused is granted there; a command that names more of a target is left out."""
    elsewhere = DENIED.model_copy(update={"project": "netra-production"})
    grants, policy = hints(found("PARITY", why=elsewhere))
    assert runs(grants)[0].startswith("gcloud projects add-iam-policy-binding netra-production ")
    assert "remove-iam-policy-binding netra-production " in grants.commands[0].undo
    assert [run.split(" --")[0] for run in runs(policy)] == ["gcloud auth list", "gcloud compute ssh MACHINE"]
    off = Why(reason=Reason.API_DISABLED, detail="run.googleapis.com is off", project="netra-production")
    (enable, *_) = hints(found("PARITY", why=off))
    assert {run.rpartition("--project=")[2] for run in runs(enable)} == {"netra-production"}


def test_each_role_that_is_missing_is_granted_once() -> None:
    """Permissions that only warn name their roles, each of which is one command, with its own undo."""
    roles = {"run.services.list": "run", "run.x.list": "run", "cloudsql.instances.list": "cloudsql"}
    missing = [
        compared("missing", "not-granted", f"{name} (roles/{role}.viewer)", warning=True)
        for name, role in roles.items()
    ]
    (hint,) = hints(found("PRE-PERMISSIONS", *missing))
    granting = [command for command in hint.commands if command.risk != "read"]
    assert [command.run.rpartition("=")[2] for command in granting] == ["roles/run.viewer", "roles/cloudsql.viewer"]
    assert [command.undo for command in granting] == [run.run.replace("add-", "remove-") for run in granting]


def test_without_a_role_nothing_is_granted() -> None:
    """A command that lacks a fact is left out; what its reader may know stands in capitals."""
    unknown = DENIED.model_copy(update={"role": None})
    (hint,) = [one for one in hints(found("VPC-ANNOT", why=unknown)) if one.id == "permission-missing"]
    assert hint.commands == ()
    (hint, *_) = hints(found("VPC-ANNOT", why=DENIED), principal="")
    assert "--member=MEMBER" in runs(hint)[0]


def test_each_service_that_is_named_gets_its_commands() -> None:
    """A command for a service is repeated for each that the finding names, with its own serving revision."""
    both = [
        compared("", "missing", "connector of netra-backend-staging"),
        compared("", "missing", "connector of netra-auth-service"),
    ]
    serving = {"evidence": {"serving": {"name": "netra-auth-service-00007-abc"}}}
    (hint, *_) = hints(found("VPC-ANNOT", *both, cloud_run={"services": {"auth": serving}}))
    attach = [command for command in hint.commands if "--vpc-connector" in command.run]
    assert [command.run.split()[4] for command in attach] == ["netra-backend-staging", "netra-auth-service"]
    assert "--to-revisions=REVISION=100" in attach[0].undo
    assert "--to-revisions=netra-auth-service-00007-abc=100" in attach[1].undo
    assert sum("connectors describe" in run for run in runs(hint)) == 1


@pytest.mark.parametrize(
    ("subject", "url"),
    [
        ("HTTP status of netra-auth-service", "https://auth.staging.netrasystems.ai/health"),
        ("certificate of app.staging.netrasystems.ai", "https://app.staging.netrasystems.ai/"),
        ("the call", "https://backend.staging.netrasystems.ai/health"),
    ],
)
def test_a_service_is_known_by_name_or_host(subject: str, url: str) -> None:
    """The address that is called is that of the service that the finding names, and else the backend's."""
    (hint, *_) = hints(found("HLT-AUTH", compared("503", "status-503", subject)))
    assert runs(hint)[0] == f"curl -sS -i --max-time 10 {url}"


def test_the_locked_value_is_written_as_code_writes_it() -> None:
    """The value that is put back is the lock's, without a unit."""
    regressed = compared("25 s", "below", "initialization_timeout", key="lock.timeouts.initialization_timeout")
    (hint, *_) = hints(found("TMO-INIT", regressed))
    restore = next(run for run in runs(hint) if run.startswith("sed"))
    assert r's/\("initialization_timeout"\): [0-9.]*/\1: 75.0/' in restore
    assert restore.endswith("PATH/netra_backend/app/core/database_timeout_config.py")


@pytest.mark.parametrize(
    ("target", "verify"),
    [("staging", ""), ("replica", " --target replica"), ("my file.toml", " --target 'my file.toml'")],
)
def test_pytest_is_told_the_same_target(target: str, verify: str) -> None:
    """What verifies a fix looks at the target that the finding is about."""
    (hint, *_) = hints(found("VPC-STATE", compared("ERROR", "different")), target=target)
    assert hint.verify == f"pytest -m vpc{verify}"
    (hint, *_) = hints(found("VPC-STATE", why=Why(reason=Reason.NO_CREDENTIALS, detail="none")), target=target)
    assert runs(hint)[1] == "pytest -m phase1 --target replica"


@pytest.mark.parametrize("value", ["a b", "a'b", "$(rm -rf x)", "a;b", 'a"b'])
@pytest.mark.parametrize("template", ["git -C {checkout} log", "echo '{checkout}' x", "sed 's/{checkout}/x/' y"])
def test_a_value_stays_one_word(template: str, value: str) -> None:
    """Whatever a value holds, a shell sees the same words as with a plain one."""
    words = shlex.split(fill(template, STAGING, {"checkout": value}, quoted=True))
    assert words == [word.replace("VALUE", value) for word in shlex.split(template.replace("{checkout}", "VALUE"))]


def test_an_unknown_name_is_an_error() -> None:
    """A placeholder that is neither a fact nor a key of the profile is never shown to a user."""
    with pytest.raises(KeyError, match=r"connector\.nam"):
        fill("{connector.nam}", STAGING, {})


def test_an_optional_table_may_be_absent() -> None:
    """What a profile does without stands in capitals."""
    bare = STAGING.model_copy(update={"redis": None, "not_declared": {"redis": "there is none"}})
    assert fill("{redis.host}:{redis.port}", bare, {}) == "REDIS.HOST:REDIS.PORT"


def test_procedures_are_filled_in() -> None:
    """The plan's sequences name the target's things, and are verified on it."""
    sequence, _, first, *_ = procedures(STAGING, "my.toml")
    assert sequence.verify == "pytest -m 'phase1 or phase2 or phase3' --source PATH --target my.toml"
    assert [command.risk for command in first.commands] == ["read", "disruptive"]
    assert not [command.run for one in procedures(STAGING) for command in one.commands if "{target" in command.run]


def test_the_plans_broken_commands_are_replaced() -> None:
    """No command of the plan that does not work, or that prints a secret, is among them."""
    text = "\n".join(command.run for one in procedures(STAGING) for command in one.commands)
    for broken in ("--services", "--rollback", "--emergency", "get-connection-info", "versions access", "smd"):
        assert broken not in text
