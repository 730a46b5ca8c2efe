"""The plugins, in the order of the data: fixtures, criteria, judgement, reports."""

pytest_plugins = [
    "fixtures.observe",
    "plugins.own",
    "plugins.criteria",
    "plugins.readiness",
    "plugins.incident",
    "plugins.replay",
    "plugins.session",
    "plugins.judging",
    "plugins.redaction",
    "plugins.verdict",
    "plugins.progress",
    "plugins.reporting.plan_text",
    "plugins.reporting.summary",
    # Before the terminal, whose last line stays the last.
    "plugins.reporting.tickets",
    "plugins.reporting.terminal",
    "plugins.reporting.verdict_json",
    "plugins.reporting.html",
    "plugins.reporting.junit",
    "plugins.reporting.allure",
    "plugins.reporting.github",
]
