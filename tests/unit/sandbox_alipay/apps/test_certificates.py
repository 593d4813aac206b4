"""Certificate mode: what is handed out, what requests must name, which certificate answers."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.sandbox_alipay.conftest import Process
from tests.unit.sandbox_alipay.merchant import Merchant, cut, is_signed, new_no

pytestmark = pytest.mark.asyncio

DOWNLOAD = "alipay.open.app.alipaycert.download"
QUERY = "alipay.trade.query"
QUERY_ROOT = "alipay_trade_query_response"
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read(pem: str) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(block.encode()) for block in _BLOCK.findall(pem)]


def sn_of(certificate: x509.Certificate) -> str:
    names = {part.rfc4514_attribute_name: part.value for part in certificate.issuer}
    text = ",".join(f"{name}={names[name]!s}" for name in ("CN", "OU", "O", "C"))
    return hashlib.md5(f"{text}{certificate.serial_number}".encode()).hexdigest()  # noqa: S324


def public_b64(certificate: x509.Certificate) -> str:
    der = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def is_issued_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    key, digest = issuer.public_key(), leaf.signature_hash_algorithm
    assert isinstance(key, rsa.RSAPublicKey)
    assert digest is not None
    try:
        key.verify(leaf.signature, leaf.tbs_certificate_bytes, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return leaf.issuer == issuer.subject


async def in_cert_mode(merchant: Merchant, **more: Any) -> dict[str, Any]:
    app = await merchant.register(app_id=merchant.app_id, mode="cert", **more)
    merchant.extra = {
        "app_cert_sn": app["app_cert_sn"],
        "alipay_root_cert_sn": app["alipay_root_cert_sn"],
    }
    return app


async def raw_query(merchant: Merchant, **more: str) -> tuple[dict[str, Any], bytes]:
    _, body = await merchant.post(merchant.signed(QUERY, {"out_trade_no": "NONE"}, **more))
    return json.loads(body), body


async def download(merchant: Merchant, sn: str) -> list[x509.Certificate]:
    node = await merchant.call(DOWNLOAD, {"alipay_cert_sn": sn})
    return read(base64.b64decode(node["alipay_cert_content"]).decode())


async def test_what_is_handed_out(merchant: Merchant) -> None:
    app = await in_cert_mode(merchant)
    (own,) = read(app["app_cert"])
    alipay, intermediate = read(app["alipay_cert"])
    assert public_b64(own) == merchant.public_b64
    assert public_b64(alipay) == app["alipay_public_key"]
    assert (sn_of(own), sn_of(alipay)) == (app["app_cert_sn"], app["alipay_cert_sn"])
    roots = app["root_cert"].split("\n\n")
    assert len(roots) == 3
    first, second = (read(block)[0] for block in roots[:2])
    assert app["alipay_root_cert_sn"] == f"{sn_of(first)}_{sn_of(second)}"
    assert is_issued_by(own, intermediate)
    assert is_issued_by(alipay, intermediate)
    assert is_issued_by(intermediate, first)
    now = datetime.now(UTC)
    for one in (own, alipay, intermediate, first, second):
        assert one.not_valid_before_utc < now < one.not_valid_after_utc - timedelta(days=365)


async def test_the_ec_root_is_as_unreadable_as_the_real_one(merchant: Merchant) -> None:
    app = await in_cert_mode(merchant)
    with pytest.raises(ValueError):
        read(app["root_cert"].split("\n\n")[2])


async def test_registering_again_keeps_the_certificates(merchant: Merchant) -> None:
    first = await in_cert_mode(merchant)
    assert await in_cert_mode(merchant) == first
    back = await merchant.register(app_id=merchant.app_id, mode="key")
    assert "app_cert" not in back
    assert back["alipay_public_key"] == first["alipay_public_key"]


async def test_the_number_stands_between_node_and_sign(merchant: Merchant) -> None:
    app = await in_cert_mode(merchant)
    paid = await merchant.pay(new_no())
    assert paid["code"] == "10000"
    document, body = await raw_query(merchant)
    assert list(document) == [QUERY_ROOT, "alipay_cert_sn", "sign"]
    assert document["alipay_cert_sn"] == app["alipay_cert_sn"]
    (alipay, _) = read(app["alipay_cert"])
    assert is_signed(public_b64(alipay), cut(body, QUERY_ROOT)[0], document["sign"])


@pytest.mark.parametrize(
    ("name", "value", "sub_code"),
    [
        ("app_cert_sn", "", "isv.missing-app-cert-sn"),
        ("app_cert_sn", "0" * 32, "isv.app-cert-not-exist"),
        ("alipay_root_cert_sn", "", "isv.missing-alipay-root-cert-sn"),
        ("alipay_root_cert_sn", "0" * 32, "isv.invalid-alipay-root-cert-sn"),
    ],
)
async def test_numbers_that_are_refused(
    merchant: Merchant, name: str, value: str, sub_code: str
) -> None:
    await in_cert_mode(merchant)
    merchant.extra[name] = value
    document, body = await raw_query(merchant)
    node = merchant.read(QUERY, body)
    assert (node["code"], node["sub_code"]) == ("40002", sub_code)
    assert document["alipay_cert_sn"]


async def test_a_bad_signature_is_answered_with_the_number(merchant: Merchant) -> None:
    await in_cert_mode(merchant)
    params = merchant.signed(QUERY, {"out_trade_no": "A"})
    params["timestamp"] = "2026-11-23 20:30:01"
    _, body = await merchant.post(params)
    assert merchant.read(QUERY, body)["sub_code"] == "isv.invalid-signature"
    assert json.loads(body)["alipay_cert_sn"]


async def test_a_replaced_app_certificate_stays_good(merchant: Merchant) -> None:
    """For seven days both keys work, each under its own number."""
    await in_cert_mode(merchant)
    old_key, old_numbers = merchant.key, merchant.extra
    merchant.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    await in_cert_mode(merchant)
    assert merchant.extra["app_cert_sn"] != old_numbers["app_cert_sn"]
    assert (await merchant.query("NONE"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    merchant.key = old_key
    assert (await merchant.query("NONE"))["sub_code"] == "isv.invalid-signature"
    merchant.extra = old_numbers
    assert (await merchant.query("NONE"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_rotation(merchant: Merchant) -> None:
    """The new certificate can be downloaded, chains to the same root, and the old one stays."""
    app = await in_cert_mode(merchant)
    fresh = await merchant.admin("POST", f"apps/{merchant.app_id}/rotate")
    assert fresh["alipay_cert_sn"] != app["alipay_cert_sn"]
    assert fresh["alipay_public_key"] != app["alipay_public_key"]
    assert [fresh[name] for name in ("app_cert", "root_cert")] == [
        app[name] for name in ("app_cert", "root_cert")
    ]
    document, _ = await raw_query(merchant)
    assert document["alipay_cert_sn"] == fresh["alipay_cert_sn"]
    merchant.alipay_public_key = fresh["alipay_public_key"]
    leaf, intermediate = await download(merchant, fresh["alipay_cert_sn"])
    assert public_b64(leaf) == fresh["alipay_public_key"]
    assert is_issued_by(leaf, intermediate)
    assert is_issued_by(intermediate, read(app["root_cert"].split("\n\n")[0])[0])
    old, _ = await download(merchant, app["alipay_cert_sn"])
    assert public_b64(old) == app["alipay_public_key"]
    await merchant.admin("POST", "apps/2021999999999999/rotate", status=404)
    await merchant.admin("POST", f"apps/{merchant.app_id}/forget", status=404)


async def test_rotation_in_key_mode(merchant: Merchant) -> None:
    fresh = await merchant.admin("POST", f"apps/{merchant.app_id}/rotate")
    assert fresh["alipay_public_key"] != merchant.alipay_public_key
    merchant.alipay_public_key = fresh["alipay_public_key"]
    assert (await merchant.query("NONE"))["code"] == "40004"


@pytest.mark.parametrize("sn", ["0" * 32, "", "x"])
async def test_a_number_that_nobody_knows(merchant: Merchant, sn: str) -> None:
    await in_cert_mode(merchant)
    node = await merchant.call(DOWNLOAD, {"alipay_cert_sn": sn})
    assert (node["code"], node["sub_code"]) == ("40002", "isv.alipay-cert-not-exist")
    mine = await merchant.call(DOWNLOAD, {"alipay_cert_sn": merchant.extra["app_cert_sn"]})
    assert mine["sub_code"] == "isv.alipay-cert-not-exist"


@pytest.mark.parametrize("kind", ["cert_foreign", "cert_expired"])
async def test_counterfeits(merchant: Merchant, kind: str) -> None:
    """Answer and downloaded certificate agree; only chain or dates tell."""
    app = await in_cert_mode(merchant)
    await merchant.fault(kind, times=1)
    document, body = await raw_query(merchant)
    assert document["alipay_cert_sn"] != app["alipay_cert_sn"]
    leaf, issuer = await download(merchant, document["alipay_cert_sn"])
    assert sn_of(leaf) == document["alipay_cert_sn"]
    assert is_signed(public_b64(leaf), cut(body, QUERY_ROOT)[0], document["sign"])
    assert is_issued_by(leaf, issuer)
    genuine = read(app["alipay_cert"])[1]
    assert issuer.subject == genuine.subject
    assert is_issued_by(leaf, genuine) == (kind == "cert_expired")
    is_current = leaf.not_valid_before_utc < datetime.now(UTC) < leaf.not_valid_after_utc
    assert is_current == (kind == "cert_foreign")
    again, _ = await raw_query(merchant)
    assert again["alipay_cert_sn"] == app["alipay_cert_sn"]


async def test_the_rotate_fault(merchant: Merchant) -> None:
    app = await in_cert_mode(merchant)
    await merchant.fault("rotate", method=QUERY, times=1)
    document, body = await raw_query(merchant)
    assert document["alipay_cert_sn"] != app["alipay_cert_sn"]
    shown = {one["app_id"]: one for one in (await merchant.admin("GET", "apps"))["apps"]}
    fresh = shown[merchant.app_id]
    assert fresh["alipay_cert_sn"] == document["alipay_cert_sn"]
    assert is_signed(fresh["alipay_public_key"], cut(body, QUERY_ROOT)[0], document["sign"])


async def test_certificates_survive_a_kill(
    start: Callable[[Path], Process],
    http: aiohttp.ClientSession,
    key: rsa.RSAPrivateKey,
    tmp_path: Path,
) -> None:
    process = start(tmp_path)
    merchant = Merchant(http, process.base, key)
    await merchant.register()
    await in_cert_mode(merchant, aes_key="AAECAwQFBgcICQoLDA0ODw==")
    old_numbers, old_key = merchant.extra, merchant.key
    merchant.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    await in_cert_mode(merchant, aes_key="AAECAwQFBgcICQoLDA0ODw==")
    last = await merchant.admin("POST", f"apps/{merchant.app_id}/rotate")
    process.kill()
    process = start(tmp_path)
    merchant.base, merchant.alipay_public_key = process.base, last["alipay_public_key"]
    (kept,) = (await merchant.admin("GET", "apps"))["apps"]
    assert {"schema": 1, **kept} == last
    assert (await merchant.query("NONE"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    merchant.extra, merchant.key = old_numbers, old_key
    assert (await merchant.query("NONE"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert process.stop() == 0
