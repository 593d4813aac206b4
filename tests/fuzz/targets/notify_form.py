"""The notification door's parser: refuses by reason, decodes once, never believes a stranger; and
whatever a form says, its document is one that payment takes."""

from datetime import UTC, datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import TypeAdapter

from gateway.alipay.inbound.notification import read_notice
from gateway.alipay.inbound.notify import written
from gateway.alipay.inbound.signed import Delivery
from gateway.alipay.protocol.canonical import BadForm, notify_contents, read_form
from gateway.alipay.protocol.verify import check_notify
from shared.contracts.notices import Notice

SEEDS = (
    b"application/x-www-form-urlencoded; text/html; charset=utf-8\n"
    b"charset=utf-8&app_id=2021&subject=%E6%B5%8B+%2B&body=&sign_type=RSA2&sign=QUJD",
    b"application/x-www-form-urlencoded;charset=GBK\ncharset=GBK&subject=%B2%E2&sign=A%2BB%3D",
    b"\na=1&a=1",
    b"application/json\n{}",
    b"application/x-www-form-urlencoded\nout_trade_no=T%00&total_amount=12.07&refund_fee=1.00"
    b"&gmt_payment=2026-11-23+12:00:05&trade_status=TRADE_SUCCESS&notify_id=%2F&trans_currency=USD",
    b"application/x-www-form-urlencoded\na%26b=1&%=&=&&charset=utf-16",
)

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
_TAKEN = TypeAdapter(Notice)
_TENANT, _NOW = UUID(int=1), datetime(2026, 11, 23, tzinfo=UTC)


def check(data: bytes) -> None:
    """First line: the content type. The rest: the body."""
    content_type, _, body = data.partition(b"\n")
    try:
        form = read_form(body, content_type.decode("latin-1"))
    except BadForm:
        return
    for kind in ("pay", "app"):
        contents = notify_contents(form.fields, kind)
        assert contents
        assert len(contents) <= 2
        assert not check_notify(form, kind, [_KEY]).is_valid
    assert len(form.fields) <= body.count(b"&") + 1
    try:
        texts = form.texts()
    except BadForm:
        return
    assert all(texts.values())
    for name in texts:
        assert isinstance(form.text(name), str)
    notice = read_notice(Delivery(_TENANT, "2021", texts, body, _NOW, "fuzz"))
    assert _TAKEN.validate_json(written(notice)) == notice, "payment would refuse its batch"
