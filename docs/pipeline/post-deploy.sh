#!/usr/bin/env bash
# The post-deploy gate for any pipeline. Run it from a checkout of allclear; it ends with pytest's exit code.
#   ALLCLEAR_TARGET  the target (default: staging)
#   WAIT_READY       seconds that the newest revisions get to serve (default: 300)
# Credentials are Google's application default ones: workload identity federation, or the machine's service account.
set -euo pipefail
python3 -m venv .venv
.venv/bin/pip install -q -c constraints.txt .
exec .venv/bin/python -m pytest -m "phase1 or health" --wait-ready "${WAIT_READY:-300}"
