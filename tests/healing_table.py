"""Which faults the printed commands heal, in which company they are tried, and why the others are not healed so."""

from dataclasses import dataclass

EVERYTHING, SOAK = "not soak", "soak"


@dataclass(frozen=True)
class Group:
    """Faults that break one replica together, since they do not meet; what was printed for each is typed.

    Attributes:
        faults: their ids.
        remains: criteria that are not `pass` afterwards although no fault turned them before, or for longer than the
            fault itself; `REMAINS` says why.
        looks_at: the marker expression of what the suite is asked.
    """

    faults: str
    remains: str = ""
    looks_at: str = EVERYTHING

    @property
    def ids(self) -> tuple[str, ...]:
        """The faults' ids."""
        return tuple(self.faults.split())


GROUPS = (
    # Those that mostly wait begin first.
    Group("database-slow-to-log-in connector-in-error alert-policy-lowered settings-merge-markers"),
    Group("sessions-lost-later", looks_at=SOAK),
    Group(
        "connector-stalls alert-policy-raised redis-url-in-clear",
        remains="PARITY",
    ),
    Group("health-flaps", looks_at=SOAK),
    Group("tokens-not-renewed", looks_at=SOAK),
    Group("socket-drops", looks_at=SOAK),
    Group(
        "queries-stall connector-on-default-network alert-policy-inverted pool-setting-duplicated api-key-in-clear",
        remains="PARITY",
    ),
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
        remains="PARITY",
    ),
    Group(
        "traffic-on-older-revision database-url-of-sync-driver warning-policy-deleted pool-size-regressed "
        "max-overflow-regressed pool-wait-regressed capacity-buffer-regressed safety-margin-regressed "
        "connector-at-max-instances egress-private-ranges-only redis-url-unset jwt-secret-disabled "
        "backup-failing",
        remains="PARITY",
    ),
    Group(
        "instance-without-private-address alert-channel-disabled connector-deleted pool-setting-missing "
        "redis-secret-disabled",
        remains="PARITY",
    ),
    Group(
        "revision-not-ready database-secret-disabled alert-policy-without-channel connector-saturated "
        "settings-missing-key jwt-key-in-clear redis-url-elsewhere",
        remains="PARITY",
    ),
    Group(
        "database-certificate-expired connector-range-moved alert-policy-delayed traffic-split "
        "max-instances-lowered environment-unset network-authorised-undeclared backups-disabled",
        remains="PARITY",
    ),
    Group("database-password-rotated alert-policy-disabled alert-functions-removed connector-drifted"),
    Group("connector-being-deleted resource-manager-disabled socket-does-not-greet", remains="RUN-READY"),
    Group("database-renamed backend-reports-unhealthy socket-refuses-tokens", remains="RUN-READY"),
    Group("event-agent-thinking-missing chat-assets-missing", remains="RUN-READY"),
    Group("instance-full auth-detached jwt-key-of-other-secret"),
    Group(
        "instance-stopped initialization-timeout-drifted table-setup-timeout-drifted connection-timeout-drifted "
        "pool-timeout-drifted health-check-timeout-drifted"
    ),
    Group("database-secret-deleted startup-timed-out-once chat-page-crashes", remains="RUN-READY"),
    Group("login-crashes production-forbidden listing-forbidden terraform-configuration-broken", remains="RUN-READY"),
    Group("database-secret-without-version backend-startup-failed connector-moved-in-code"),
    Group("database-url-elsewhere image-lacks-module connector-change-not-applied", remains="PARITY"),
    Group("max-connections-lowered connector-scaled-down demo-mode-on"),
    Group(
        "backups-forbidden vpcaccess-forbidden monitoring-forbidden secret-metadata-forbidden service-usage-forbidden "
        "jwt-keys-differ"
    ),
    Group("run-forbidden cloudsql-forbidden"),
    Group("gcp-api-disabled secret-payload-forbidden"),
    Group("gcp-all-403"),
    Group("messages-swallowed", remains="RUN-READY"),
    Group("answer-canned events-out-of-order expired-token-accepted logout-unheeded", remains="RUN-READY"),
    Group("answer-fallback tool-unpaired backend-health-delayed", remains="RUN-READY"),
    Group("answer-empty event-fields-missing", remains="RUN-READY"),
    Group("answer-ignores-question tool-completed-before-executing", remains="RUN-READY"),
    Group("events-in-one-burst auth-not-ready", remains="RUN-READY"),
    Group("answer-delayed", remains="RUN-READY"),
    Group("socket-handshake-503", remains="RUN-READY LOG-SIGN"),
    Group("database-secret-destroyed connector-only-on-template expired-token-not-kept alert-policy-obscure"),
    Group("database-parts-incomplete user-password-not-kept", remains="PARITY"),
    Group("database-password-in-clear login-refused log-excluded", remains="PARITY"),
    Group("deployment-under-way alert-levels-from-timeout"),
    Group("connections-leaked pool-setting-computed"),
    Group("migrations-cut pool-cut-to-capacity"),
    Group("migrations-refused limits-made-to-nest"),
    Group("startup-outlasted-timeout alert-levels-lowered"),
    Group("database-port-closed alert-level-removed"),
    Group("instance-on-default-network alert-handlers-forgotten"),
    Group("service-deleted alert-monitor-hangs", remains="PARITY"),
    Group("alert-handlers-told-under-lock"),
    Group("connector-slow event-agent-started-missing", remains="PARITY RUN-READY"),
    Group("connector-very-slow event-tool-executing-missing", remains="PARITY RUN-READY"),
    Group("connector-beyond-limit event-tool-completed-missing", remains="PARITY RUN-READY"),
    Group("connector-loses-some", remains="PARITY"),
    Group("connector-cuts-handshakes", remains="PARITY"),
    Group("connector-renamed database-certificate-untrusted", remains="PARITY"),
    Group("database-certificate-of-other-host event-agent-completed-missing", remains="RUN-READY"),
)
REMAINS = {
    "LOG-SIGN": "the log keeps what the newer revision wrote, until a mended one is deployed, or the day is over",
    "PARITY": "staging is then unlike production in what the remedy itself chose, or left: larger machines of the "
    "connector, a public address that nobody may use",
    "RUN-READY": "the traffic stays with the earlier revision until a good image is deployed, and that is said",
}
_BILLING = "a decision of people: the billing account, or Google"
_WAIT = "nobody's to do: it is waited for"
_CODE = "the code of a service has to be mended; no command does that"
_READS = "the hint only reads: where the fault lies has to be found first"
_BALANCER = "the load balancer or its certificate, of which the replica has none: the hint reads, people change it"
_ADMIN = "somebody with more rights has to give the right or the credentials; the hint says which"
_LOG = (
    "the rollback that is printed ends it, and the log keeps what the newer revision wrote: it is clean when a "
    "mended one is deployed, or the day is over"
)
_REDIS = "staging's Memorystore is of the basic tier, which no command starts, repairs or fails over"
_PROFILE = "the profile or the plan has to say what is meant: a decision"
NOT_BY_COMMAND = {
    "instance-suspended": _BILLING,
    "instance-in-maintenance": _WAIT,
    "instance-deleted": "a restore from backup, which makes another instance: an hour or more, and a decision",
    "instance-renamed": _PROFILE,
    "revision-slow-to-start": _READS,
    "redis-stopped": _REDIS,
    "redis-silent": _REDIS,
    "redis-stalls": _REDIS,
    "connector-unmeasured": _WAIT,
    "terraform-state-missing": "the state is on the machine that applied it",
    "terraform-provider-unavailable": "the registry of providers has to be reachable",
    "database-url-in-parts": "another way to be right: nothing is broken but the likeness to production",
    "source-deleted": "the checkout has to be given",
    "production-differs": _PROFILE,
    "parity-exception-expired": _PROFILE,
    "project-shut-down": _BILLING,
    "gcp-all-401": _ADMIN,
    "gcp-all-429": _WAIT,
    "gcp-all-503": _WAIT,
    "gcp-all-silent": _WAIT,
    "gcp-login-refused": _ADMIN,
    "gcp-credentials-expire-midway": "whoever looks logs in again, by the browser",
    "gcp-tokens-expire-at-once": "the clock of this machine",
    "backend-health-redirected": _BALANCER,
    "app-answered-by-backend": _BALANCER,
    "backend-answered-by-app": _BALANCER,
    "backend-not-listening": _BALANCER,
    "app-not-listening": _BALANCER,
    "certificate-expired": _BALANCER,
    "certificate-untrusted": _BALANCER,
    "certificate-of-another-host": _BALANCER,
    "certificate-expiring": _BALANCER,
    "health-omits-connector": _CODE,
    "worker-dies": _LOG,
    "sessions-not-returned": _LOG,
    "log-payloads-lost": _LOG,
    "log-severities-lost": _CODE,
    "log-flooded": _READS,
}
"""Faults that break something, and what stands in the way of a command."""
