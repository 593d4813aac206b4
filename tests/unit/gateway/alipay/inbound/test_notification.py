"""Alipay's notification fields, read once, into our own words (protocol §3.2, §3.6)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from gateway.alipay.inbound.notification import read_notice
from gateway.alipay.inbound.notify import written
from gateway.alipay.inbound.signed import Delivery
from shared.contracts.notices import Notice

FIELDS = {
    "notify_id": "1" * 34,
    "app_id": "2021",
    "out_trade_no": "T1",
    "trade_no": "2026",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.07",
    "seller_id": "2088",
    "buyer_id": "2088b",
    "gmt_payment": "2026-11-23 12:00:00",
}
BODY = b"\xb2\xe2=\xff\x00&a=%"


def read(**changed: str | None) -> Notice:
    fields = {name: value for name, value in (FIELDS | changed).items() if value is not None}
    at = datetime(2026, 11, 23, 4, 0, 1, tzinfo=UTC)
    return read_notice(Delivery(UUID(int=1), "2021", fields, BODY, at, "edge-1"))


def test_a_payment() -> None:
    notice = read()
    assert (notice["kind"], notice["fault"], notice["total_fen"]) == ("paid", None, 1207)
    assert (notice["out_trade_no"], notice["trade_no"]) == ("T1", "2026")
    assert (notice["seller_id"], notice["buyer_id"]) == ("2088", "2088b")
    assert notice["paid_at"] == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert (notice["refunded_fen"], notice["out_request_no"]) == (None, None)
    assert read(buyer_open_id="open")["buyer_id"] == "open"
    assert read(buyer_logon_id="158****1562")["buyer_logon_id"] == "158****1562"


def test_what_it_is_about_and_how_it_came() -> None:
    notice = read(app_id="2099")
    assert (notice["tenant_id"], notice["app_id"]) == (UUID(int=1), "2021"), "the route's, always"
    assert (notice["channel"], notice["request_id"]) == ("alipay", "edge-1")
    assert notice["body_b64"] == BODY


def test_a_refund() -> None:
    """Protocol §3.2: refund_fee is what has been given back so far."""
    notice = read(refund_fee="1.50", out_biz_no="R1")
    assert (notice["kind"], notice["refunded_fen"], notice["out_request_no"]) == (
        "refund", 150, "R1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"trade_status": "TRADE_FINISHED"}, "paid"),
        ({"trade_status": "TRADE_CLOSED"}, "closed"),
        ({"trade_status": "WAIT_BUYER_PAY"}, "waiting"),
        ({"trade_status": "SOMETHING"}, "other"),
        ({"trade_status": None}, "other"),
        ({"refund_fee": "1.00"}, "refund"),
        ({"gmt_refund": "2026-11-23 12:00:00.143"}, "refund"),
        ({"out_biz_no": "R1"}, "refund"),
        ({"trade_status": "TRADE_CLOSED", "gmt_refund": "2026-11-23 12:00:00.143"}, "refund"),
        ({"refund_fee": ""}, "paid"),
    ],
)
def test_kinds(changed: dict[str, str | None], kind: str) -> None:
    assert read(**changed)["kind"] == kind


@pytest.mark.parametrize("text", ["12", "12.070", "-1.00", "1e2", "１２.07", " 12.07", ""])
def test_amounts_that_are_not_ours_do_not_become_ours(text: str) -> None:
    assert read(total_amount=text)["total_fen"] != 1207


def test_an_amount_that_is_none_is_not_zero() -> None:
    for text in ("twelve", "12.070", None):
        assert read(total_amount=text)["total_fen"] is None
    assert read(total_amount="1207")["total_fen"] == 120_700


@pytest.mark.parametrize(
    "text",
    ["soon", "", "2026-13-01 00:00:00", "0001-01-01 00:00:00", "1999-12-31 12:00:00",
     "2026-11-23 12:00:00+09:00"],
)  # fmt: skip
def test_times_that_are_no_times(text: str) -> None:
    """The first year is none in UTC, and Alipay's clock has no offset."""
    assert read(gmt_payment=text)["paid_at"] is None


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, None),
        ({"out_trade_no": None}, "no_trade"),
        ({"trans_currency": "CNY"}, None),
        ({"trans_currency": "USD"}, "other_currency"),
        ({"settle_currency": "HKD"}, "other_currency"),
        ({"trade_status": "SOMETHING"}, "unknown_status"),
        ({"trade_status": None}, "unknown_status"),
        ({"trade_status": "SOMETHING", "refund_fee": "1.00"}, "unknown_status"),
    ],
)
def test_what_is_wrong_with_its_words_alone(
    changed: dict[str, str | None], fault: str | None
) -> None:
    """§5.8.7: currency CNY, status of the enum, and a trade it is about."""
    assert read(**changed)["fault"] == fault


def test_ids_that_cannot_be_ids() -> None:
    """Without an id the body is the id; an odd one becomes its digest, so it has an address."""
    assert read(notify_id=None)["notify_id"] == read(notify_id=None)["notify_id"]
    assert len(read(notify_id=None)["notify_id"]) == 64
    odd = read(notify_id="a/b\0")["notify_id"]
    assert len(odd) == 64
    assert odd != read(notify_id="a/c")["notify_id"]
    assert read(notify_id="x" * 129)["notify_id"] != "x" * 129


@pytest.mark.parametrize(
    "changed",
    [
        {"out_trade_no": "a\0b", "trade_no": "\0", "seller_id": "\u202e", "buyer_id": "\uffff"},
        {"out_trade_no": "长" * 20_000, "out_biz_no": "x" * 65_000},
        {"total_amount": "999999999.99", "refund_fee": "999999999.99"},
        {"gmt_payment": "2000-01-01 00:00:00"},
        {"gmt_payment": "2099-12-31 23:59:59.999999"},
        {"gmt_payment": "2100-01-01 07:59:59"},
        {"gmt_payment": "9999-12-31 23:59:59"},
        {"notify_id": "."},
        dict.fromkeys(FIELDS),
    ],
)  # fmt: skip
def test_whatever_it_says_payment_takes_the_document(changed: dict[str, str | None]) -> None:
    """One genuine notice with odd words must not have those refused that travel with it."""
    notice = read(**changed)
    assert TypeAdapter[Any](Notice).validate_json(written(notice)) == notice
