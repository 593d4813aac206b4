"""Certificate mode, content encryption, ISV grants, the provider's number, from binding's answer to
the bytes on the wire and back (issue 5 items 2 and 4; pitfalls 22, 24, 27)."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.alipay.keyring import KeyRing
from gateway.alipay.protocol.canonical import request_content
from gateway.alipay.protocol.rsa2 import verify
from shared.contracts.documents import BoundAppOut
from shared.keys.sealed import LocalKeyProvider, new_data_key, seal
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import APP_ID, TENANT, answer_body, app_document
from tests.unit.gateway.test_egress import ORDER, PAID, PARAMS, PAY, answers, call, sent

AES_KEY = base64.b64encode(bytes(range(16))).decode()
GRANT = "202611BB" + "f" * 32
APP_SN, ROOT_SN, ALIPAY_SN = "a" * 32, f"{'b' * 32}_{'c' * 32}", "d" * 32
QUERY = "alipay.trade.query"
pytestmark = pytest.mark.asyncio


def aes(text: bytes, *, decrypts: bool = False) -> bytes:
    """AES-CBC, zero IV, PKCS#7, written here a second time: the wire's own rule."""
    cipher = Cipher(algorithms.AES(bytes(range(16))), modes.CBC(bytes(16)))
    if decrypts:
        worker, unpadder = cipher.decryptor(), padding.PKCS7(128).unpadder()
        return unpadder.update(worker.update(base64.b64decode(text))) + unpadder.finalize()
    padder, maker = padding.PKCS7(128).padder(), cipher.encryptor()
    return base64.b64encode(maker.update(padder.update(text) + padder.finalize()))


def sealed(kek: LocalKeyProvider, name: str, purpose: str, text: str) -> dict[str, str]:
    _, wrapped = new_data_key(kek)
    aad = f"{TENANT}|{APP_ID}|{purpose}|1"
    return {f"{name}_box": seal(kek, wrapped, text.encode(), aad), f"{name}_aad": aad}


def in_certificate_mode(document: dict[str, Any], **changed: Any) -> dict[str, Any]:
    facts = {
        "mode": "cert", "app_cert_sn": APP_SN, "alipay_root_cert_sn": ROOT_SN,
        "alipay_cert_sn": ALIPAY_SN, "app_cert_not_after": "2027-01-01T00:00:00Z",
        "alipay_cert_not_after": "2027-01-01T00:00:00Z", **changed,
    }  # fmt: skip
    return {**document, "mode": "cert", "versions": [{**document["versions"][0], **facts}]}


def bound(town: Town, document: dict[str, Any]) -> None:
    town.binding.on("GET", f"/internal/apps/{APP_ID}", document)


def with_sn(body: bytes, sn: str) -> bytes:
    """Alipay names its certificate between the node and the signature."""
    return body.replace(b',"sign":', b',"alipay_cert_sn":"' + sn.encode() + b'","sign":')


async def test_certificate_mode(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    bound(town, in_certificate_mode(app_document(kek, app_keys, alipay_keys)))
    answers(town, with_sn(answer_body(PAY, PAID, alipay_keys.private), ALIPAY_SN))
    assert (await call(town)).json()["outcome"] == "success"
    params = sent(town.alipay.seen[0])
    assert (params["app_cert_sn"], params["alipay_root_cert_sn"]) == (APP_SN, ROOT_SN)
    assert verify(request_content(params).encode(), params["sign"], app_keys.public)


async def test_an_answer_by_another_certificate_is_not_believed(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    document = in_certificate_mode(app_document(kek, app_keys, alipay_keys))
    bound(town, document)
    answers(town, with_sn(answer_body(PAY, PAID, alipay_keys.private), "e" * 32))
    told = (await call(town)).json()
    assert (told["outcome"], told["data"]["reason"]) == ("unknown", "cert_sn")
    # Bound anew under the number that the answer names: asked once more, the same bytes.
    changed = in_certificate_mode(app_document(kek, app_keys, alipay_keys, version=2),
                                  alipay_cert_sn="e" * 32)  # fmt: skip
    bound(town, changed)
    town.clock.advance(6)
    assert (await call(town)).json()["outcome"] == "success"


async def test_certificates_end(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    """Dates before trust: an expired one of ours does not sign, one of Alipay's is not believed."""
    past = "2026-11-23T04:00:00Z"
    document = app_document(kek, app_keys, alipay_keys)
    bound(town, in_certificate_mode(document, app_cert_not_after=past))
    got = await call(town)
    assert (got.status, got.json()["code"]) == (503, "gateway.no_signing_key")
    assert not town.alipay.seen
    bound(town, in_certificate_mode(document, alipay_cert_not_after=past))
    town.clock.advance(200)
    answers(town, with_sn(answer_body(PAY, PAID, alipay_keys.private), ALIPAY_SN))
    town.egress._keyring.on_gap()
    assert (await call(town)).json()["data"]["reason"] == "signature"


async def test_key_mode_carries_no_numbers(town: Town) -> None:
    answers(town, b"")
    await call(town)
    params = sent(town.alipay.seen[0])
    assert not {"app_cert_sn", "alipay_root_cert_sn", "encrypt_type", "app_auth_token"} & set(
        params
    )
    assert "extend_params" not in json.loads(params["biz_content"])


async def test_content_encryption_both_ways(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    """§5.3: encrypted, then signed; the answer's signature covers the quoted ciphertext."""
    document = app_document(kek, app_keys, alipay_keys)
    bound(town, document | sealed(kek, "aes_key", "app-aes-key", AES_KEY))
    quoted = b'"' + aes(json.dumps(PAID).encode()) + b'"'
    answers(town, answer_body(PAY, quoted, alipay_keys.private))
    told = (await call(town)).json()
    assert (told["outcome"], told["data"]["total_fen"]) == ("success", 1)
    params = sent(town.alipay.seen[0])
    assert params["encrypt_type"] == "AES"
    assert verify(request_content(params).encode(), params["sign"], app_keys.public)
    plain = json.loads(aes(params["biz_content"].encode(), decrypts=True))
    assert (plain["out_trade_no"], plain["scene"]) == (ORDER, "security_code")


@pytest.mark.parametrize("damage", ["unsigned", "other key", "no ciphertext", "other content"])
async def test_nothing_is_decrypted_before_it_verified(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair,
    other_keys: RsaPair, damage: str,
) -> None:  # fmt: skip
    document = app_document(kek, app_keys, alipay_keys)
    bound(town, document | sealed(kek, "aes_key", "app-aes-key", AES_KEY))
    secret = aes(json.dumps({**PAID, "total_amount": "9.99"}).encode())
    quoted = b'"' + (secret if damage != "no ciphertext" else b"AAAA") + b'"'
    signer = {"unsigned": None, "other key": other_keys.private}.get(damage, alipay_keys.private)
    answers(town, answer_body(PAY, quoted, signer))
    told = (await call(town)).json()
    assert told["outcome"] == "unknown"
    assert "9.99" not in str(told)


async def test_a_failure_comes_back_plain_even_then(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    document = app_document(kek, app_keys, alipay_keys)
    bound(town, document | sealed(kek, "aes_key", "app-aes-key", AES_KEY))
    node = {"code": "40004", "sub_code": "ACQ.PAYMENT_AUTH_CODE_INVALID", "out_trade_no": ORDER}
    answers(town, answer_body(PAY, node, alipay_keys.private))
    assert (await call(town)).json()["outcome"] == "refused"


async def test_a_merchants_grant_is_signed_and_out_of_the_address(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    """Pitfall 27; the caller's own stands before the bound one; some methods take none."""
    document = app_document(kek, app_keys, alipay_keys)
    bound(town, document | sealed(kek, "app_auth_token", "app-auth-token", GRANT))
    answers(town, answer_body(PAY, PAID, alipay_keys.private))
    for given, carried in (({}, GRANT), ({"app_auth_token": "of-the-call"}, "of-the-call")):
        await call(town, **given)
        seen = town.alipay.seen[-1]
        params = sent(seen)
        assert params["app_auth_token"] == carried
        assert carried not in seen.target
        assert verify(request_content(params).encode(), params["sign"], app_keys.public)
    exchange = {"grant_type": "authorization_code", "code": "C1"}
    await call(town, exchange, method="alipay.open.auth.token.app")
    assert "app_auth_token" not in sent(town.alipay.seen[-1])
    refused = await call(town, exchange, method="alipay.open.auth.token.app", app_auth_token="x")
    assert refused.json()["errors"][0]["pointer"] == "/app_auth_token"


async def test_every_payment_names_the_provider_and_nothing_else_does(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    """Forgotten, the commission is lost (§7); the app's own stands before the platform's."""
    answers(town, b"")
    town.egress._alipay._service_provider_id = "2088000000000008"
    sale = {"out_trade_no": ORDER, "total_fen": 1, "subject": "x"}
    beginnings = {
        PAY: PARAMS, "alipay.trade.precreate": sale,
        "alipay.trade.create": {**sale, "buyer_id": "2088000000000002"},
    }  # fmt: skip

    async def provider(method: str, params: dict[str, Any]) -> Any:
        await call(town, params, method=method)
        content = json.loads(sent(town.alipay.seen[-1])["biz_content"])
        return content.get("extend_params", {}).get("sys_service_provider_id")

    for method, params in beginnings.items():
        assert await provider(method, params) == "2088000000000008"
        assert "notify_url" in sent(town.alipay.seen[-1])
    for method in (QUERY, "alipay.trade.cancel", "alipay.trade.close"):
        assert await provider(method, {"out_trade_no": ORDER}) is None
    own = app_document(kek, app_keys, alipay_keys) | {"service_provider_id": "2088000000000009"}
    bound(town, own)
    town.egress._keyring.on_gap()
    town.clock.advance(200)
    assert await provider(PAY, PARAMS) == "2088000000000009"


async def test_what_a_device_signed_passes_through(town: Town) -> None:
    """§4.1: store, terminal and terminal_params as they are."""
    answers(town, b"")
    inside = '{"signature":"a+b/c=","credential":"x","terminalType":"IOT"}'
    face = {"store_id": "S1", "terminal_id": "T1", "terminal_params": inside}
    await call(town, {**PARAMS, **face})
    content = json.loads(sent(town.alipay.seen[0])["biz_content"])
    assert {name: content[name] for name in face} == face


@pytest.mark.parametrize("name", ["aes_key", "app_auth_token"])
async def test_a_secret_of_another_row_opens_nowhere(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, name: str
) -> None:
    """G2: a box copied to another app, or another member, is not used."""
    purpose = {"aes_key": "app-auth-token", "app_auth_token": "app-aes-key"}[name]
    document = app_document(kek, app_keys, alipay_keys)
    bound(town, document | sealed(kek, name, purpose, AES_KEY))
    assert (await call(town)).status == 503
    assert not town.alipay.seen


async def test_secrets_stay_in_the_egress(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:  # fmt: skip
    document = app_document(kek, app_keys, alipay_keys)
    document |= sealed(kek, "aes_key", "app-aes-key", AES_KEY)
    document |= sealed(kek, "app_auth_token", "app-auth-token", GRANT)
    bound(town, document)
    answers(town, b"")
    got = await call(town)
    keyring: KeyRing = town.edge._keyring
    edge_view = keyring._app_keys(BoundAppOut.model_validate(document))
    assert (edge_view.aes_key, edge_view.app_auth_token) == ("", "")
    opened = (await town.egress._keyring.by_app(APP_ID)) or pytest.fail("not loaded")
    assert (opened.aes_key, opened.app_auth_token) == (AES_KEY, GRANT)
    said = capsysbinary.readouterr().out + got.body + repr(opened).encode()
    for secret in (AES_KEY, GRANT):
        assert secret.encode() not in said


async def test_alipays_key_of_an_older_version_still_verifies(
    town: Town, kek: LocalKeyProvider, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    """F37: two keys of Alipay's at once, until the older one's date."""
    older = app_document(kek, app_keys, alipay_keys, not_after="2026-11-23T05:00:00Z")["versions"]
    bound(town, app_document(kek, app_keys, other_keys, version=2, older=older))
    for pair in (other_keys, alipay_keys):
        answers(town, answer_body(PAY, PAID, pair.private))
        assert (await call(town)).json()["outcome"] == "success"
    town.clock.advance(3600)
    assert (await call(town)).json()["data"]["reason"] == "signature"
