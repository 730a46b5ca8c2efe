"""The contract: every observable statement of the incident plan, as one criterion each, and what preflight adds.

Columns: id, the plan's section, severity, what it depends on.
"""

PREFLIGHT = """
PRE-IDENTITY     -  critical
PRE-TOKEN        -  major
PRE-PROFILE      -  critical
PRE-PERMISSIONS  -  major
PRE-APIS         -  major
PRE-REACH        -  major
PRE-TOOLS        -  advisory
"""
PHASE1 = """
TMO-INIT    1.1, A  critical
TMO-TABLE   A       critical
TMO-CONN    1.1, A  critical
TMO-POOL    1.1, A  critical
TMO-HEALTH  A       critical
TMO-NEST    -       advisory
VPC-STATE   1.2     critical
VPC-NET     1.2     critical
VPC-CIDR    1.2     critical
VPC-CAP     1.2     critical  VPC-STATE
VPC-ANNOT   1.2, A  critical
VPC-EGRESS  1.2, A  critical
SQL-STATE   1.3     critical
SQL-PRIVATE 1.3     critical
SQL-AUTHNET 1.3     major
SQL-BACKUP  1.3     major
SQL-CONNS   1.3     critical  DB-CONNECT
SQL-DIRECT  1.3     critical  SQL-STATE VPC-STATE
ENV-NAME    1.4     critical
ENV-DB      1.4     critical
ENV-JWT     1.4     critical
ENV-REDIS   1.4     critical
ENV-PLAIN   -       major
SEC-DB      1.4     critical
SEC-JWT     1.4     critical
"""
PHASE2 = """
TF-DRIFT    2.1            critical
RUN-READY   2.2            critical
RUN-START   fix 4          major     RUN-READY
RUN-MEM     2.2            critical
RUN-CPU     2.2            critical
RUN-MIN     2.2            critical
RUN-MAX     rollback 3     major
POOL-SIZE   2.3, A         critical
POOL-OVER   2.3, A         critical
POOL-WAIT   2.3, A         critical
POOL-BUFFER 2.3            major
POOL-MARGIN 2.3, A         major
CAP-PLAN    Prevention     advisory
"""
PHASE3 = """
HLT-BACKEND   3.1           critical  RUN-READY
HLT-AUTH      3.1           critical  RUN-READY DB-CONNECT
HLT-APP       3.1           critical
HLT-VPC       Prevention    advisory  HLT-BACKEND
TLS-CERT      -             advisory
DB-CONNECT    metrics       critical  SQL-STATE VPC-STATE
DB-QUERY      3.1           critical  DB-CONNECT
DB-BACKEND    3.1           critical  DB-CONNECT
WS-OPEN       3.1           critical  HLT-BACKEND GP-LOGIN
WS-REJECT     3.2           critical  HLT-BACKEND
WS-STARTED    metrics       critical  WS-OPEN
WS-THINKING   metrics       critical  WS-OPEN
WS-TOOL-EXEC  metrics       critical  WS-OPEN
WS-TOOL-DONE  metrics       critical  WS-OPEN
WS-COMPLETED  metrics       critical  WS-OPEN
WS-ORDER      metrics       critical  WS-STARTED WS-THINKING WS-TOOL-EXEC WS-TOOL-DONE WS-COMPLETED
WS-LIVE       3.2           major     WS-ORDER
LOG-CRIT      3.1           critical
LOG-SIGN      3.1           major
GP-LOGIN      3.2           critical  HLT-AUTH
GP-DESYNC     3.2           critical  GP-LOGIN
GP-CHAT       3.2           critical  HLT-APP
GP-REPLY      3.2, metrics  critical  WS-OPEN
GP-LATENCY    metrics       critical  GP-REPLY
MON-POLICY    3.3           major
MON-FIRE      3.3           major
"""
OTHERS = """
SOAK    metrics     critical
LOCK    Prevention  critical
PARITY  Prevention  advisory
"""
ALL = PREFLIGHT + PHASE1 + PHASE2 + PHASE3 + OTHERS
PREVENTION = ("LOCK", "CAP-PLAN", "TMO-*", "POOL-*")
"""What `-m prevention` selects."""


def rows(table: str) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Return section, severity and dependencies by criterion id."""
    parsed = {}
    for words in filter(None, map(str.split, table.splitlines())):
        at = next(i for i, word in enumerate(words) if word in ("critical", "major", "advisory"))
        parsed[words[0]] = (" ".join(words[1:at]), words[at], tuple(words[at + 1 :]))
    return parsed
