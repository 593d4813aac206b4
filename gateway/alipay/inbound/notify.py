"""POST /alipay/notify/{route}: trade notices, verified and then committed by payment."""

from collections.abc import Sequence
from typing import Any

import orjson
from prometheus_client import Counter

from gateway.alipay.inbound.signed import SignedDoor
from gateway.alipay.keyring import AppKeys
from gateway.reports.batches import Batches
from gateway.server.asgi import Asked

PREFIX = "/alipay/notify/"
LABEL = "/alipay/notify"

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
)


_notices = Counter("alipay_notify_total", "Notifications by verdict", ["verdict", "reason"])


class NotifyDoor(SignedDoor):
    """Trade notices: sign_type is outside the signature; payment commits them, those that wait at
    the same time in one transaction."""

    prefix = PREFIX
    kind = "pay"
    counter = _notices
    path = "/internal/notify"
    committed = frozenset({"stored", "duplicate", "quarantined"})
    fields = BUSINESS_FIELDS

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._batches = Batches(self._tell)

    def _document(self, asked: Asked, app: AppKeys, fields: dict[str, str]) -> dict[str, Any]:
        mine = {"tenant_id": app.tenant_id, "request_id": asked.request_id}
        return super()._document(asked, app, fields) | mine

    async def _told(self, app: AppKeys, document: dict[str, Any]) -> str:
        return await self._batches.put(orjson.dumps(document))

    async def _tell(self, documents: Sequence[bytes]) -> Sequence[str]:
        body = b'{"items":[' + b",".join(documents) + b"]}"
        answer = await self._owner.call_ok("POST", self.path, body=body)
        verdicts = answer.get("verdicts") if isinstance(answer, dict) else None
        return [str(word) for word in verdicts] if isinstance(verdicts, list) else ()

    def _is_about(self, app: AppKeys, fields: dict[str, str]) -> bool:
        is_own = fields.get("auth_app_id", app.app_id) == app.app_id
        return is_own and super()._is_about(app, fields)
