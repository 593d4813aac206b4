"""App-gateway messages: stored once after the edge has verified them. A message about a version
brings the checks of its app forward. It is only a hint (alipay-iot §4): the steps are checked
without it, too. Messages without an effect stay stored, for a later version.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.device.deps import Deps
from services.device.releases import repo
from services.device.releases.rules import HURRIES, BadMessage, MessageWord

ID_MAX = 128


async def take_message(
    deps: Deps,
    tenant_id: UUID,
    app_id: str,
    fields: Mapping[str, str],
    body: bytes,
    received_at: datetime,
) -> MessageWord:
    """Commits a verified message and brings the checks of its app forward; a repeated message is a
    duplicate. BadMessage when it does not name its method, is about another app, or cannot be
    stored as text."""
    method = fields.get("msg_method") or fields.get("notify_type", "")
    content = fields.get("biz_content", "")
    if not method or fields.get("app_id") != app_id or "\0" in method + content:
        raise BadMessage
    now = deps.clock.now()
    hurries = method in HURRIES
    values = {
        "tenant_id": tenant_id,
        "app_id": app_id,
        "msg_id": _message_id(fields, body),
        "msg_method": method,
        "biz_content": content,
        "body": body,
        "received_at": received_at,
        "handled_at": now if hurries else None,
    }
    async with deps.db.tx(tenant_id) as tx:
        is_new = await repo.put_message(tx, values)
        if is_new and hurries:
            await repo.look_at(tx, tenant_id, app_id, now)
    return "stored" if is_new else "duplicate"


def _message_id(fields: Mapping[str, str], body: bytes) -> str:
    """Alipay's id of the message, the same on a resend; without one, the digest of its body."""
    given = fields.get("notify_id") or fields.get("msg_id", "")
    if given.isprintable() and 0 < len(given) <= ID_MAX:
        return given
    return hashlib.sha256(given.encode() or body).hexdigest()
