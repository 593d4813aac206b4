"""What a business method is given, and the readers of its fields."""

import re
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.alipay.apps import App
from deploy.sandbox.alipay.money import fen_of
from deploy.sandbox.alipay.refusals import Refused

INVALID = "ACQ.INVALID_PARAMETER"
_ORDER_NO = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(slots=True)
class Call:
    """A verified request. `faults` holds the arguments of the misbehaviours meant for it."""

    app: App
    method: str
    biz: dict[str, Any]
    notify_url: str | None = None
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self, name: str, limit: int, *, is_needed: bool = False) -> str:
        value = self.biz.get(name)
        if value is None or value == "":
            if is_needed:
                raise Refused(INVALID, f"{name}不能为空")
            return ""
        if not isinstance(value, str) or len(value) > limit:
            raise Refused(INVALID, f"{name}格式错误")
        return value

    def out_trade_no(self) -> str:
        value = self.text("out_trade_no", 64, is_needed=True)
        if _ORDER_NO.fullmatch(value) is None:
            raise Refused(INVALID, "out_trade_no只能包含字母、数字、下划线")
        return value

    def fen(self, name: str) -> int:
        """The wire says text; a bare JSON number arrives here as its own text."""
        fen = fen_of(self.biz.get(name))
        if fen is None:
            raise Refused(INVALID, f"{name}格式错误")
        return fen
