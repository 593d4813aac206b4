"""Content encryption both ways: the request's biz_content, and the quoted node of the answer."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.alipay.wire import aes
from tests.unit.sandbox_alipay.merchant import Merchant, is_signed, new_no

KEY = "AAECAwQFBgcICQoLDA0ODw=="
RAW_KEY = bytes(range(16))
PAY = "alipay.trade.pay"
ROOT = "alipay_trade_pay_response"


def test_a_known_pair() -> None:
    text = '{"out_trade_no":"T1","subject":"测试"}'
    cipher = "G7PYcjyAquhKW/Z/PmtCC9anZI58gbG8GWG+T8AntSJAGJKBHBrz/7IoJGO1LdCr"
    assert aes.encrypt(aes.parse_key(KEY), text.encode()).decode() == cipher
    assert aes.decrypt(aes.parse_key(KEY), cipher).decode() == text


@given(st.binary(max_size=100))
def test_there_and_back(plain: bytes) -> None:
    assert aes.decrypt(RAW_KEY, aes.encrypt(RAW_KEY, plain).decode()) == plain


@pytest.mark.parametrize("text", ["", "AAAA", "*", "中", base64.b64encode(bytes(16)).decode()])
def test_what_no_key_opens(text: str) -> None:
    with pytest.raises(aes.BadCipher):
        aes.decrypt(RAW_KEY, text)


def encrypted(text: str) -> str:
    """With code of the test's own."""
    raw = text.encode()
    raw += bytes([16 - len(raw) % 16]) * (16 - len(raw) % 16)
    encryptor = Cipher(algorithms.AES(RAW_KEY), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(encryptor.update(raw) + encryptor.finalize()).decode()


def decrypted(text: str) -> Any:
    decryptor = Cipher(algorithms.AES(RAW_KEY), modes.CBC(bytes(16))).decryptor()
    raw = decryptor.update(base64.b64decode(text)) + decryptor.finalize()
    return json.loads(raw[: -raw[-1]])


async def _pay(merchant: Merchant, biz: str, **more: str) -> bytes:
    params = merchant.signed(PAY, encrypted(biz), **{"encrypt_type": "AES", **more})
    status, body = await merchant.post(params)
    assert status == 200
    return body


def _order(merchant: Merchant, no: str) -> str:
    return json.dumps(merchant.order(no), ensure_ascii=False)


@pytest.mark.asyncio
async def test_an_encrypted_payment(merchant: Merchant) -> None:
    """The two quotes of the ciphertext are under the signature."""
    await merchant.register(app_id=merchant.app_id, aes_key=KEY)
    no = new_no()
    body = await _pay(merchant, _order(merchant, no))
    document = json.loads(body)
    head = f'{{"{ROOT}":'.encode()
    node = body[len(head) : body.index(b',"sign":"')]
    assert node == json.dumps(document[ROOT]).encode()
    assert is_signed(merchant.alipay_public_key, node, document["sign"])
    found = decrypted(document[ROOT])
    assert (found["code"], found["out_trade_no"]) == ("10000", no)
    assert (await merchant.admin("GET", f"trades/{no}"))["subject"] == "测试 咖啡"


@pytest.mark.asyncio
async def test_failures_come_back_in_clear(merchant: Merchant) -> None:
    await merchant.register(app_id=merchant.app_id, aes_key=KEY)
    body = await _pay(merchant, '{"out_trade_no":"A"}')
    assert merchant.read(PAY, body)["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.asyncio
async def test_an_app_with_a_key_may_still_speak_in_clear(merchant: Merchant) -> None:
    shown = await merchant.register(app_id=merchant.app_id, aes_key=KEY)
    assert shown["has_aes_key"] is True
    assert KEY not in json.dumps(shown)
    assert (await merchant.pay(new_no()))["code"] == "10000"


@pytest.mark.asyncio
async def test_what_cannot_be_opened(merchant: Merchant) -> None:
    await merchant.register(app_id=merchant.app_id, aes_key=KEY)
    told = []
    for text, kind in (
        ("{}", {"encrypt_type": "AES"}),
        (encrypted("{}")[:-4], {"encrypt_type": "AES"}),
        (encrypted("[]"), {"encrypt_type": "AES"}),
        (encrypted("{}"), {}),
        ("nonsense", {}),
    ):
        _, body = await merchant.post(merchant.signed(PAY, text, **kind))
        told.append(merchant.read(PAY, body)["sub_code"])
    assert told == [
        "isv.invalid-encrypt",
        "isv.invalid-encrypt",
        "isv.illegal-json",
        "isv.decryption-error-missing-encrypt-type",
        "isv.illegal-json",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["bad_signature", "wrong_key", "spaces", "cert_sn", "unicode"])
async def test_misbehaviour_meets_encryption(merchant: Merchant, kind: str) -> None:
    await merchant.register(app_id=merchant.app_id, aes_key=KEY)
    await merchant.fault(kind, times=1)
    no = new_no()
    document = json.loads(await _pay(merchant, _order(merchant, no)))
    node = json.dumps(document[ROOT]).encode()
    is_good = is_signed(merchant.alipay_public_key, node, document["sign"])
    assert is_good == (kind not in {"bad_signature", "wrong_key"})
    assert decrypted(document[ROOT])["out_trade_no"] == no
