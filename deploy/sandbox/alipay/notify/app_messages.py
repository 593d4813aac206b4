"""Messages to an application's own gateway: queued by hand, sent on the notices' schedule."""

from deploy.sandbox.alipay.apps.registry import App
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.kit import notifies
from deploy.sandbox.kit.ledger import Tx


def fields_of(app_id: str, name: str, biz_content: str, at_ms: int) -> notices.Fields:
    """`name` is a msg_method; without a dot it is one of the older notify_types."""
    if "." in name:
        head = {notices.IS_MESSAGE: name, "utc_timestamp": str(at_ms), "version": "1.1"}
    else:
        head = {"notify_type": name, "version": "1.0"}
    return {**head, "app_id": app_id, "charset": "UTF-8", "biz_content": biz_content}


def enqueue(tx: Tx, app: App, name: str, biz_content: str) -> str:
    """To the app's messages_url until it answers `success`; gives the notify_id."""
    notify_id = notices.new_notify_id(tx.now_ms)
    fields = fields_of(app.app_id, name, biz_content, tx.now_ms)
    notifies.enqueue(tx, notify_id, app.app_id, "", name, app.messages_url, fields)
    return notify_id
