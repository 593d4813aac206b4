"""POST /alipay/notify/{route}: trade notices, verified here and then committed by payment."""

import base64
from collections.abc import Sequence

import orjson
from prometheus_client import Counter, Histogram

from gateway.alipay.inbound.notification import CURRENCIES, read_notice
from gateway.alipay.inbound.signed import Delivery
from gateway.alipay.keyring import AppKeys
from gateway.alipay.protocol.canonical import Form, Kind
from shared.batches import Batches
from shared.client import ServiceClient
from shared.contracts.notices import Notice

PREFIX = "/alipay/notify/"
LABEL = "/alipay/notify"
BYTES_MAX = 192 * 1024
"""of a batch: within payment's limit for one body; a larger notice is sent alone"""
GATHER_S = 0.02
"""How long a notice waits for others. Nobody looks at a screen for it, and the response to the
payment's own call, which says the same, is then mostly written first (ADR 40)."""

BUSINESS_FIELDS = (
    "app_id",
    "auth_app_id",
    "buyer_id",
    "buyer_logon_id",
    "buyer_open_id",
    "gmt_payment",
    "gmt_refund",
    "notify_id",
    "notify_type",
    "out_trade_no",
    "out_biz_no",
    "refund_fee",
    "seller_id",
    "total_amount",
    "trade_no",
    "trade_status",
    *CURRENCIES,
)


_notices = Counter("alipay_notify_total", "Notifications by verdict", ["verdict", "reason"])
_sizes = Histogram(
    "notify_batch_notices", "Notices that one call carries", buckets=(1, 2, 4, 8, 16, 32, 64)
)


class Notices:
    """Trade notices. The signature does not cover sign_type. Payment commits those that wait at the
    same time in one transaction."""

    prefix = PREFIX
    counter = _notices
    committed = frozenset({"stored", "duplicate", "quarantined"})
    fields = BUSINESS_FIELDS

    def __init__(self, payment: ServiceClient) -> None:
        self._payment = payment
        self._batches: Batches[bytes, str] = Batches(
            self._commit_batch, _sizes.observe, size_of=len, size_max=BYTES_MAX, gather_s=GATHER_S
        )

    def kind(self, _form: Form) -> Kind:
        return "pay"

    def is_about(self, app: AppKeys, fields: dict[str, str]) -> bool:
        is_own = fields.get("auth_app_id", app.app_id) == app.app_id
        return is_own and fields.get("app_id") == app.app_id

    async def commit(self, delivery: Delivery) -> str:
        return await self._batches.put(written(read_notice(delivery)))

    async def _commit_batch(self, documents: Sequence[bytes]) -> Sequence[str]:
        body = b'{"items":[' + b",".join(documents) + b"]}"
        reply = await self._payment.call_ok("POST", "/internal/notify", body=body)
        verdicts = reply.get("verdicts") if isinstance(reply, dict) else None
        return [str(verdict) for verdict in verdicts] if isinstance(verdicts, list) else ()


def written(notice: Notice) -> bytes:
    """The document as it is sent."""
    return orjson.dumps(notice, _base64_text, orjson.OPT_UTC_Z)


def _base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
