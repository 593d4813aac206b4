"""Alipay's notification fields, read once, into our own words (protocol §3.2, §3.6)."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.payment.notices.notification import notice_fault, read_notice
from services.payment.notices.rules import BadNotice

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


def read(**changed):
    fields = {name: value for name, value in (FIELDS | changed).items() if value is not None}
    return read_notice(UUID(int=1), "2021", fields, b"body")


def test_a_payment():
    notice = read()
    assert (notice.kind, notice.total_fen, notice.seller_id) == ("paid", 1207, "2088")
    assert notice.paid_at == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert read(buyer_open_id="open").buyer_id == "open"


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
def test_kinds(changed, kind):
    assert read(**changed).kind == kind


@pytest.mark.parametrize("text", ["12", "12.070", "-1.00", "1e2", "１２.07", " 12.07", ""])
def test_amounts_that_are_not_ours_do_not_become_ours(text):
    assert read(total_amount=text).total_fen != 1207


@pytest.mark.parametrize("text", ["soon", "", "2026-13-01 00:00:00", "0001-01-01 00:00:00"])
def test_times_that_are_no_times(text):
    """The last one is none in UTC."""
    assert read(gmt_payment=text).paid_at is None


def test_another_apps_notice_is_refused():
    with pytest.raises(BadNotice):
        read(app_id="2099")


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
def test_what_is_wrong_with_its_words_alone(changed, fault):
    """§5.8.7: currency CNY, status of the enum, and a trade it is about."""
    fields = {name: value for name, value in (FIELDS | changed).items() if value is not None}
    assert notice_fault(fields) == fault


def test_ids_that_cannot_be_ids():
    """Without an id the body is the id; an odd one becomes its digest, so it has an address."""
    assert read(notify_id=None).notify_id == read(notify_id=None).notify_id
    assert len(read(notify_id=None).notify_id) == 64
    odd = read(notify_id="a/b\0")
    assert len(odd.notify_id) == 64
    assert odd.notify_id != read(notify_id="a/c").notify_id
    assert read(notify_id="x" * 129).notify_id != "x" * 129
