"""Prevention: this target is like the one that its users depend on."""

from collections.abc import Iterator

import pytest

from fixtures.evidence.base import Attempt
from fixtures.evidence.parity import Parity, SharedSetting
from fixtures.expect import Expect
from fixtures.profile import Profile
from fixtures.profile.model import ParityException

pytestmark = [pytest.mark.parity]


@pytest.mark.criterion("PARITY", section="Prevention", severity="advisory")
def test_targets_agree(parity: Attempt[Parity], profile: Profile, expect: Expect) -> None:
    """This target and the one to compare with agree, save where the profile allows a difference."""
    seen, today = parity.value, parity.started_at.date()
    exceptions = profile.parity.exceptions if profile.parity is not None else ()
    allowed = {exception.setting: exception for exception in exceptions}
    for why in seen.unseen:
        expect.block(why)
    for setting in seen.settings:
        exception = allowed.get(setting.name)
        if exception is not None and setting.here != setting.there and exception.expires >= today:
            expect.note(_allowed(setting, exception))
        else:
            symptom = "differs" if exception is None else "exception-expired"
            label = f"{setting.name}, against {seen.against}"
            expect.value(setting.here, label).equals(setting.there, symptom=symptom)
    for name in _excuse_nothing(seen, allowed):
        expect.value(name, "an exception that is not needed").is_none("a difference", symptom="exception-unused")


def _allowed(setting: SharedSetting, exception: ParityException) -> str:
    difference = f"{setting.name}: {setting.here or 'absent'} here, {setting.there or 'absent'} there"
    return f"{difference}; allowed until {exception.expires}: {exception.reason}"


def _excuse_nothing(seen: Parity, allowed: dict[str, ParityException]) -> Iterator[str]:
    """Yield the exceptions for what agrees, or is nowhere; of what was not seen nothing is known."""
    settings = {setting.name: setting for setting in seen.settings}
    for name in allowed:
        setting = settings.get(name)
        if (setting is None and not seen.unseen) or (setting is not None and setting.here == setting.there):
            yield name
