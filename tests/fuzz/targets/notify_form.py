"""The notification door's parser: refuses by reason, decodes once, never believes a stranger."""

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.alipay.protocol.canonical import BadForm, notify_contents, read_form
from gateway.alipay.protocol.verify import check_notify

SEEDS = (
    b"application/x-www-form-urlencoded; text/html; charset=utf-8\n"
    b"charset=utf-8&app_id=2021&subject=%E6%B5%8B+%2B&body=&sign_type=RSA2&sign=QUJD",
    b"application/x-www-form-urlencoded;charset=GBK\ncharset=GBK&subject=%B2%E2&sign=A%2BB%3D",
    b"\na=1&a=1",
    b"application/json\n{}",
    b"application/x-www-form-urlencoded\na%26b=1&%=&=&&charset=utf-16",
)

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


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
