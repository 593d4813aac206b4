"""payment, binding and device → egress: a call to Alipay, and its outcome (`/alipay/{method}`,
`/key-check`, `/bill-file`). A problem response means that nothing was sent."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Outcome = Literal["success", "in_process", "refused", "config_error", "not_found", "unknown"]


class EgressRequest(TypedDict):
    """The call and its app. The egress defines the parameters of each method and refuses others."""

    app_id: str
    params: Mapping[str, Any]
    key_version: NotRequired[int]
    """the key version that signs; without it, the newest"""
    app_auth_token: NotRequired[str]
    """a merchant's authorization, instead of the one that is bound with the app"""


class EgressResponse(TypedDict):
    """The outcome by the channel's verified response."""

    outcome: Outcome
    code: str | None
    sub_code: str | None
    sub_msg: str | None
    key_version: int
    """the version that signed"""
    data: Mapping[str, Any]
    """of `unknown`: sent, reason, retry; else the method's own members, amounts in fen"""
