"""Is it so? The incident plan's sections, in the plan's order: one criterion, one test."""
