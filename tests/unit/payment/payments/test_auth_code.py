"""Auth codes by shape (architecture §5): the ranges are disjoint, the edges are exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payment.channels.alipay import Alipay
from services.payment.channels.port import Channels
from services.payment.payments.auth_code import route_auth_code
from services.payment.payments.rules import BadAuthCode, ChannelNotConfigured

CHANNELS = Channels(Alipay(None, None))


def route(auth_code):
    channel, scene = route_auth_code(CHANNELS, auth_code)
    return channel.name, scene


@pytest.mark.parametrize("prefix", ["25", "26", "27", "28", "29", "30"])
@pytest.mark.parametrize("rest", [14, 16, 22])
def test_alipay_bar_codes(prefix, rest):
    assert route(prefix + "7" * rest) == ("alipay", "code")


def test_face_codes():
    assert route("fp" + "aZ0" * 11) == ("alipay", "face")


@pytest.mark.parametrize("prefix", ["10", "11", "12", "13", "14", "15"])
def test_wechat_codes_are_known_but_not_configured(prefix):
    with pytest.raises(ChannelNotConfigured):
        route(prefix + "0" * 16)


@pytest.mark.parametrize(
    "code",
    [
        "", " ", "123", "24" + "1" * 16, "31" + "1" * 16, "16" + "1" * 16, "99" + "1" * 16,
        "28" + "1" * 13, "28" + "1" * 23, "28" + "１" * 16, "28" + "1" * 16 + "\n",
        " 28" + "1" * 16, "10" + "1" * 15, "10" + "1" * 17, "fp" + "a" * 32, "fp" + "a" * 34,
        "FP" + "a" * 33, "fp" + "a" * 32 + "-", "fp" + "a" * 33 + "\n", "fp" + "á" * 33,
    ],
)  # fmt: skip
def test_everything_else_is_refused(code):
    with pytest.raises(BadAuthCode):
        route(code)


@given(st.text(max_size=40))
def test_any_text_is_routed_or_refused(code):
    try:
        channel, scene = route(code)
    except (BadAuthCode, ChannelNotConfigured):
        return
    assert channel == "alipay"
    assert code.isascii()
    assert (scene == "face") == code.startswith("fp")
