"""A verified request as its method receives it, and readers of its fields."""

import re
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.alipay.apps.registry import App
from deploy.sandbox.alipay.wire.money import fen_of
from deploy.sandbox.alipay.wire.refusals import Refused

INVALID = "ACQ.INVALID_PARAMETER"
_ORDER_NO = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a call is about: the caller's own, or of the merchant whose token it has."""

    app_id: str
    seller_id: str
    buyer_ids: str
    isv_app_id: str | None = None


@dataclass(slots=True)
class Call:
    """A verified request. `faults` holds the arguments of the misbehaviours meant for it."""

    app: App
    method: str
    biz: dict[str, Any]
    notify_url: str | None = None
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    host: str = ""
    acting: Account | None = None

    @property
    def owner(self) -> Account:
        app = self.app
        return self.acting or Account(app.app_id, app.seller_id, app.buyer_ids)

    @property
    def invalid(self) -> str:
        """The code of a bad parameter: only the trade methods prefix it with ACQ."""
        return INVALID if self.method.startswith("alipay.trade.") else "INVALID_PARAMETER"

    def text(self, name: str, limit: int, *, is_needed: bool = False) -> str:
        value = self.biz.get(name)
        if value is None or value == "":
            if is_needed:
                raise Refused(self.invalid, f"{name}不能为空")
            return ""
        if not isinstance(value, str) or len(value) > limit:
            raise Refused(self.invalid, f"{name}格式错误")
        return value

    def out_trade_no(self) -> str:
        value = self.text("out_trade_no", 64, is_needed=True)
        if _ORDER_NO.fullmatch(value) is None:
            raise Refused(INVALID, "out_trade_no只能包含字母、数字、下划线")
        return value

    def whole(self, name: str, default: int) -> int:
        text = self.text(name, 9)
        if text and not (text.isascii() and text.isdigit()):
            raise Refused(self.invalid, f"{name}格式错误")
        return int(text) if text else default

    def flag(self, name: str) -> bool:
        value = self.biz.get(name)
        return value is True or (isinstance(value, str) and value in {"true", "TRUE", "Y"})

    def fen(self, name: str) -> int:
        """Amounts are text on the wire; a bare JSON number arrives here as its digits."""
        fen = fen_of(self.biz.get(name))
        if fen is None:
            raise Refused(INVALID, f"{name}格式错误")
        return fen
