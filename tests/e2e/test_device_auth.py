"""Who may speak as a device (reliability §5.4, §8 #22; F25)."""

import asyncio
import json
import secrets
import time

import pytest

from tests.e2e.world import PAYMENTS, World, device_headers, payment_body
from tests.fixtures.console import Enrolled

pytestmark = pytest.mark.asyncio


async def _post(world: World, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, object]]:
    answer = await world.http.post(PAYMENTS, content=raw, headers=headers)
    return answer.status_code, answer.json()


async def test_a_nonce_is_good_for_one_change(world: World) -> None:
    """Replay: the same signed request again, and the same nonce on another payment."""
    raw = json.dumps(payment_body(1_00)).encode()
    headers = device_headers(world.device, "POST", PAYMENTS, raw)
    status, _ = await _post(world, headers, raw)
    assert status == 200
    status, problem = await _post(world, headers, raw)
    assert (status, problem["code"]) == (401, "auth.replayed")
    other = json.dumps(payment_body(1_00)).encode()
    reused = device_headers(world.device, "POST", PAYMENTS, other, nonce=headers["X-DF-Nonce"])
    status, problem = await _post(world, reused, other)
    assert (status, problem["code"]) == (401, "auth.replayed")


async def test_one_nonce_in_a_race_is_accepted_once(world: World) -> None:
    """§8 #22: different payments under one nonce at the same instant: exactly one passes."""
    nonce = secrets.token_hex(16)
    sent = []
    for _ in range(10):
        raw = json.dumps(payment_body(1_01)).encode()
        headers = device_headers(world.device, "POST", PAYMENTS, raw, nonce=nonce)
        sent.append(_post(world, headers, raw))
    answers = await asyncio.gather(*sent)
    assert sorted(status for status, _ in answers) == [200] + [401] * 9


@pytest.mark.parametrize("skew_s", [-3600, -400, 400, 3600])
async def test_a_wrong_clock_is_told_the_right_time(world: World, skew_s: int) -> None:
    """F25: 401 with server_time, so the device can correct itself in one round trip."""
    raw = json.dumps(payment_body(1_02)).encode()
    headers = device_headers(world.device, "POST", PAYMENTS, raw, at=int(time.time()) + skew_s)
    status, problem = await _post(world, headers, raw)
    assert (status, problem["code"]) == (401, "auth.clock_skew")
    server_time = problem["server_time"]
    assert isinstance(server_time, int)
    assert abs(server_time - time.time()) < 5
    headers = device_headers(world.device, "POST", PAYMENTS, raw, at=server_time)
    status, _ = await _post(world, headers, raw)
    assert status == 200


async def test_signatures_that_must_not_pass(world: World) -> None:
    """§8 #22: truncated, foreign, swapped, missing: all 401 with one code, none a 5xx."""
    raw = json.dumps(payment_body(1_03)).encode()
    honest = device_headers(world.device, "POST", PAYMENTS, raw)
    wrong_key = Enrolled(
        world.device.device_id, "x", world.device.key_id, secrets.token_bytes(32), "m", "s"
    )
    nobody = Enrolled(
        "00000000-0000-7000-8000-000000000000", "x", "k", secrets.token_bytes(32), "m", "s"
    )
    attempts = [
        {**honest, "X-DF-Signature": honest["X-DF-Signature"][:-2]},
        {**honest, "X-DF-Signature": ""},
        {**honest, "X-DF-Signature": "0" * 64},
        {**honest, "X-DF-Signature": "ü" * 8},
        {**honest, "X-DF-Key": "other"},
        {**honest, "X-DF-Nonce": secrets.token_hex(16)},
        {**honest, "X-DF-Nonce": ""},
        {**honest, "X-DF-Timestamp": "soon"},
        {**honest, "X-DF-Timestamp": str(10**40)},
        {**honest, "X-DF-Device": "not-a-uuid"},
        device_headers(wrong_key, "POST", PAYMENTS, raw),
        device_headers(nobody, "POST", PAYMENTS, raw),
        device_headers(world.device, "GET", PAYMENTS, raw),
        device_headers(world.device, "POST", PAYMENTS + "/", raw),
        device_headers(world.device, "POST", PAYMENTS, raw + b" "),
        device_headers(world.device, "POST", PAYMENTS, raw, query="a=b"),
        {"Content-Type": "application/json"},
    ]
    for headers in attempts:
        encoded = {name: value.encode() for name, value in headers.items()}
        answer = await world.http.post(PAYMENTS, content=raw, headers=encoded)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["code"].startswith("auth."), headers
        assert "server_time" in answer.json()


async def test_the_query_is_signed_in_sorted_order(world: World) -> None:
    path = "/api/device/v1/me"
    headers = device_headers(world.device, "GET", path, b"", query="a=1&b=2")
    answer = await world.http.get(f"{path}?b=2&a=1", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["device_id"] == world.device.device_id
    headers = device_headers(world.device, "GET", path, b"", query="a=1&b=2")
    answer = await world.http.get(f"{path}?b=2&a=2", headers=headers)
    assert answer.status_code == 401


async def test_a_revoked_device_is_out_at_once(world: World) -> None:
    """The edge's cached credential is dropped by the event, not by its age."""
    device = await world.owner.enrol(world.device.store_id, f"R{secrets.token_hex(4)}")
    answer = await world.call("GET", "/api/device/v1/me", device=device)
    assert answer.status_code == 200
    answer = await world.owner.post(f"/devices/{device.device_id}/revoke", {})
    assert answer.status_code < 300, answer.text
    deadline = time.monotonic() + 30  # its age would be 60
    while True:
        answer = await world.call("GET", "/api/device/v1/me", device=device)
        if answer.status_code == 401:
            break
        assert time.monotonic() < deadline, "a revoked device still gets in"
        await asyncio.sleep(0.1)


async def test_an_enrolment_code_works_once(world: World) -> None:
    """One code, one device; a guess is refused like a used code."""
    code = await world.owner.post("/devices/codes", {"store_id": world.device.store_id})
    body = {"code": code.json()["code"], "sn": f"ONCE{secrets.token_hex(3)}"}
    answers = await asyncio.gather(
        *(world.http.post("/api/device/v1/enrol", json=body) for _ in range(5))
    )
    assert sorted(a.status_code for a in answers)[0] == 201
    assert [a.status_code for a in answers].count(201) == 1
    assert all(a.status_code < 500 for a in answers)
    guess = await world.http.post("/api/device/v1/enrol", json={**body, "code": "A" * 16})
    assert 400 <= guess.status_code < 500
