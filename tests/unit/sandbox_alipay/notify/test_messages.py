"""Messages to an app's own gateway, and the shapes of notifies that only an edge's tests need."""

import asyncio
import base64
import json
from urllib.parse import unquote_plus

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.unit.sandbox_alipay.conftest import Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, content_of, is_signed, new_no
from tests.unit.sandbox_alipay.notify import test_notify
from tests.unit.sandbox_alipay.notify.test_notify import V1, fields_of, is_genuine
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

AUDIT = "alipay.open.mini.version.audit.passed"
SHAPES: list[tuple[str, bool, dict[str, str | None]]] = [
    ("junk_sign", False, {"sign": "*not base64*"}),
    ("dropped_field", False, {"seller_id": None}),
    ("added_field", False, {"refund_fee": "0.01"}),
    ("wrong_auth_app", True, {"auth_app_id": "2021999999999999"}),
    ("unknown_status", True, {"trade_status": "TRADE_PAID"}),
    ("cert_sn", False, {"alipay_cert_sn": "0123456789abcdef0123456789abcdef"}),
    ("sign_type_rsa", True, {"sign_type": "RSA"}),
    ("sha1", False, {"sign_type": "RSA"}),
    ("drops_sign_type", True, {"sign_type": "RSA2"}),
]


def is_genuine_v2(merchant: Merchant, body: bytes) -> bool:
    """sign_type stays under the signature."""
    fields = fields_of(body)
    return is_signed(
        merchant.alipay_public_key, content_of(fields).encode(), fields.get("sign", "")
    )


async def test_a_message_is_told_until_success(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.register(app_id=merchant.app_id, messages_url=receiver.url)
    await merchant.admin("POST", "clock", {"scale": 20_000})
    receiver.answers = ["fail"]
    biz = {"mini_app_id": "2021", "note": "a+b & 50% 通过 🙂"}
    wanted = {"app_id": merchant.app_id, "msg_method": AUDIT, "biz_content": biz}
    answer = await merchant.admin("POST", "messages", wanted)
    await until(lambda: len(receiver.seen) == 2)
    for _, body in receiver.seen:
        assert is_genuine_v2(merchant, body)
        assert not is_genuine(merchant, body)
        fields = fields_of(body)
        assert (fields["msg_method"], fields["app_id"]) == (AUDIT, merchant.app_id)
        assert json.loads(fields["biz_content"]) == biz
        assert fields["notify_id"] == answer["notify_id"]
        assert (fields["version"], fields["sign_type"]) == ("1.1", "RSA2")
        assert fields["utc_timestamp"].isdigit()
        assert "notify_time" not in fields
    await asyncio.sleep(0.1)
    listed = (await merchant.admin("GET", f"messages?app_id={merchant.app_id}"))["messages"]
    assert [(one["method"], one["state"], one["attempts"]) for one in listed] == [
        (AUDIT, "done", 2)
    ]


@pytest.mark.parametrize(
    ("name", "keeps"), [("open_app_auth_notify", False), ("servicemarket_order_notify", True)]
)
async def test_older_messages(
    merchant: Merchant, receiver: Receiver, name: str, keeps: bool
) -> None:
    """On the schedule and by hand alike."""
    await merchant.register(app_id=merchant.app_id, messages_url=receiver.url)
    wanted = {"app_id": merchant.app_id, "msg_method": name}
    await merchant.admin("POST", "messages", wanted)
    await until(lambda: len(receiver.seen) == 1)
    await merchant.admin("POST", "messages", {**wanted, "times": 1})
    for _, body in receiver.seen:
        fields = fields_of(body)
        assert fields["notify_type"] == name
        assert fields["notify_time"]
        assert (is_genuine_v2(merchant, body), is_genuine(merchant, body)) == (keeps, not keeps)


async def test_a_message_in_another_shape(merchant: Merchant, receiver: Receiver) -> None:
    wanted = {"app_id": merchant.app_id, "msg_method": AUDIT, "url": receiver.url}
    for variant in ("genuine", "drops_sign_type", "wrong_key"):
        await merchant.admin("POST", "messages", {**wanted, "variant": variant})
    bodies = [body for _, body in receiver.seen]
    assert [is_genuine_v2(merchant, body) for body in bodies] == [True, False, False]
    assert [is_genuine(merchant, body) for body in bodies] == [False, True, False]


async def test_messages_that_are_refused(merchant: Merchant) -> None:
    good = {"app_id": merchant.app_id, "msg_method": AUDIT}
    for changes, status in (
        ({}, 409),
        ({"app_id": "1"}, 404),
        ({"msg_method": ""}, 400),
        ({"url": "http://127.0.0.1:9/", "variant": "x"}, 400),
    ):
        await merchant.admin("POST", "messages", {**good, **changes}, status=status)


async def test_every_variant_has_a_line_and_a_proof(merchant: Merchant) -> None:
    listed = (await merchant.admin("GET", "notify/variants"))["variants"]
    assert all(one["does"] and "\n" not in one["does"] for one in listed)
    assert {one["variant"] for one in listed} == {
        *(name for name, _ in test_notify.SHAPES),
        *(name for name, _, _ in SHAPES),
        *("gbk", "merged_fields", "sign_newline", "sign_spaces", "double_encoded"),
    }
    await merchant.admin("GET", "notify/x", status=404)


async def _sent(merchant: Merchant, receiver: Receiver, variant: str) -> bytes:
    no = new_no()
    await merchant.pay(no)
    await merchant.admin("POST", f"notify/{no}", {"url": receiver.url, "variant": variant})
    return receiver.seen[-1][1]


@pytest.mark.parametrize(("variant", "is_valid", "change"), SHAPES)
async def test_variants(
    merchant: Merchant,
    receiver: Receiver,
    variant: str,
    is_valid: bool,
    change: dict[str, str | None],
) -> None:
    body = await _sent(merchant, receiver, variant)
    fields = fields_of(body)
    assert {name: fields.get(name) for name in change} == change
    assert is_genuine(merchant, body) == is_valid


async def test_an_unsigned_number_is_all_that_is_wrong(
    merchant: Merchant, receiver: Receiver
) -> None:
    fields = fields_of(await _sent(merchant, receiver, "cert_sn"))
    content = content_of(fields, (*V1, "alipay_cert_sn")).encode()
    assert is_signed(merchant.alipay_public_key, content, fields["sign"])


async def test_sha1_is_by_the_right_key(merchant: Merchant, receiver: Receiver) -> None:
    fields = fields_of(await _sent(merchant, receiver, "sha1"))
    key = serialization.load_der_public_key(base64.b64decode(merchant.alipay_public_key))
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(
        base64.b64decode(fields["sign"]),
        content_of(fields, V1).encode(),
        padding.PKCS1v15(),
        hashes.SHA1(),  # noqa: S303
    )


async def test_merged_fields_say_the_same_text(merchant: Merchant, receiver: Receiver) -> None:
    body = await _sent(merchant, receiver, "merged_fields")
    assert "out_trade_no" not in fields_of(body)
    assert is_genuine(merchant, body)


async def test_signs_that_only_a_lax_decoder_reads(merchant: Merchant, receiver: Receiver) -> None:
    fields = fields_of(await _sent(merchant, receiver, "sign_newline"))
    assert fields["sign"].endswith("\n!!")
    content = content_of(fields, V1).encode()
    assert is_signed(merchant.alipay_public_key, content, fields["sign"][:344])
    for _ in range(20):
        fields = fields_of(await _sent(merchant, receiver, "sign_spaces"))
        if " " in fields["sign"]:
            break
    content = content_of(fields, V1).encode()
    assert not is_signed(merchant.alipay_public_key, content, fields["sign"].strip())
    assert is_signed(merchant.alipay_public_key, content, fields["sign"].replace(" ", "+"))


async def test_double_encoded(merchant: Merchant, receiver: Receiver) -> None:
    body = await _sent(merchant, receiver, "double_encoded")
    assert not is_genuine(merchant, body)
    assert is_genuine(merchant, unquote_plus(body.decode()).encode())
