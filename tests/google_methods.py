"""The methods that the replica answers, and the paths at which they find the healthy world's things."""

from fixtures.replica.google.answers import ANSWERS
from fixtures.replica.google.discovery import Method, api

PROJECT, REGION = "netra-staging", "us-central1"
METHODS = [(name, method) for name, methods in ANSWERS.items() for method in methods]


def path_of(method: Method) -> str:
    """Return the path at which a method finds the healthy world's things."""
    values = {
        "projectsId": PROJECT,
        "v1Id": "projects",
        "v1Id1": PROJECT,
        "project": PROJECT,
        "namespacesId": PROJECT,
        "locationsId": REGION,
        "connectorsId": "staging-connector",
        "instance": "netra-staging-db",
        "secretsId": "database-url",
        "versionsId": "latest",
        "revisionsId": "netra-backend-staging-00042-xuv",
        "servicesId": "run.googleapis.com" if method.id.startswith("serviceusage.") else "netra-backend-staging",
    }
    return "/" + "/".join(segment.format(**values) for segment in method.segments)


def method_of(name: str, id: str) -> Method:
    """Return a method of an API's document."""
    return next(method for method in api(name).methods if method.id == id)
