"""payment and binding → egress: a call to Alipay, and what came of it (`/alipay/{method}`,
`/key-check`, `/bill-file`). A problem answer means that surely nothing was sent."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Outcome = Literal["success", "in_process", "refused", "config_error", "not_found", "unknown"]


class EgressRequest(TypedDict):
    """What to ask, as which app. The egress names its parameters, and refuses others."""

    app_id: str
    params: Mapping[str, Any]
    key_version: NotRequired[int]
    """sign with this one; else with the newest"""
    app_auth_token: NotRequired[str]
    """a merchant's grant, instead of the one that is bound with the app"""


class EgressResponse(TypedDict):
    """What the channel's verified answer amounts to."""

    outcome: Outcome
    code: str | None
    sub_code: str | None
    sub_msg: str | None
    key_version: int
    """that signed"""
    data: Mapping[str, Any]
    """of `unknown`: sent, reason, retry; else the method's own members, amounts in fen"""
