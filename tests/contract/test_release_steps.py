"""The steps of a mini program's life: one name each at binding, at device and in their events."""

from typing import get_args

from services.binding.onboarding.rows import LOOKED_AT, RELEASES
from services.device.releases.checks import ACTS, LOOKS
from services.device.releases.rules import WATCHED
from shared.contracts.events.binding import ReleaseStep
from shared.contracts.events.device import ReleaseChanged

STEPS = {"upload", "review", "release", "push"}
LOOKED_AT_STEPS = {"upload", "review", "release"}


def test_every_side_names_the_same_steps() -> None:
    assert set(get_args(ReleaseStep)) == STEPS, "requests (shared/contracts/events/binding.py)"
    answered = get_args(ReleaseChanged.model_fields["step"].annotation)
    assert set(answered) == STEPS, "answers (shared/contracts/events/device.py)"
    assert sorted(RELEASES.values()) == sorted(STEPS), "a row of the map for each step"
    assert ACTS.keys() == STEPS, "device carries each of them out"


def test_device_checks_the_steps_that_binding_has_checked() -> None:
    """For any other step a requested check would never have a result."""
    assert {RELEASES[row] for row in LOOKED_AT} == LOOKED_AT_STEPS
    assert LOOKS.keys() == LOOKED_AT_STEPS == WATCHED
