"""What it means (outcomes, diagnosis, remediation) and how it is said (reports)."""
