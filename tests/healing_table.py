"""Which faults the printed commands heal, in which company they are tried, and why the others are not healed so."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Faults that break one replica together, since they do not meet; what was printed for each is typed.

    Attributes:
        faults: their ids.
        remains: criteria that are not `pass` afterwards although no fault turned them before, or for longer than the
            fault itself; `REMAINS` says why.
    """

    faults: str
    remains: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The faults' ids."""
        return tuple(self.faults.split())


GROUPS = (
    Group(
        "memory-lowered cpu-lowered min-instances-zero max-instances-raised backend-detached environment-misnamed "
        "database-url-unset jwt-key-unset redis-password-rotated instance-open-to-the-internet backup-overdue "
        "alert-policies-missing initialization-timeout-regressed table-setup-timeout-regressed "
        "connection-timeout-regressed pool-timeout-regressed health-check-timeout-regressed",
        remains="PARITY",
    ),
    Group(
        "critical-policy-deleted connector-cpu-hot pool-size-drifted max-overflow-drifted "
        "pool-wait-drifted capacity-buffer-drifted safety-margin-drifted database-url-in-clear "
        "backend-on-other-connector jwt-secret-destroyed",
        remains="TF-DRIFT PARITY",
    ),
    Group(
        "traffic-on-older-revision database-url-of-sync-driver warning-policy-deleted pool-size-regressed "
        "max-overflow-regressed pool-wait-regressed capacity-buffer-regressed safety-margin-regressed "
        "connector-at-max-instances egress-private-ranges-only redis-url-unset jwt-secret-disabled "
        "backup-failing",
        remains="TF-DRIFT PARITY",
    ),
    Group(
        "instance-without-private-address alert-channel-disabled connector-deleted pool-setting-missing "
        "redis-secret-disabled",
        remains="LOG-SIGN PARITY",
    ),
    Group(
        "revision-not-ready database-secret-disabled alert-policy-without-channel connector-saturated "
        "settings-missing-key jwt-key-in-clear redis-url-elsewhere",
        remains="TF-DRIFT PARITY",
    ),
    Group(
        "connector-stalls alert-policy-raised redis-url-in-clear",
        remains="TF-DRIFT PARITY LOG-CRIT LOG-SIGN",
    ),
    Group("database-slow-to-log-in connector-in-error alert-policy-lowered settings-merge-markers"),
    Group(
        "queries-stall connector-on-default-network alert-policy-inverted pool-setting-duplicated api-key-in-clear",
        remains="PARITY RUN-READY",
    ),
    Group(
        "database-certificate-expired connector-range-moved alert-policy-delayed traffic-split "
        "max-instances-lowered environment-unset network-authorised-undeclared backups-disabled",
        remains="PARITY",
    ),
    Group("database-password-rotated alert-policy-disabled alert-functions-removed"),
    Group("connector-being-deleted"),
    Group("database-renamed backend-reports-unhealthy", remains="RUN-READY"),
    Group("event-agent-thinking-missing chat-assets-missing", remains="RUN-READY"),
    Group("instance-full auth-detached jwt-key-of-other-secret", remains="LOG-CRIT LOG-SIGN"),
    Group(
        "instance-stopped initialization-timeout-drifted table-setup-timeout-drifted connection-timeout-drifted "
        "pool-timeout-drifted health-check-timeout-drifted",
        remains="LOG-SIGN",
    ),
    Group("database-secret-deleted startup-timed-out-once chat-page-crashes", remains="RUN-READY"),
    Group("login-crashes", remains="RUN-READY"),
    Group("database-secret-without-version backend-startup-failed"),
    Group("database-url-elsewhere image-lacks-module"),
    Group("max-connections-lowered connector-scaled-down demo-mode-on"),
    Group("backups-forbidden vpcaccess-forbidden monitoring-forbidden secret-metadata-forbidden jwt-keys-differ"),
    Group("run-forbidden cloudsql-forbidden"),
    Group("gcp-api-disabled"),
)
REMAINS = {
    "LOG-CRIT": "a log keeps what was written: it is clean when each service has a newer revision, or the day is over",
    "LOG-SIGN": "as LOG-CRIT",
    "PARITY": "staging is then unlike production in what the remedy itself chose, or left: larger machines of the "
    "connector, a public address that nobody may use",
    "RUN-READY": "the traffic stays with the earlier revision until a good image is deployed, and that is said",
    "TF-DRIFT": "the code has to follow the connector that was changed by hand; `terraform apply` would change it back",
}
SAME = {
    "connector-renamed": ("connector-deleted", "connector-missing"),
    "connector-cuts-handshakes": ("connector-stalls", "database-handshake-stalls"),
    "connector-loses-some": ("connector-stalls", "database-handshake-stalls"),
    "connector-beyond-limit": ("connector-stalls", "database-handshake-stalls"),
    "connector-slow": ("connector-stalls", "database-handshake-stalls"),
    "connector-very-slow": ("connector-stalls", "database-handshake-stalls"),
    "database-certificate-untrusted": ("database-certificate-expired", "database-certificate"),
    "database-certificate-of-other-host": ("database-certificate-expired", "database-certificate"),
    "event-agent-started-missing": ("event-agent-thinking-missing", "event-missing"),
    "event-tool-executing-missing": ("event-agent-thinking-missing", "event-missing"),
    "event-tool-completed-missing": ("event-agent-thinking-missing", "event-missing"),
    "event-agent-completed-missing": ("event-agent-thinking-missing", "event-missing"),
}
"""Faults that are not tried since the same hint is printed as for another one, which is; and the hint."""
_BILLING = "a decision of people: the billing account, or Google"
_WAIT = "nobody's to do: it is waited for"
_CODE = "the code of a service has to be mended; no command does that"
_READS = "the hint only reads: where the fault lies has to be found first"
_BALANCER = "the load balancer or its certificate, of which the replica has none: the hint reads, people change it"
_ADMIN = "somebody with more rights has to give the right or the credentials; the hint says which"
_LOG = "what was written stays in the log until a revision without the fault has served for a while"
_PROFILE = "the profile or the plan has to say what is meant: a decision"
NOT_BY_COMMAND = {
    "instance-suspended": _BILLING,
    "instance-in-maintenance": _WAIT,
    "instance-deleted": "a restore from backup, which makes another instance: an hour or more, and a decision",
    "instance-renamed": _PROFILE,
    "instance-on-default-network": "the database has to be moved, and its URL with it: a plan of its own",
    "service-deleted": "the deployment makes it anew; the stand-in of the deploy script builds no image",
    "revision-slow-to-start": _READS,
    "deployment-under-way": _WAIT,
    "database-port-closed": "what refuses here is the connector, and the symptom points to the instance, which is "
    "started and restarted in vain: a case for Google Cloud Support",
    "connections-leaked": "sessions are ended that were idle for 10 minutes, and in the replica none is so old",
    "redis-stopped": "Memorystore has to be started, which is not a command of the runbook",
    "redis-silent": "Memorystore has to be reached again, which is not a command of the runbook",
    "redis-stalls": "Memorystore has to be repaired, which is not a command of the runbook",
    "connector-unmeasured": _WAIT,
    "connector-only-on-template": "traffic goes to the newest revision, as for `traffic-on-older-revision`; not tried",
    "connector-drifted": "`terraform apply`, of which the replica only has the built-in `terraform_data`",
    "connector-change-not-applied": "`terraform apply`, of which the replica only has the built-in `terraform_data`",
    "connector-moved-in-code": _CODE,
    "terraform-configuration-broken": _CODE,
    "terraform-state-missing": "the state is on the machine that applied it",
    "terraform-provider-unavailable": "the registry of providers has to be reachable",
    "database-secret-destroyed": "a new version, as for `database-secret-without-version`; not tried",
    "database-parts-incomplete": "the part's secret is named by hand; not tried",
    "database-password-in-clear": "the part's secret is named by hand; not tried",
    "database-url-in-parts": "another way to be right: nothing is broken but the likeness to production",
    "login-refused": "which of two passwords is right is for people to say",
    "logout-unheeded": _READS,
    "answer-delayed": _READS,
    "answer-canned": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "answer-fallback": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "answer-empty": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "answer-ignores-question": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "user-password-not-kept": "the password is known to whoever made the user",
    "expired-token-not-kept": "a token has to be kept until it has run out",
    "source-deleted": "the checkout has to be given",
    "pool-setting-computed": _CODE,
    "limits-made-to-nest": "the values are restored in the source, as for `pool-wait-regressed`; not tried",
    "pool-cut-to-capacity": "the values are restored in the source, as for `pool-size-regressed`; not tried",
    "alert-levels-from-timeout": _CODE,
    "alert-levels-lowered": _CODE,
    "alert-level-removed": _CODE,
    "alert-handlers-forgotten": _CODE,
    "alert-monitor-hangs": _CODE,
    "alert-handlers-told-under-lock": _CODE,
    "alert-policy-obscure": "the policy has to be read by people: it may be the planned one",
    "production-differs": _PROFILE,
    "production-forbidden": _ADMIN,
    "parity-exception-expired": _PROFILE,
    "project-shut-down": _BILLING,
    "listing-forbidden": _ADMIN,
    "service-usage-forbidden": _ADMIN,
    "resource-manager-disabled": _ADMIN,
    "secret-payload-forbidden": "the role is given secret by secret, and PRE-PERMISSIONS asks for more secrets than "
    "are named",
    "gcp-all-403": _ADMIN,
    "gcp-all-401": _ADMIN,
    "gcp-all-429": _WAIT,
    "gcp-all-503": _WAIT,
    "gcp-all-silent": _WAIT,
    "gcp-login-refused": _ADMIN,
    "gcp-credentials-expire-midway": "whoever looks logs in again, by the browser",
    "gcp-tokens-expire-at-once": "the clock of this machine",
    "backend-health-redirected": _BALANCER,
    "backend-health-delayed": "a rollback, as for `backend-reports-unhealthy`; not tried",
    "auth-not-ready": "a rollback, as for `backend-reports-unhealthy`; not tried",
    "app-answered-by-backend": _BALANCER,
    "backend-answered-by-app": _BALANCER,
    "backend-not-listening": _BALANCER,
    "app-not-listening": _BALANCER,
    "certificate-expired": _BALANCER,
    "certificate-untrusted": _BALANCER,
    "certificate-of-another-host": _BALANCER,
    "certificate-expiring": _BALANCER,
    "health-omits-connector": _CODE,
    "startup-outlasted-timeout": _LOG,
    "worker-dies": _READS,
    "migrations-refused": _LOG,
    "migrations-cut": _LOG,
    "sessions-not-returned": _LOG,
    "log-payloads-lost": _CODE,
    "log-severities-lost": _CODE,
    "log-flooded": _READS,
    "log-excluded": "the sink's exclusion has to be taken away, which the hint only shows",
    "socket-refuses-tokens": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "socket-handshake-503": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "socket-does-not-greet": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "expired-token-accepted": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "messages-swallowed": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "events-out-of-order": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "tool-completed-before-executing": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "tool-unpaired": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "events-in-one-burst": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "event-fields-missing": "a rollback, as for `event-agent-thinking-missing`; not tried",
    "tokens-not-renewed": _CODE,
    "health-flaps": "a rollback, as for `backend-reports-unhealthy`; not tried",
    "socket-drops": _READS,
    "sessions-lost-later": _READS,
}
"""Faults that break something, and what stands in the way of a command."""
