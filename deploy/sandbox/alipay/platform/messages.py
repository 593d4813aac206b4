"""Messages to an application's gateway: another family than trade notices, another signature.

They follow the notices' schedule (resent until the answer is `success`); only the fields and
the rule of signing differ: here `sign_type` is under the signature.
"""

import json
from collections.abc import Sequence
from typing import Any

from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.platform import accounts
from deploy.sandbox.kit import clock, notifies
from deploy.sandbox.kit.ledger import Tx

AUTHORISED = "open_app_auth_notify"


def emit(
    tx: Tx, app_id: str, msg_method: str, biz: dict[str, Any], also: Sequence[str] = ()
) -> None:
    """To the app's own gateway, and to the one of the ISV that acts for it."""
    for receiver in dict.fromkeys([app_id, *also]):
        fields = {
            "msg_method": msg_method,
            "msg_type": "sub",
            "msg_app_id": app_id,
            "app_id": receiver,
            "charset": "UTF-8",
            "version": "1.1",
            "utc_timestamp": str(tx.now_ms),
            "biz_content": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
        }
        _enqueue(tx, receiver, msg_method, fields)


def emit_authorised(tx: Tx, isv_app_id: str, auth_app_id: str, biz: dict[str, Any]) -> None:
    """The only message that is signed as trade notices are."""
    fields = {
        "notify_type": AUTHORISED,
        "app_id": isv_app_id,
        "auth_app_id": auth_app_id,
        "status": "execute_auth",
        "charset": "utf-8",
        "version": "1.0",
        "biz_content": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
    }
    _enqueue(tx, isv_app_id, AUTHORISED, fields)


def _enqueue(tx: Tx, receiver: str, method: str, fields: dict[str, str]) -> None:
    """Sent only to a registered app with an address, because its keys sign the message."""
    url = _messages_url(tx, receiver)
    if url is None or tx.one("SELECT 1 FROM apps WHERE app_id = ?", receiver) is None:
        return
    notify_id = notices.new_notify_id(tx.now_ms)
    notifies.enqueue(tx, notify_id, receiver, "", method, url, fields)


def _messages_url(tx: Tx, app_id: str) -> str | None:
    """Set with the account's other settings, or when the app was registered."""
    mini = accounts.find(tx, app_id)
    if mini is not None and mini.messages_url:
        return mini.messages_url
    row = tx.one("SELECT messages_url FROM app_options WHERE app_id = ?", app_id)
    return row[0] if row is not None else None


def sent(tx: Tx, app_id: str, limit: int = 50) -> list[dict[str, Any]]:
    """The newest messages, for the admin interface."""
    rows = tx.all(
        "SELECT * FROM notifies WHERE app_id = ? AND out_trade_no = ''"
        " ORDER BY created_ms DESC LIMIT ?",
        app_id,
        limit,
    )
    return [
        {
            "notify_id": row["notify_id"],
            "msg_method": row["method"],
            "biz_content": json.loads(json.loads(row["fields"])["biz_content"]),
            "url": row["url"],
            "state": row["state"],
            "attempts": row["attempts"],
            "last_status": row["last_status"],
            "created_at": clock.iso(row["created_ms"]),
        }
        for row in rows
    ]
