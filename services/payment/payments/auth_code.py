"""Whose code is it: routes an auth code to a channel and a scene by its shape alone.

The device's scanner cannot tell an Alipay code from a WeChat one, and need not: the ranges are
disjoint. A code is single use and lives about a minute; it is never stored and never logged.
"""

import re
from typing import Literal

from services.payment.payments.rules import BadAuthCode, ChannelNotConfigured

Route = tuple[Literal["alipay"], Literal["face", "code"]]

# re.ASCII: full-width digits are digits to `\d` otherwise. fullmatch: `$` would allow a line end.
_ALIPAY_BAR = re.compile(r"(?:2[5-9]|30)\d{14,22}", re.ASCII)
_ALIPAY_FACE = re.compile(r"fp[0-9A-Za-z]{33}", re.ASCII)
_WECHAT = re.compile(r"1[0-5]\d{16}", re.ASCII)


def route_auth_code(auth_code: str) -> Route:
    """("alipay", "face" or "code"), or a Problem that says why not."""
    if _ALIPAY_FACE.fullmatch(auth_code):
        return "alipay", "face"
    if _ALIPAY_BAR.fullmatch(auth_code):
        return "alipay", "code"
    if _WECHAT.fullmatch(auth_code):
        raise ChannelNotConfigured(channel="wechat")
    raise BadAuthCode
