"""The device's own promises: signature, clock, and one charge whatever happens to it."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

import pytest

from deploy.sandbox.dragonfly.device import Device, DeviceError, Identity, enrol, face_token
from deploy.sandbox.dragonfly.journal import Journal, alone
from tests.unit.dragonfly.platform import DROP, PAID, PENDING, Platform

pytestmark = pytest.mark.asyncio

KEY = bytes(range(32))


def identity(url: str) -> Identity:
    return Identity(url, "dev-1", "k1", base64.b64encode(KEY).decode(), "SN1")


async def test_a_face_token_looks_like_one() -> None:
    assert re.fullmatch("fp[0-9A-Za-z]{33}", face_token())
    assert face_token() != face_token()


async def test_the_signature_covers_the_whole_request() -> None:
    async with Platform(PAID).running() as platform, Device(identity(platform.url)) as device:
        await device.request("POST", "/api/device/v1/payments", b'{"a":1}')
    sent = platform.headers[0]
    signed = "\n".join(
        [
            "POST", "/api/device/v1/payments", "", sent["X-DF-Timestamp"], sent["X-DF-Nonce"],
            "dev-1", "k1", hashlib.sha256(b'{"a":1}').hexdigest(),
        ]
    )  # fmt: skip
    expected = hmac.new(KEY, signed.encode(), hashlib.sha256).hexdigest()
    assert sent["X-DF-Signature"] == expected
    assert abs(int(sent["X-DF-Timestamp"]) - time.time()) < 5


async def test_query_pairs_are_sorted_before_they_are_signed() -> None:
    device = Device(identity("http://127.0.0.1"))
    sent = device.headers("GET", "/x", b"", query="b=2&a=1")
    parts = ["GET", "/x", "a=1&b=2", sent["X-DF-Timestamp"], sent["X-DF-Nonce"], "dev-1", "k1"]
    text = "\n".join([*parts, hashlib.sha256(b"").hexdigest()])
    assert sent["X-DF-Signature"] == hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


async def test_the_published_request(
    published_request: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = published_request
    monkeypatch.setattr("secrets.token_hex", lambda size: one["nonce"][: 2 * size])
    own = Identity("http://127.0.0.1", one["device"], one["key_id"], one["key"], "SN1")
    device = Device(own, now=lambda: float(one["timestamp"]))
    sent = device.headers(one["method"], one["path"], one["body"].encode(), one["query"])
    assert sent["X-DF-Signature"] == one["signature"]


async def test_the_clock_is_corrected_once_from_the_servers() -> None:
    """F25: one round trip, whatever the device thinks the time is."""
    later = int(time.time()) + 3600
    skewed = (401, {"code": "auth.clock_skew", "server_time": later})
    async with (
        Platform(skewed, PAID).running() as platform,
        Device(identity(platform.url)) as device,
    ):
        await device.pay(1, face_token())
        assert abs(int(platform.headers[1]["X-DF-Timestamp"]) - later) <= 2
    async with Platform(skewed).running() as platform, Device(identity(platform.url)) as device:
        with pytest.raises(DeviceError, match="clock_skew"):
            await device.pay(1, face_token())
        assert len(platform.asked) == 2, "it must not go round and round"


async def test_the_id_is_on_disk_before_the_first_byte_is_sent(tmp_path) -> None:
    path = tmp_path / "device.journal"
    seen = []

    def look(request: object) -> dict:
        seen.append(json.loads(path.read_text()))
        return PAID

    async with (
        Platform(look).running() as platform,
        Device(identity(platform.url), journal=path) as device,
    ):
        await device.pay(1, "fp1", subject="tea")
    body = platform.asked[0][2]
    assert seen == [body]
    assert body is not None
    assert body["amount_fen"] == 1
    assert not path.exists(), "a terminal answer closes the journal"


async def test_a_lost_answer_is_asked_for_again_under_the_same_id() -> None:
    async with (
        Platform(DROP, (503, {"code": "unavailable"}), PAID).running() as platform,
        Device(identity(platform.url)) as device,
    ):
        answer = await device.pay(1, face_token())
    assert answer["status"] == "paid"
    bodies = [body for _, _, body in platform.asked]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_pending_payment_is_polled_until_it_is_final() -> None:
    async with (
        Platform(PENDING, PENDING, PAID).running() as platform,
        Device(identity(platform.url)) as device,
    ):
        waits: list[dict] = []
        answer = await device.pay(1, face_token(), on_pending=waits.append)
    assert answer["status"] == "paid"
    assert len(waits) == 2
    assert [method for method, _, _ in platform.asked] == ["POST", "GET", "GET"]


async def test_a_device_that_died_resumes_the_same_payment(tmp_path) -> None:
    path = tmp_path / "device.journal"
    async with (
        Platform(DROP).running() as platform,
        Device(identity(platform.url), journal=path) as device,
    ):
        with pytest.raises(DeviceError, match="unknown"):
            await device.pay(1, face_token(), give_up_s=0.1)
        sent = platform.asked[0][2]
    assert json.loads(path.read_text()) == sent
    async with (
        Platform(PAID).running() as platform,
        Device(identity(platform.url), journal=path) as device,
    ):
        assert device.journal.unfinished == sent
        with pytest.raises(RuntimeError):
            await device.pay(2, face_token())
        assert (await device.resume())["status"] == "paid"
        assert platform.asked[0][2] == sent
    assert not path.exists()


async def test_a_refused_payment_was_never_begun(tmp_path) -> None:
    path = tmp_path / "device.journal"
    refused = (422, {"code": "payment.bad_auth_code", "detail": "no"})
    async with (
        Platform(refused).running() as platform,
        Device(identity(platform.url), journal=path) as device,
    ):
        with pytest.raises(DeviceError, match="bad_auth_code") as caught:
            await device.pay(1, "123")
    assert (caught.value.status, caught.value.code) == (422, "payment.bad_auth_code")
    assert not path.exists()


@pytest.mark.parametrize(
    ("present", "is_kept"), [((404, {"code": "not_found"}), False), (PENDING, True)]
)
async def test_a_refusal_after_a_lost_answer_proves_nothing(tmp_path, present, is_kept) -> None:
    """The lost attempt may have begun it: only "no such payment" closes the journal."""
    path = tmp_path / "device.journal"
    conflict = (409, {"code": "payment.app_not_bound"})
    async with (
        Platform(DROP, conflict, present).running() as platform,
        Device(identity(platform.url), journal=path) as device,
    ):
        with pytest.raises(DeviceError, match="app_not_bound"):
            await device.pay(1, face_token())
        assert platform.asked[2][0] == "GET"
    assert path.exists() is is_kept


async def test_rewards_wait_for_the_platform_to_come_back() -> None:
    granted = {"status": "granted", "coupon": None}
    away = (503, {"code": "upstream.unavailable"})
    async with (
        Platform(away, {"status": "pending", "retry_after_ms": 10}, granted).running() as platform,
        Device(identity(platform.url)) as device,
    ):
        assert await device.reward("p1") == granted
    async with Platform(away).running() as platform, Device(identity(platform.url)) as device:
        with pytest.raises(DeviceError):
            await device.reward("p1", wait_s=0.1)


async def test_enrolment_gives_an_identity_that_only_the_owner_reads(tmp_path) -> None:
    given = {"device_id": "d", "key_id": "k", "key": "a2V5", "merchant_id": "m", "store_id": "s"}
    async with Platform((201, given)).running() as platform:
        found = await enrol(platform.url + "/", "code", "SN1", "model")
        assert platform.asked[0][2] == {"code": "code", "sn": "SN1", "model": "model"}
    path = tmp_path / "device.json"
    found.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Identity.load(path) == found
    async with Platform(
        (404, {"code": "device.code_unknown", "title": "no"})
    ).running() as platform:
        with pytest.raises(DeviceError, match="code_unknown"):
            await enrol(platform.url, "wrong", "SN1")


async def test_an_unreadable_device_file_is_one_clear_line(tmp_path) -> None:
    with pytest.raises(DeviceError, match="enrol first"):
        Identity.load(tmp_path / "none.json")
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(DeviceError, match="does not read"):
        Identity.load(tmp_path / "odd.json")


async def test_two_terminals_take_turns(tmp_path) -> None:
    journal = tmp_path / "device.journal"
    with alone(journal):
        waiting = asyncio.ensure_future(asyncio.to_thread(_take, journal))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert await asyncio.wait_for(waiting, 5)


def _take(journal) -> bool:
    with alone(journal):
        return True


async def test_an_empty_journal_has_nothing_to_resume() -> None:
    assert Journal(None).unfinished is None
    with pytest.raises(DeviceError, match="no unfinished"):
        await Device(identity("http://127.0.0.1")).resume()
