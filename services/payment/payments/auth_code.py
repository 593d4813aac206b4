"""Routes an auth code to a channel and a scene by its shape alone.

The device's scanner cannot tell an Alipay code from a WeChat one. It need not, because the ranges
are disjoint. A code is valid once and for about a minute; it is never stored and never logged.
"""

import re

from services.payment.channels.port import Channel, Channels
from services.payment.payments.rules import BadAuthCode, ChannelNotConfigured
from services.payment.snapshot import Scene

# re.ASCII: without it `\d` also matches full-width digits. fullmatch: `$` would allow a line end.
_WECHAT = re.compile(r"1[0-5]\d{16}", re.ASCII)


def route_auth_code(channels: Channels, auth_code: str) -> tuple[Channel, Scene]:
    """The channel and the scene, "face" or "code". Raises BadAuthCode or ChannelNotConfigured."""
    found = channels.of_code(auth_code)
    if found is not None:
        return found
    if _WECHAT.fullmatch(auth_code):
        raise ChannelNotConfigured(channel="wechat")
    raise BadAuthCode
