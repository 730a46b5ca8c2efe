"""`python -m plugins.runs`: the runs that are kept: rebuild one that was killed, compare two, list and prune them."""
