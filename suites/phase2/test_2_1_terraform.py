"""Plan 2.1: the connector is what Terraform declares."""

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.terraform import Change, TerraformPlan
from fixtures.expect import Expect

pytestmark = [pytest.mark.phase2, pytest.mark.terraform]


@pytest.mark.criterion("TF-DRIFT", section="2.1", severity="critical", vantage="checkout")
def test_connector_is_as_declared(terraform_plan: Attempt[TerraformPlan], expect: Expect) -> None:
    """Terraform finds nothing to change on the connector."""
    plan = terraform_plan.value
    if plan.broken is not None:
        expect.note(plan.broken)
    if not expect(terraform_plan, "broken_kind", "the Terraform code").is_none("can be planned"):
        return
    for change in plan.changes:
        for differing in change.differences:
            label = f"{change.address} {differing.attribute}"
            expect.value(differing.before, label).equals(differing.after, symptom=_symptom(change))
        if change.left_out:
            expect.note(f"{change.address}: {change.left_out} more attributes differ")
    for line in plan.outside:
        expect.note(f"changed outside Terraform, which would leave it so: {line}")
    if any(change.differences for change in plan.changes):
        expect.note(f"Terraform would change: {', '.join(plan.changed)}")
    else:
        symptom = _symptom(plan.changes[0]) if plan.changes else None
        expect(terraform_plan, "changed", "what Terraform would change").is_none("nothing", symptom=symptom)


def _symptom(change: Change) -> str:
    """Tell an update of what was changed by hand from one that is declared and was never applied."""
    if change.kind == "update":
        return "drifted" if change.drifted else "unapplied"
    return change.kind
