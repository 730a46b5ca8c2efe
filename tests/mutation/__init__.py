"""Mutation of the suite itself: small mistakes are made in what judges, and something has to notice each of them."""
