"""Lists at their widest: what the rows of each may hold, put into the services' mouth."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route

Row = dict[str, Any]

MOST_FEN = 10_000_000_000
AT = "2026-11-28T15:59:59Z"
ID = "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f"
NUMBER = "20261128235959123456789012345678"
NAME = "云栖竹径的老茶行 Yunqi Bamboo Path Old Tea House 二店"
UNBROKEN = "yunqibamboopatholdteahousenumbertwo" * 2
LOGIN = "zhangxiaoming@yunqi-bamboo-tea"
ADDRESS = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"


def _each(same: Row, name: str, *values: object) -> list[Row]:
    return [same | {name: value} for value in values]


SALE: Row = {"payable_fen": MOST_FEN, "store_name": NAME, "ordered_at": AT}
ORDERS = [
    *_each(SALE, "pay_state", "unpaid", "partially_refunded", "refunded"),
    SALE | {"is_late": True, "sub_type": "alipay_code"},
    SALE | {"needs_check": True, "sub_type": "normal", "channel": "wechat"},
]
REFUND: Row = {
    "refund_id": ID, "payment_id": ID, "refund_request_id": "r1", "amount_fen": MOST_FEN,
    "payable_fen": MOST_FEN, "refunded_fen": MOST_FEN, "reason": NAME, "origin": "console",
    "status": "pending", "next_check_at": None, "requested_by_name": NAME,
    "first_requested_by_name": "李雷", "created_at": AT, "first_requested_at": AT,
    "finished_at": None, "out_trade_no": NUMBER, "store_id": ID, "store_name": NAME,
    "trade_no": "2026112822001412345678901234",
}  # fmt: skip
REFUNDS = [
    *_each(REFUND, "state", "pending", "done"),
    REFUND | {"state": "unknown", "next_check_at": AT},
    REFUND | {"state": "rejected", "rejection": {"code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"}},
]
DEVICE: Row = {"store_name": NAME, "last_seen_at": AT, "model": "DRAGONFLY-F5-PRO-MAX"}
SERIAL = "SN1234567890ABCDEF1234567890ABCD"
DEVICES = [
    *_each(DEVICE | {"sn": SERIAL, "name": None}, "status", "active", "revoked"),
    DEVICE | {"name": NAME, "status": "active"},
    DEVICE | {"kind": "test_cashier"},
]
STAFF = _each({"name": NAME, "login": LOGIN, "store_ids": []}, "is_enabled", True, False)
KEY: Row = {"name": NAME, "store_id": None, "created_by": ID, "created_at": AT}
KEYS = [
    KEY | {"key_id": "dk_0f1e2d3c4b5a6978", "last_used_at": AT, "revoked_at": None},
    KEY | {"key_id": "dk_1f1e2d3c4b5a6978", "last_used_at": None, "revoked_at": AT},
]
STORES: list[Row] = [{"name": NAME}]
MERCHANT: Row = {"name": NAME, "handle": "yunqi-bamboo-path-tea"}
MERCHANTS = [MERCHANT | {"namesakes": 12}, MERCHANT | {"suspended_at": AT}]
AUDIT: list[Row] = [
    {"actor_name": name, "subject_name": name, "address": ADDRESS, "seq": 123_456, "at": AT}
    for name in (NAME, UNBROKEN)
]
NOTICE: Row = {"total_fen": MOST_FEN}
NOTICES = [
    NOTICE | {"verdict": verdict, "reason": reason}
    for verdict, reason in (
        ("MISMATCH", "reused_id"),
        ("MISMATCH", "closed_after_paid"),
        ("APPLIED", None),
        ("DUPLICATE", "settled_before"),
        ("RECEIVED", None),
    )
]
REFUSAL: Row = {
    "app_id": "2021000000000001", "merchant_id": None, "hour": AT, "first_at": AT, "last_at": AT,
    "last_client": ADDRESS, "last_fields": {}, "last_out_trade_no": NUMBER, "refused": 123_456,
}  # fmt: skip
REFUSALS = _each(REFUSAL, "reason", "signature", "ambiguous", "keys_unavailable", "not_committed")
LISTS = {
    "orders": ("order_id", ORDERS),
    "refunds": ("refund_id", REFUNDS),
    "devices": ("device_id", DEVICES),
    "staff": ("user_id", STAFF),
    "api-keys": ("key_id", KEYS),
    "stores": ("store_id", STORES),
    "merchants": ("merchant_id", MERCHANTS),
    "audit": ("audit_id", AUDIT),
    "notices": ("notify_id", NOTICES),
    "notices/refusals": ("reason", REFUSALS),
}
"""By the end of its address: what tells its rows apart, and in what the wide rows differ from the
first of the service's answer."""


def _said(key: str, rows: list[Row]) -> Callable[[Route], None]:
    def reply(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        like = next(iter(body["items"]), {})
        body["items"] += [
            like | {key: f"{ID[:-2]}{number:02}"} | row for number, row in enumerate(rows, 1)
        ]
        route.fulfill(response=answer, json=body)

    return reply


def says_most(page: Page) -> None:
    """From now on each list of the console ends with rows that are wide, of every state."""
    for door, (key, rows) in LISTS.items():
        page.route(re.compile(rf"/api/(merchant|operator)/v1/{door}(\?.*)?$"), _said(key, rows))
