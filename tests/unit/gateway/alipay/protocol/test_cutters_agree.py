"""Two independent cutters agree on adversarial answers (sdk-compat.md §4).

Ours reads JSON values one after another, the other one counts brackets. Whatever text one of them
would have verified, the other one would have verified as well.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.gateway.second_cutter import NODE, agree

BODIES = 20_000

STRINGS = [
    b'""', b'"x"', b'"}"', b'"{"', b'"]"', b'"\\""', b'"\\\\"', b'"\\\\\\""',
    b'"\\"},\\"sign\\":\\""',
    b'"\\/"', b'"\\u0022"', b'"\\u007d"', '"测"'.encode(), '"😀"'.encode(), b'"a\nb"',
    b'"alipay_trade_pay_response"', b'"\\"alipay_trade_pay_response\\":{\\"code\\":\\"10000\\"}"',
    b'"\\ud800"', b'"QUJD+/=="',
]  # fmt: skip
NAMES = [
    b'"%s"' % NODE, b'"%s"' % NODE, b'"sign"', b'"sign"', b'"alipay_cert_sn"', b'"code"', b'"x"',
    b'"x_%s"' % NODE, b'"%s_x"' % NODE, b'"alipay_trade_query_response"', b'"error_response"',
    b'"null_response"', b'"alipay_trade_p\\u0061y_response"', b'"{"', b'"}"', b'"\\""', b'""',
]  # fmt: skip
ATOMS = [*STRINGS, b"1", b"-0.5e3", b"true", b"null", b"[]", b"{}", b"NaN", b"01", b"", b"'x'"]
BLANKS = [b"", b"", b"", b"", b" ", b"\n", b"\t \r\n", b"\xef\xbb\xbf", b"\xa0", b"/**/"]


def value(chance: random.Random, depth: int) -> bytes:
    kind = chance.random()
    if depth > 3 or kind < 0.5:
        return chance.choice(STRINGS if chance.random() < 0.9 else ATOMS)
    if kind < 0.65:
        inner = [value(chance, depth + 1) for _ in range(chance.randrange(3))]
        return b"[" + b",".join(inner) + b"]"
    return members(chance, depth + 1)


def members(chance: random.Random, depth: int) -> bytes:
    blank = b"" if chance.random() < 0.9 else chance.choice(BLANKS)
    pairs = [
        chance.choice(NAMES) + blank + b":" + value(chance, depth)
        for _ in range(chance.randrange(1, 4))
    ]
    return b"{" + blank + (blank + b",").join(pairs) + blank + b"}"


def answer_like(chance: random.Random) -> bytes:
    """Mostly an answer, often with something on top, sometimes damaged."""
    pairs = [b'"%s":%s' % (NODE, members(chance, 1)), b'"sign":"S"']
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        pairs.append(chance.choice(NAMES) + b":" + value(chance, 1))
    if chance.random() < 0.3:
        chance.shuffle(pairs)
    around = BLANKS if chance.random() < 0.1 else BLANKS[:7]
    body = chance.choice(around) + b"{" + b",".join(pairs) + b"}" + chance.choice(around)
    if chance.random() < 0.2:
        place = chance.randrange(len(body))
        body = body[:place] + chance.choice([b"", b'"', b"\\", b"{", b"}", b",", b"\x00"]) + body[
            place + chance.randrange(2) :
        ]  # fmt: skip
    return body


def test_both_cutters_agree_on_twenty_thousand_bodies() -> None:
    """Seeded: the same bodies on every machine."""
    chance = random.Random(20261122)
    accepted = sum(agree(answer_like(chance)) for _ in range(BODIES))
    # Both kinds must occur often, else agreement says nothing.
    assert BODIES // 5 < accepted < BODIES * 4 // 5


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64), st.binary(max_size=4), st.integers(0, 2000), st.integers(0, 8))
def test_both_cutters_agree_on_damage(seed: int, noise: bytes, place: int, dropped: int) -> None:
    body = answer_like(random.Random(seed))
    place %= len(body)
    agree(body[:place] + noise + body[place + dropped :])
