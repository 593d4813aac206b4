"""App-gateway messages: stored once when the edge has verified them, acted on by the worker.

Whoever needs one kind (onboarding) registers for its msg_method; a message nobody registered for
stays where it is and can be handled by a later version. Messages are a hint to look again, never
the only way to learn of something (alipay-iot §4), so nothing breaks when one does not come.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from services.binding.messages import repo
from services.binding.models import AppMessage
from shared.errors import InvalidBody
from shared.telemetry import get_logger

BATCH = 50
TICK_S = 2.0
ID_MAX = 128

log = get_logger("messages")

Name = tuple[UUID, str, str]
MessageWord = Literal["stored", "duplicate"]
Handler = Callable[[Deps, AsyncSession, AppMessage], Awaitable[None]]
"""Acts within the transaction that marks the message as handled; no network call in it."""


class BadMessage(InvalidBody):
    code = "binding.bad_message"
    title = "消息内容不完整 The message lacks what it must say."


class MessageHandlers:
    """msg_method -> what is to be done about such a message."""

    def __init__(self) -> None:
        self._by_method: dict[str, Handler] = {}

    def on(self, msg_method: str) -> Callable[[Handler], Handler]:
        """`@handlers.on("alipay.open.mini.version.audit.passed")`; one handler a method."""

        def register(handler: Handler) -> Handler:
            if self._by_method.setdefault(msg_method, handler) is not handler:
                raise ValueError(f"{msg_method} has a handler")
            return handler

        return register

    @property
    def methods(self) -> list[str]:
        return sorted(self._by_method)

    def of(self, message: AppMessage) -> Handler:
        return self._by_method[message.msg_method]


handlers = MessageHandlers()


async def take_message(
    deps: Deps,
    tenant_id: UUID,
    app_id: str,
    fields: Mapping[str, str],
    body: bytes,
    received_at: datetime,
) -> MessageWord:
    """Commits a verified message; the same one again is a duplicate. BadMessage when it does not
    say what it is, or cannot be stored as text."""
    method = fields.get("msg_method") or fields.get("notify_type", "")
    content = fields.get("biz_content", "")
    if not method or fields.get("app_id") != app_id or "\0" in method + content:
        raise BadMessage
    values = {
        "tenant_id": tenant_id,
        "app_id": app_id,
        "msg_id": _message_id(fields, body),
        "msg_method": method,
        "biz_content": content,
        "body": body,
        "received_at": received_at,
    }
    async with deps.db.tx(tenant_id) as tx:
        is_new = await repo.put(tx, values)
    return "stored" if is_new else "duplicate"


def _message_id(fields: Mapping[str, str], body: bytes) -> str:
    """Alipay's id of the message, the same on a resend; without one, the digest of its body."""
    given = fields.get("notify_id") or fields.get("msg_id", "")
    if given.isprintable() and 0 < len(given) <= ID_MAX:
        return given
    return hashlib.sha256(given.encode() or body).hexdigest()


async def handle_due(deps: Deps, found: MessageHandlers = handlers) -> int:
    """One bounded round over messages that somebody registered for, oldest first, each in a
    transaction of its own; returns how many were handled. One that cannot be handled is left to
    the next round and holds up no other."""
    if not found.methods:
        return 0
    handled, failed = 0, set[Name]()
    for _ in range(BATCH):
        name: Name | None = None
        try:
            async with deps.db.tx(None) as tx:
                message = await repo.oldest(tx, found.methods, failed)
                if message is None:
                    break
                name = (message.tenant_id, message.app_id, message.msg_id)
                await found.of(message)(deps, tx, message)
                message.handled_at = deps.clock.now()
            handled += 1
        except Exception:
            if name is None:
                raise
            failed.add(name)
            log.exception("messages.unhandled", app_id=name[1], msg_id=name[2])
    return handled
