"""POST /alipay/messages/{route}: app-gateway messages (review results, authorisations, ...).

Verified like a notice, but by the rule of their family: the signature covers sign_type. One old
envelope at this address, which reports an authorisation, is signed like trade notices
(alipay-protocol §3.3.4). Both rules cover its name, so exactly one rule is tried, and no message
can be renamed to fall under the other. The device service commits a message, then the response
is `success`.
"""

import base64

from prometheus_client import Counter

from gateway.alipay.inbound.signed import Delivery
from gateway.alipay.keyring import AppKeys
from gateway.alipay.protocol.canonical import Form, Kind
from shared.client import ServiceClient
from shared.contracts.instants import rfc3339
from shared.contracts.reports import VerifiedMessage

PREFIX = "/alipay/messages/"
LABEL = "/alipay/messages"
AUTHORISED = b"open_app_auth_notify"

_messages = Counter("alipay_messages_total", "App-gateway messages", ["verdict", "reason"])


class Messages:
    """Messages to a bound app; they may also name the app of the authorising merchant."""

    prefix = PREFIX
    counter = _messages
    committed = frozenset({"stored", "duplicate"})
    fields = ("app_id", "auth_app_id", "biz_content", "msg_id", "msg_method", "notify_id",
              "notify_type", "sign_type", "status")  # fmt: skip

    def __init__(self, device: ServiceClient) -> None:
        self._device = device

    def kind(self, form: Form) -> Kind:
        # The device service reads msg_method if there is one, so the rule depends on it too.
        is_old = not form.fields.get(b"msg_method")
        return "pay" if is_old and form.fields.get(b"notify_type") == AUTHORISED else "app"

    def is_about(self, app: AppKeys, fields: dict[str, str]) -> bool:
        return fields.get("app_id") == app.app_id

    async def commit(self, delivery: Delivery) -> str:
        document: VerifiedMessage = {
            "app_id": delivery.app_id,
            "body_b64": base64.b64encode(delivery.body).decode(),
            "fields": delivery.fields,
            "received_at": rfc3339(delivery.received_at),
        }
        reply = await self._device.call_ok(
            "POST", "/internal/messages", body=document, tenant_id=delivery.tenant_id
        )
        return str(reply.get("verdict")) if isinstance(reply, dict) else ""
