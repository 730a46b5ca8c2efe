"""What evidence adds to the declared dependencies: which symptoms of one criterion explain which of another. Data."""

from dataclasses import dataclass

SHARED = frozenset(
    {"not-found", "merge-markers", "syntax", "encoding", "raises", "no-function", "no-environment", "silence"}
)
"""Symptoms of a thing that several criteria read: the first of them speaks for all that saw the same of it."""


@dataclass(frozen=True)
class Link:
    """With these symptoms, one failure explains others.

    Attributes:
        symptoms: of the cause; empty for any.
        effect_symptoms: of the effect, or the reasons why it is blocked; empty for any.
        same: the effect shows a symptom of the cause.
        same_value: the effect observed what the cause observed, in the same words.
        presumed: worth no more than a declared dependency, so it falls when that is contradicted.
    """

    cause: str
    symptoms: tuple[str, ...]
    effects: tuple[str, ...]
    effect_symptoms: tuple[str, ...] = ()
    same: bool = False
    same_value: bool = False
    presumed: bool = False

    @property
    def is_particular(self) -> bool:
        """Whether it explains only some of what an effect may show."""
        return self.same or self.same_value or bool(self.effect_symptoms)


@dataclass(frozen=True)
class Clearance:
    """With these symptoms, an effect shows that what it depends on has done its part."""

    effects: tuple[str, ...]
    symptoms: tuple[str, ...]
    clears: tuple[str, ...]


SETTINGS = (
    *("TMO-INIT", "TMO-TABLE", "TMO-CONN", "TMO-POOL", "TMO-HEALTH"),
    *("POOL-SIZE", "POOL-OVER", "POOL-WAIT", "POOL-BUFFER", "POOL-MARGIN"),
)
SESSIONS = ("SQL-DIRECT", "DB-CONNECT")
OF_THE_WAY = ("stalled", "cut", "slow-tcp", "slow-tls")
"""Of a session: TCP stands, and what comes before the server's first word fails. A proxy hides which of them it is."""
OF_THE_SERVER = (
    "bad-certificate",
    "cut-authentication",
    "no-database",
    "not-allowed",
    "query-failed",
    "query-slow",
    "rejected",
    "slow-authentication",
    "stalled-authentication",
    "tls-refused",
    "too-many-clients",
    "wrong-password",
)
"""Of a session: the server was reached, and this is its own doing."""
DOWN = ("refused", "timeout", "status-500", "status-502", "status-503", "status-504")
"""Of a service that does not come up, or answers that it did not."""

LINKS = (
    # The session is opened where the URL leads.
    Link("ENV-DB", ("elsewhere",), SESSIONS),
    # Without a private address there is nothing behind the connector.
    Link("SQL-PRIVATE", ("missing",), SESSIONS),
    # An instance that does not run refuses; a connector that is not READY accepts, and passes nothing on.
    Link("SQL-STATE", (), SESSIONS, ("refused", "starting")),
    Link("VPC-STATE", (), SESSIONS, OF_THE_WAY),
    Link("VPC-CAP", ("at-max", "hot", "saturated"), SESSIONS, OF_THE_WAY),
    Link("VPC-NET", ("different",), SESSIONS, (*OF_THE_WAY, "timeout", "unreachable")),
    # A refusal for want of a slot is a matter of capacity, not of the way there.
    Link("SQL-CONNS", ("above",), SESSIONS, ("too-many-clients",)),
    # Both look at the same sessions.
    Link("DB-CONNECT", (), ("SQL-DIRECT",), same=True),
    # A server that is slow over every query is slow for the services, too.
    Link("DB-QUERY", ("query-slow",), ("SQL-DIRECT",), ("query-slow",)),
    Link("DB-QUERY", ("query-slow",), ("HLT-AUTH", "DB-BACKEND"), (*DOWN, "slow")),
    # A service that does not answer for itself does not answer for its database either.
    Link("HLT-BACKEND", (), ("DB-BACKEND",), same=True),
    # Whether the URL leads to the instance is known by the instance's address.
    Link("SQL-STATE", ("not-found",), ("ENV-DB",), ("unknowable",)),
    Link("SQL-PRIVATE", ("missing",), ("ENV-DB",), ("unknowable",)),
    # What cannot be parsed holds no value to work with.
    Link("TMO-INIT", ("merge-markers", "syntax", "encoding"), ("TMO-NEST", "CAP-PLAN", "PARITY"), ("unknowable",)),
    # Connections are counted over a session.
    Link("SQL-DIRECT", (), ("SQL-CONNS",), ("dependency",)),
    # A service that is not attached has no egress setting either.
    Link("VPC-ANNOT", ("missing", "only-on-newest"), ("VPC-EGRESS",), ("missing",)),
    # The revision that would be attached gets no traffic.
    Link("RUN-READY", (), ("VPC-ANNOT",), ("only-on-newest",)),
    # A revision that does not come up, or that gave up on its database too early, does not answer.
    Link("RUN-READY", ("not-ready",), ("HLT-BACKEND", "DB-BACKEND"), DOWN),
    Link("LOG-SIGN", ("initialisation-timeout-regressed",), ("HLT-BACKEND", "DB-BACKEND"), DOWN),
    # What the load balancer sends elsewhere, or nobody takes, is lost for the login's question to the backend, too.
    Link("HLT-BACKEND", (), ("GP-LOGIN",), same=True),
    Link("HLT-BACKEND", ("other-service",), ("DB-BACKEND", "GP-LOGIN"), ("status-404", "no-verdict")),
    # Terraform would mend what is already told.
    Link("VPC-STATE", ("not-found",), ("TF-DRIFT",), ("create",)),
    *(Link(cause, (), ("TF-DRIFT",), same_value=True) for cause in ("VPC-NET", "VPC-CIDR", "VPC-CAP")),
    # The list of what stands in clear is the longer one.
    Link("ENV-PLAIN", ("in-clear",), ("ENV-DB", "ENV-JWT"), ("in-clear",)),
    # The last event is the one that brings the answer.
    Link("WS-COMPLETED", ("missing",), ("GP-REPLY",), ("unfinished",)),
    # Each value that the source lacks has a criterion of its own.
    *(Link(cause, ("missing",), ("LOCK",), ("missing",)) for cause in SETTINGS),
    Link("TMO-INIT", ("merge-markers", "syntax", "encoding"), ("MON-FIRE",), ("import-failed",)),
    # What the source says is what runs.
    Link("TMO-INIT", ("below",), ("LOG-SIGN",), ("initialisation-timeout-regressed",)),
    # The log is the echo of what the sessions show.
    Link("DB-CONNECT", ("refused",), ("LOG-SIGN",), ("connection-refused",)),
    Link(
        "DB-CONNECT",
        ("stalled", "stalled-authentication", "stalled-behind-proxy", "timeout", "unreachable"),
        ("LOG-SIGN",),
        ("initialisation-timeout", "connection-timeout"),
    ),
    Link(
        "DB-CONNECT",
        ("cut", "cut-authentication", "cut-behind-proxy"),
        ("LOG-SIGN",),
        ("tls-refused", "connection-reset", "connection-timeout", "initialisation-timeout"),
    ),
    Link("DB-CONNECT", ("tls-refused",), ("LOG-SIGN",), ("tls-refused",)),
    Link("DB-CONNECT", ("wrong-password",), ("LOG-SIGN",), ("password-refused",)),
    Link("DB-CONNECT", ("no-database",), ("LOG-SIGN",), ("database-missing",)),
    Link("DB-CONNECT", ("too-many-clients",), ("LOG-SIGN",), ("too-many-clients",)),
    Link("SQL-CONNS", ("above",), ("LOG-SIGN",), ("too-many-clients",)),
    Link("DB-QUERY", ("query-slow",), ("LOG-SIGN",), ("initialisation-timeout", "connection-timeout")),
    Link("ENV-REDIS", (), ("LOG-SIGN",), ("redis",)),
    # Where no session was to be had from here, the log is the only one that tells of it.
    Link("SQL-STATE", (), ("LOG-SIGN",), ("connection-refused", "initialisation-timeout"), presumed=True),
    Link("VPC-STATE", (), ("LOG-SIGN",), ("connection-timeout", "initialisation-timeout"), presumed=True),
    # Every critical entry is a line by which the outage is known.
    Link("LOG-SIGN", (), ("LOG-CRIT",), ("critical-signatures",)),
)

CLEARANCES = (
    # What the server itself says has come through the connector, and from an instance that runs.
    Clearance(SESSIONS, OF_THE_SERVER, ("SQL-STATE", "VPC-STATE")),
    # Who is refused was understood.
    Clearance(("GP-LOGIN",), ("status-401", "status-403", "backend-refuses"), ("HLT-AUTH",)),
    Clearance(("WS-OPEN",), ("handshake-401", "handshake-403", "closed-1008"), ("HLT-BACKEND",)),
)
