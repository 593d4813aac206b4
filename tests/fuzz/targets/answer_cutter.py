"""The answer cutter: what it cuts is a slice of what came, and the second cutter agrees."""

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.alipay.protocol.canonical import BadResponse, cut_response, signed_texts
from gateway.alipay.protocol.envelope import unwrap
from tests.unit.gateway.second_cutter import METHOD, agree

SEEDS = (
    b'{"alipay_trade_pay_response":{"code":"10000","u":"https:\\/\\/x"},"sign":"QUJD"}',
    b'{"alipay_trade_pay_response":{"a":"}\\"{"},"alipay_cert_sn":"01","sign":"QUJD"}',
    b'{"alipay_trade_pay_response":"QUJD\\/+==","sign":"QUJD"}',
    b'{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}',
    b'\xef\xbb\xbf {"alipay_trade_pay_response" : {"code":"20000","sub_msg":"\xcf\xb5\xb2\xe2"}}',
    b'{"alipay_trade_query_response":{},"alipay_trade_pay_response":{},"sign":"S","sign":"T"}',
)

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
_AES_KEY = "AAECAwQFBgcICQoLDA0ODw=="


def check(data: bytes) -> None:
    """The whole body of an answer."""
    agree(data)
    answer = unwrap(data, METHOD, [_KEY], aes_key=_AES_KEY)
    assert not answer.is_verified
    assert not answer.members
    (answer.reason + answer.code + answer.sub_code + answer.sub_msg).encode()
    try:
        cut = cut_response(data, METHOD)
    except BadResponse as error:
        reason = error.reason
    else:
        reason = answer.reason
        assert reason in ("no_sign", "base64", "signature")
        assert cut.content in data
        assert next(signed_texts(cut)) == cut.content
    assert answer.reason == reason
