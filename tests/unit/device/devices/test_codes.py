"""Enrolment codes: hard to guess, easy to read aloud, and refused for the true reason."""

from datetime import timedelta

import pytest

from services.device.devices import rules
from services.device.devices.rules import CODE_ALPHABET, CODE_LETTERS, code_digest, new_code
from tests.fixtures.clock import NOON


def test_codes_are_grouped_and_differ():
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    for code in codes:
        groups = code.split("-")
        assert [len(group) for group in groups] == [4, 4, 4, 4]
        assert set("".join(groups)) <= set(CODE_ALPHABET)


def test_there_are_enough_of_them():
    assert len(CODE_ALPHABET) ** CODE_LETTERS >= 2**64
    assert not set("ILOU") & set(CODE_ALPHABET)


def test_every_letter_comes_up_evenly():
    letters = "".join(new_code().replace("-", "") for _ in range(4000))
    expected = len(letters) / len(CODE_ALPHABET)
    for letter in CODE_ALPHABET:
        assert 0.8 * expected < letters.count(letter) < 1.2 * expected


@pytest.mark.parametrize(
    "typed", ["a1b0 c2d3-e4f5\tg6h7", "AlBO-C2D3-E4F5-G6H7", "aib0c2d3e4f5g6h7"]
)
def test_however_it_is_typed(typed):
    assert code_digest(typed) == code_digest("A1B0-C2D3-E4F5-G6H7")


@pytest.mark.parametrize(
    "typed", ["", "A1B0-C2D3-E4F5-G6H", "A1B0-C2D3-E4F5-G6H7X", "U" * 16, "é" * 16]
)
def test_what_cannot_be_a_code(typed):
    assert code_digest(typed) is None


FACTS = {
    "expires_at": NOON + timedelta(minutes=1),
    "used_at": None,
    "revoked_at": None,
    "tries": 0,
    "has_maker_left": False,
}


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"used_at": NOON}, "used", rules.CodeUsed),
        ({"revoked_at": NOON}, "revoked", rules.CodeRevoked),
        ({"expires_at": NOON}, "expired", rules.CodeExpired),
        ({"has_maker_left": True}, "ended", rules.CodeEnded),
        ({"tries": 5}, "spoilt", rules.CodeSpoilt),
        ({"tries": 4}, "open", rules.CodeUsed),
        (
            {"used_at": NOON, "expires_at": NOON, "has_maker_left": True, "tries": 5},
            "used",
            rules.CodeUsed,
        ),
    ],
)
def test_the_reason_is_the_true_one(change, state, reason):
    found = rules.code_state(NOON, **(FACTS | change))
    assert found.value == state
    assert rules.why_refused(found, sn="SMIT3B0001", bound_sn=None) is reason


def test_a_code_for_another_device_says_so():
    state = rules.code_state(NOON, **FACTS)
    assert rules.why_refused(state, sn="A1", bound_sn="A2") is rules.SnMismatch
    assert rules.why_refused(state, sn="A1", bound_sn="A1") is rules.CodeUsed
