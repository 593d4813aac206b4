"""POST /internal/notify: what the edge writes is what payment reads, byte by byte."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints
from uuid import UUID

from gateway.alipay.inbound.notification import read_notice
from gateway.alipay.inbound.notify import written
from gateway.alipay.inbound.signed import Delivery
from services.payment.notices.schemas import NoticesBody
from shared.contracts.notices import Notice

GOLDEN = Path(__file__).parent / "golden" / "notices.json"
TENANT = UUID("01900000-0000-7000-8000-000000000001")
FIELDS = {
    "app_id": "2021000000000001",
    "buyer_id": "2088000000000002",
    "buyer_logon_id": "158****1562",
    "gmt_payment": "2026-11-23 12:00:05",
    "notify_id": "2026112300222203006000000000000001",
    "out_trade_no": "20261123040000ABCDEFGHIJKLMNOPQR",
    "seller_id": "2088000000000001",
    "total_amount": "12.07",
    "trade_no": "2026112322001400000000000001",
    "trade_status": "TRADE_SUCCESS",
}


def test_what_the_edge_writes() -> None:
    at = datetime(2026, 11, 23, 4, 0, 6, 250_000, tzinfo=UTC)
    body = "app_id=2021&subject=测试".encode("gb18030")
    delivery = Delivery(TENANT, FIELDS["app_id"], FIELDS, body, at, "edge-1")
    golden = json.loads(GOLDEN.read_text())["items"][0]
    text = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
    assert written(read_notice(delivery)) == text.encode()


def test_what_payment_reads() -> None:
    first, second = NoticesBody.model_validate_json(GOLDEN.read_text()).items
    assert set(first) == set(second) == set(get_type_hints(Notice))
    assert (first["tenant_id"], first["total_fen"], first["fault"]) == (TENANT, 1207, None)
    assert first["paid_at"] == datetime(2026, 11, 23, 4, 0, 5, tzinfo=UTC)
    assert first["body_b64"].decode("gb18030") == "app_id=2021&subject=测试"
    assert (second["channel"], second["fault"], second["total_fen"]) == ("wechat", "no_trade", None)


def test_a_member_of_tomorrow_is_not_refused() -> None:
    """An edge that is newer than payment may say more."""
    document = json.loads(GOLDEN.read_text())
    document["items"][0]["of_tomorrow"] = [{"a": 1}]
    (first, _) = NoticesBody.model_validate(document).items
    assert "of_tomorrow" not in first
