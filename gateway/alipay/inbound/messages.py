"""POST /alipay/messages/{route}: app-gateway messages (review results, authorisations, ...).

Verified like a notice, by the rule of their own family: sign_type is under the signature. One
envelope of this address, the old one that tells of an authorisation, is signed as trade notices
are (alipay-protocol §3.3.4). Its name is under the signature by either rule, so exactly one rule
is tried, and no message can be renamed into the other's. Binding commits them, then `success`.
"""

from prometheus_client import Counter

from gateway.alipay.inbound.signed import SignedDoor
from gateway.alipay.protocol.canonical import Form, Kind

PREFIX = "/alipay/messages/"
LABEL = "/alipay/messages"
AUTHORISED = b"open_app_auth_notify"

_messages = Counter("alipay_messages_total", "App-gateway messages", ["verdict", "reason"])


class MessageDoor(SignedDoor):
    """Messages to a bound app; an authorising merchant's own app may be named beside it."""

    prefix = PREFIX
    kind = "app"
    counter = _messages
    path = "/internal/messages"
    committed = frozenset({"stored", "duplicate"})
    fields = ("app_id", "auth_app_id", "biz_content", "msg_id", "msg_method", "notify_id",
              "notify_type", "sign_type", "status")  # fmt: skip

    def _kind(self, form: Form) -> Kind:
        # Binding goes by msg_method where there is one, and so does the rule.
        is_old = not form.fields.get(b"msg_method")
        return "pay" if is_old and form.fields.get(b"notify_type") == AUTHORISED else self.kind
