"""An independent twin of services/order/store.sql, written from its description.

A Feistel network: halves (l, r) become (r, l + f(r)) mod 10000 each round, which can be undone
whatever f is. `undone` does so; that it gives back every number is the proof of the bijection.
"""

HALF = 10_000
ROUNDS = 4
PRIME = 2_147_483_647


def _mixed(half: int, key: int, turn: int) -> int:
    part = (key >> (15 * turn)) % PRIME
    squared = pow(half * 48_271 + part, 2, PRIME)
    return pow(squared + part, 2, PRIME) // 7


def digits(number: int, key: int) -> str:
    left, right = divmod(number % (HALF * HALF), HALF)
    for turn in range(ROUNDS):
        left, right = right, (left + _mixed(right, key, turn)) % HALF
    return f"{left * HALF + right:08d}"


def undone(text: str, key: int) -> int:
    left, right = divmod(int(text), HALF)
    for turn in reversed(range(ROUNDS)):
        left, right = (right - _mixed(left, key, turn)) % HALF, left
    return left * HALF + right
