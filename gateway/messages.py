"""POST /alipay/messages/{route}: app-gateway messages (review results, authorisations, ...).

Verified like a notice, by the rule of their own family: sign_type is under the signature, and the
address says so, never the message (alipay-protocol §3.3). Binding commits them, then `success`.
"""

from prometheus_client import Counter

from gateway.notify import SignedDoor

PREFIX = "/alipay/messages/"
LABEL = "/alipay/messages"

_messages = Counter("alipay_messages_total", "App-gateway messages", ["verdict", "reason"])


class MessageDoor(SignedDoor):
    """Messages to a bound app; an authorising merchant's own app may be named beside it."""

    prefix = PREFIX
    kind = "app"
    counter = _messages
    path = "/internal/messages"
    committed = frozenset({"stored", "duplicate"})
    fields = ("app_id", "auth_app_id", "biz_content", "msg_id", "msg_method", "notify_id",
              "notify_type")  # fmt: skip
