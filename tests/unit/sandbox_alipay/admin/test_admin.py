"""The admin door: registration in any spelling of a key, and clear refusals."""

import base64
import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from deploy.sandbox.alipay.wire import rsa2
from tests.fixtures.commands import Commands
from tests.unit.sandbox_alipay.conftest import Process
from tests.unit.sandbox_alipay.merchant import Merchant, new_no

Run = Callable[..., subprocess.CompletedProcess[str]]
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def spellings(key: rsa.RSAPublicKey) -> dict[str, str]:
    pem = key.public_bytes(PEM, SPKI).decode()
    pkcs1 = key.public_bytes(PEM, serialization.PublicFormat.PKCS1).decode()
    bare = base64.b64encode(key.public_bytes(DER, SPKI)).decode()
    return {
        "pem": pem,
        "pem_pkcs1": pkcs1,
        "bare": bare,
        "bare_pkcs1": "".join(pkcs1.splitlines()[1:-1]),
        "wrapped": "\n".join(textwrap.wrap(bare, 76)),
        "crlf": pem.replace("\n", "\r\n"),
        "literal_breaks": pem.replace("\n", "\\n"),
        "one_line_with_spaces": pem.replace("\n", " "),
        "byte_order_mark": "\ufeff" + pem,
        "padding_lost": bare.rstrip("="),
    }


NAMES = tuple(
    spellings(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())
)


@pytest.mark.parametrize("name", NAMES)
def test_spellings_of_one_key(key: rsa.RSAPrivateKey, name: str) -> None:
    text = spellings(key.public_key())[name]
    parsed = rsa2.parse_public_key(text)
    assert parsed.public_numbers() == key.public_key().public_numbers()


def test_keys_that_are_refused(key: rsa.RSAPrivateKey) -> None:
    private = rsa2.private_pem(key)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    for text, why in (
        ("", "empty"),
        ("hello", "not a public key"),
        ("AAAA", "not a public key"),
        ("中文", "not a public key"),
        (private, "private key"),
        (small.public_bytes(PEM, SPKI).decode(), "1024"),
        (curve.public_bytes(PEM, SPKI).decode(), "not an RSA key"),
    ):
        with pytest.raises(rsa2.BadKey, match=why):
            rsa2.parse_public_key(text)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", NAMES)
async def test_registering_any_spelling(merchant: Merchant, name: str) -> None:
    text = spellings(merchant.key.public_key())[name]
    await merchant.admin("POST", "apps", {"app_id": merchant.app_id, "public_key": text})
    assert (await merchant.query(new_no()))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.asyncio
async def test_registering_again_keeps_alipay_key_and_seller(merchant: Merchant) -> None:
    first = await merchant.register(app_id=merchant.app_id)
    old = merchant.key
    merchant.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    again = await merchant.register(app_id=merchant.app_id)
    assert again == first
    assert (await merchant.query(new_no()))["code"] == "40004"
    _, body = await merchant.post(
        Merchant(merchant.http, merchant.base, old, merchant.app_id).signed(
            "alipay.trade.query", {}
        )
    )
    assert merchant.read("alipay.trade.query", body)["sub_code"] == "isv.invalid-signature"


@pytest.mark.asyncio
async def test_the_alipay_key_may_be_given(merchant: Merchant, alipay_pem: str) -> None:
    given = serialization.load_pem_private_key(alipay_pem.encode(), None).public_key()
    told = base64.b64decode(merchant.alipay_public_key)
    assert serialization.load_der_public_key(told) == given
    again = await merchant.register(app_id=merchant.app_id)
    assert base64.b64decode(again["alipay_public_key"]) == told


@pytest.mark.asyncio
async def test_every_app_has_its_own_alipay_key(merchant: Merchant) -> None:
    first = merchant.alipay_public_key
    second = await merchant.register(app_id="2021000000000777")
    assert second["app_id"] == "2021000000000777"
    assert second["alipay_public_key"] != first
    assert second["seller_id"].startswith("2088")
    assert len(second["seller_id"]) == 16
    ids = {app["app_id"] for app in (await merchant.admin("GET", "apps"))["apps"]}
    assert "2021000000000777" in ids


@pytest.mark.asyncio
async def test_the_same_key_asked_for_again_is_the_same_app(merchant: Merchant) -> None:
    """Only when it is asked for like that: two applications may share a key."""
    own, other = (rsa.generate_private_key(65537, 2048).public_key() for _ in range(2))
    body = {"public_key": spellings(own)["pem"], "again": True}
    first = await merchant.admin("POST", "apps", body)
    spelled = {**body, "public_key": spellings(own)["bare_pkcs1"]}
    assert await merchant.admin("POST", "apps", spelled) == first
    stranger = {"public_key": spellings(other)["pem"], "again": True}
    assert (await merchant.admin("POST", "apps", stranger))["app_id"] != first["app_id"]
    new = await merchant.admin("POST", "apps", {"public_key": body["public_key"]})
    assert new["app_id"] != first["app_id"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"public_key": "x"},
        {"public_key": 7},
        {"public_key": None, "mode": "key"},
        {"app_id": "abc"},
        {"app_id": "1" * 33},
        {"mode": "paper"},
        {"aes_key": "AAECAwQFBgcICQoLDA0ODw"},
        {"aes_key": "AAECAwQFBgcICQoLDA0O"},
        {"alipay_private_key": "x"},
        {"alipay_private_key": 7},
        {"aes_key": 7},
        {"messages_url": "ftp://x"},
        {"notify_url": "ftp://x"},
        {"buyer_ids": "both"},
    ],
)
async def test_registrations_that_are_refused(
    merchant: Merchant, wanted: dict[str, object]
) -> None:
    body = {"public_key": merchant.public_b64, **wanted} if wanted else {}
    answer = await merchant.admin("POST", "apps", body, status=400)
    assert answer["error"]


@pytest.mark.asyncio
async def test_health_and_wrong_calls(merchant: Merchant) -> None:
    health = await merchant.admin("GET", "health")
    assert (health["schema"], health["status"]) == (1, "ready")
    await merchant.admin("GET", "nothing", status=404)
    await merchant.admin("DELETE", "trades", status=404)
    await merchant.admin("POST", "clock", {"scale": 0}, status=400)
    await merchant.admin("POST", "clock", {"scale": "fast"}, status=400)
    await merchant.admin("GET", "requests?limit=x", status=400)
    assert (await merchant.admin("POST", "clock", {"scale": 2.5}))["scale"] == 2.5
    assert (await merchant.admin("GET", "clock"))["scale"] == 2.5
    url = f"{merchant.base}/admin/faults"
    async with merchant.http.post(url, data=b"{not json") as answer:
        assert answer.status == 400
    for target, status in (("/nothing", 404), ("/gateway.do2", 404)):
        async with merchant.http.get(merchant.base + target) as answer:
            assert answer.status == status
    async with merchant.http.put(f"{merchant.base}/gateway.do") as answer:
        assert answer.status == 405


@pytest.fixture
def run(command_line: Commands) -> Run:
    return lambda *words: command_line("deploy.sandbox.alipay", *words, env=os.environ)


def test_starts_that_fail_say_why_in_one_line(sandbox: Process, tmp_path: Path, run: Run) -> None:
    port = sandbox.base.rpartition(":")[2]
    taken = run("--port", port, "--data", str(tmp_path / "a"))
    assert taken.returncode == 2
    assert taken.stderr.count("\n") == 1
    (tmp_path / "file").write_text("")
    no_folder = run("--port", "0", "--data", str(tmp_path / "file"))
    assert (no_folder.returncode, no_folder.stderr.count("\n")) == (2, 1)
    assert run("--help").returncode == 0
    assert run().returncode == 2


@pytest.mark.asyncio
async def test_one_sandbox_per_folder(
    sandbox: Process, http: aiohttp.ClientSession, tmp_path: Path, run: Run
) -> None:
    child = Process(tmp_path / "own")
    try:
        second = run("--port", "0", "--data", str(tmp_path / "own"))
        assert second.returncode == 2
        assert "another sandbox" in second.stderr
        assert (tmp_path / "own" / "ledger.db").stat().st_mode & 0o077 == 0
    finally:
        assert child.stop() == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/admin/trades", "/admin/health", "/admin/page", "/"])
async def test_the_admin_door_answers_to_names_of_this_machine_only(
    merchant: Merchant, path: str
) -> None:
    """A page of another site whose name was made to point at loopback (DNS rebinding)."""
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "0", "[::2]:80"):
        async with merchant.http.get(merchant.base + path, headers={"Host": host}) as answer:
            assert answer.status == 421, host
    for host in ("127.0.0.1:1", "localhost", "LOCALHOST:8080", "[::1]:8080", "127.0.0.2"):
        async with merchant.http.get(merchant.base + path, headers={"Host": host}) as answer:
            assert answer.status == 200, host


@pytest.mark.asyncio
async def test_another_sites_page_registers_nothing(merchant: Merchant) -> None:
    url = f"{merchant.base}/admin/apps"
    async with merchant.http.post(url, json={}, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421
        assert (await answer.json())["schema"] == 1
