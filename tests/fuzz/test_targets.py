"""Every target stands on its seeds and on seeded damage to them; no fuzzing engine is needed."""

import random
from importlib import import_module

import pytest

from tests.fuzz import target_names

ROUNDS = 150


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, dropped, doubled or put in."""
    body = bytearray(seed)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(body) + 1)
        width = chance.choice([1, 1, 2, 8, 64])
        noise = chance.choice(
            [b"", chance.randbytes(width), bytes(body[place : place + width]) * 2]
        )
        body[place : place + width] = noise
    return bytes(body)


@pytest.mark.parametrize("name", target_names())
def test_a_target_stands(name: str) -> None:
    target = import_module(f"tests.fuzz.targets.{name}")
    chance = random.Random(name)
    for data in (b"", b"\x00", *target.SEEDS):
        target.check(data)
    for _ in range(ROUNDS):
        target.check(damaged(chance.choice(target.SEEDS), chance))


def test_the_parsers_that_strangers_reach_are_targets() -> None:
    assert {"answer_cutter", "certificate_reader", "key_reader", "notify_form"} <= set(
        target_names()
    )
