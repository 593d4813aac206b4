"""What the demo merchant sells. The list is the same at every start, so that an interrupted one can
go on where it ended. `history` carries it out.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal, NamedTuple

CHINA = timezone(timedelta(hours=8))
GOODS = (
    ("珍珠奶茶 Bubble tea", 1400), ("美式咖啡 Americano", 1200), ("拿铁 Latte", 1800),
    ("柠檬红茶 Lemon tea", 1000), ("茉莉绿茶 Jasmine tea", 900), ("双人下午茶 Tea for two", 8800),
    ("芝士蛋糕 Cheesecake", 2600), ("三明治套餐 Sandwich set", 3200), ("杨枝甘露 Mango sago", 2200),
    ("燕麦拿铁 Oat latte", 2000),
)  # fmt: skip
BUSY_H = (8, 9, 10, 12, 12, 13, 14, 15, 15, 16, 18, 19, 20, 21)
SALES_OF_A_DAY = (7, 11)
REFUSED_EVERY, REFUNDED_EVERY = 17, 13
FACE_SHARE = 0.7
REASONS = ("顾客取消 The buyer cancelled", "重复下单 Ordered twice", "做错了 Made wrongly")
REFUNDED_AFTER = timedelta(minutes=40)
QUIET = timedelta(minutes=5)
"""No sale in the last minutes before the start, when a person looks at the console."""
Ending = Literal["paid", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Sale:
    """One payment to be made, and what is given back of it some time later (`steps`)."""

    name: str
    """its pay_request_id: repeated, it is the same payment"""
    at: datetime
    store: int
    subject: str
    amount_fen: int
    is_face: bool
    ending: Ending
    refund_fen: int = 0
    reason: str = ""

    def code(self, secret: str) -> str:
        """The buyer's face token or code, different for each sale and the same at each start."""
        digest = hashlib.sha256(f"{secret} {self.name}".encode()).hexdigest()
        return "fp" + digest[:33] if self.is_face else f"28{int(digest, 16) % 10**16:016d}"


def days_before(until: datetime, days: int, stores: int) -> Iterator[Sale]:
    """Of the days before `until`, and of its own day until then; oldest first."""
    number = 0
    today = until.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(days, -1, -1):
        dice = random.Random(f"damselfly {back}")  # noqa: S311 - the same each time, on purpose
        morning = today - timedelta(days=back)
        times = sorted(
            morning + timedelta(hours=dice.choice(BUSY_H), seconds=dice.randrange(3600))
            for _ in range(dice.randint(*SALES_OF_A_DAY) + (3 if morning.weekday() > 4 else 0))
        )
        for at in times:
            number += 1
            sale = _sale(number, at, dice, stores)
            if at < until - QUIET:
                yield sale


class Step(NamedTuple):
    """Something to be done at its time."""

    at: datetime
    sale: Sale
    is_refund: bool


def steps(sales: Iterable[Sale], until: datetime) -> list[Step]:
    """The sales and their refunds in the order of their times: a clock that has moved to a refund
    cannot go back to a sale before it. No step is after `until`."""
    found = []
    for sale in sales:
        found.append(Step(sale.at, sale, is_refund=False))
        if sale.refund_fen:
            at = min(sale.at + REFUNDED_AFTER, until)
            found.append(Step(at, sale, is_refund=True))
    return sorted(found, key=lambda step: (step.at, step.is_refund))


def _sale(number: int, at: datetime, dice: random.Random, stores: int) -> Sale:
    subject, price_fen = dice.choice(GOODS)
    pieces = dice.choice((1, 1, 1, 2, 3))
    amount_fen = price_fen * pieces
    ending: Ending = "refused" if number % REFUSED_EVERY == 5 else "paid"
    if number == 20:
        ending = "unknown"
    refund_fen = 0
    if ending == "paid" and number % REFUNDED_EVERY == 3:
        refund_fen = price_fen if pieces > 1 else amount_fen
    return Sale(
        name=f"demo-{number:04d}",
        at=at,
        store=dice.choices(range(stores), weights=range(stores + 1, 1, -1))[0],
        subject=subject if pieces == 1 else f"{subject} × {pieces}",
        amount_fen=amount_fen,
        is_face=dice.random() < FACE_SHARE,
        ending=ending,
        refund_fen=refund_fen,
        reason=dice.choice(REASONS) if refund_fen else "",
    )
