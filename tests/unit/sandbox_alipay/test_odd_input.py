"""Whatever is sent, the platform answers: signed at the gateway, in one line at the admin door."""

import json
from typing import Any

import pytest

from deploy.sandbox.alipay.methods import METHODS
from tests.unit.sandbox_alipay.merchant import Merchant

pytestmark = pytest.mark.asyncio

FIELDS = (
    "out_trade_no", "trade_no", "total_amount", "subject", "buyer_id", "buyer_open_id", "bill_type",
    "bill_date", "grant_type", "code", "refresh_token", "app_auth_token", "app_version",
    "bundle_id", "template_id", "template_version", "ext", "version_status", "gray_strategy",
    "version_desc", "auto_online", "safe_domain", "logon_id", "role", "app_name", "device_sn",
    "sn", "biz_tid",
    "target_app_id", "account", "contact_info", "batch_no", "page_num", "page_size", "time_expire",
    "qr_code_timeout_express", "out_request_no", "refund_amount", "scene", "auth_code",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    [],
    {},
    ["x", {"y": None}],
    True,
    -1,
    1e300,
    "",
    "\u0000",
    "'; --",
    "9" * 999,
)
DOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("platform/apps", ("facetoface", "iot_enabled", "messages_url", "app_name")),
    ("platform/reviews", ("app_id", "app_version", "bundle_id", "result", "reason")),
    ("platform/offline", ("app_id", "app_version")),
    ("platform/timing", ("build_s", "audit_s", "audit")),
    ("platform/clock", ("forward_s",)),
    ("platform/templates", ("isv_app_id", "template_id", "template_version", "status")),
    ("platform/authorise", ("isv_app_id", "auth_app_id", "methods")),
    ("platform/agents", ("batch_no", "step", "reason")),
    ("platform/devices", ("app_id", "owner_pid", "count", "sn", "model")),
    ("platform/transfer", ("sns", "to_app_id", "to_pid")),
    ("platform/distribution", ("app_id", "sns", "all", "pid", "app_version")),
    ("buyers/pay", ("qr_code", "out_trade_no", "app_id", "buyer_id", "then")),
    ("buyers/auth_code", ("app_id", "buyer_id")),
    ("bills/plants", ("app_id", "bill_date", "kind", "out_trade_no", "amount_fen", "fee_fen")),
    ("bills/settings", ("fee_bp", "is_today_open")),
)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: json.dumps(odd)[:12])
async def test_at_the_gateway(merchant: Merchant, odd: Any) -> None:
    """Each field of each method is something else than it should be."""
    for method in sorted(METHODS):
        node = await merchant.call(method, dict.fromkeys(FIELDS, odd))
        assert node["code"] in {"10000", "20001", "40002", "40004"}, (method, node)


@pytest.mark.parametrize(("path", "names"), DOORS, ids=[path for path, _ in DOORS])
async def test_at_the_admin_door(merchant: Merchant, path: str, names: tuple[str, ...]) -> None:
    good = {"app_id": merchant.app_id, "isv_app_id": merchant.app_id}
    for odd in ODD:
        for name in names:
            body = {**{key: value for key, value in good.items() if key in names}, name: odd}
            url = f"{merchant.base}/admin/{path}"
            async with merchant.http.post(url, data=json.dumps(body)) as answer:
                assert answer.status in {200, 400, 404, 409}, (body, await answer.text())
                document = await answer.json()
            assert document["schema"] == 1
            assert ("error" in document) == (answer.status != 200)
    await merchant.admin(
        "POST", "platform/timing", {"build_s": 6, "audit_s": 30, "audit": "passed"}
    )
    await merchant.admin("POST", "bills/settings", {"fee_bp": 60})
