"""What a device may send wrongly, and that it is told so in one shape (problem+json)."""

import json
from typing import Any

import pytest

from tests.e2e.world import PAYMENTS, World, device_headers, new_request_id, payment_body

pytestmark = pytest.mark.asyncio

# what is changed in a good body -> the status and code that must come back
BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown field": ({"amount": 1}, 422, "invalid_body"),
    "amount as text": ({"amount_fen": "100"}, 422, "invalid_body"),
    "amount as a fraction": ({"amount_fen": 1.5}, 422, "invalid_body"),
    "amount as a whole float": ({"amount_fen": 100.0}, 422, "invalid_body"),
    "amount as a boolean": ({"amount_fen": True}, 422, "invalid_body"),
    "amount null": ({"amount_fen": None}, 422, "invalid_body"),
    "negative amount": ({"amount_fen": -1}, 422, "invalid_body"),
    "amount beyond the limit": ({"amount_fen": 10_000_000_001}, 422, "invalid_body"),
    "amount beyond 64 bits": ({"amount_fen": 2**70}, 422, "invalid_body"),
    "id too short": ({"pay_request_id": "short"}, 422, "invalid_body"),
    "id too long": ({"pay_request_id": "x" * 65}, 422, "invalid_body"),
    "id with a slash": ({"pay_request_id": "abc/defgh"}, 422, "invalid_body"),
    "id with a line end": ({"pay_request_id": "abcdefgh\n"}, 422, "invalid_body"),
    "id as a number": ({"pay_request_id": 12345678}, 422, "invalid_body"),
    "no code but an amount": ({"auth_code": None}, 422, ""),
    "code of nobody": ({"auth_code": "123"}, 422, "payment.bad_auth_code"),
    "code one digit short": ({"auth_code": "28" + "1" * 13}, 422, "payment.bad_auth_code"),
    "code one digit long": ({"auth_code": "28" + "1" * 23}, 422, "payment.bad_auth_code"),
    "code with wide digits": ({"auth_code": "28" + "１" * 16}, 422, "payment.bad_auth_code"),
    "face code too short": ({"auth_code": "fp" + "a" * 32}, 422, "payment.bad_auth_code"),
    "face code with a line end": ({"auth_code": "fp" + "a" * 33 + "\n"}, 422, ""),
    "code of another scheme": ({"auth_code": "99" + "1" * 16}, 422, "payment.bad_auth_code"),
    "subject too long": ({"subject": "长" * 1000}, 422, "invalid_body"),
    "subject with a NUL": ({"subject": "a\0b"}, 422, "invalid_body"),
    "subject with half a character": ({"subject": "a\ud83d"}, 422, "invalid_body"),
    "subject that turns the text around": ({"subject": "a\u202eb"}, 422, "invalid_body"),
    "subject as a list": ({"subject": ["x"]}, 422, "invalid_body"),
    "store of nobody": (
        {"store_id": "00000000-0000-7000-8000-000000000000"}, 404, "payment.unknown_store"
    ),
    "store that is no id": ({"store_id": "shop"}, 422, "invalid_body"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_member_is_named(world: World, case: str) -> None:
    """INC-2, §8 #27: refused before anything is stored or sent."""
    change, status, code = BAD[case]
    body = payment_body(1_00, **change)
    answer = await world.call("POST", PAYMENTS, body)
    assert answer.status_code == status, answer.text
    _is_problem(answer.headers["content-type"], answer.json(), status)
    if code:
        assert answer.json()["code"] == code
    if answer.json()["code"] == "invalid_body":
        pointers = [fault["pointer"] for fault in answer.json()["errors"]]
        assert any(name in pointer for name in change for pointer in pointers), pointers
    # What was refused left nothing behind: no payment, no channel call.
    known = await world.call("GET", f"{PAYMENTS}/{str(body['pay_request_id']).strip()[:64]}")
    assert known.status_code in {404, 422}


def _is_problem(content_type: str, document: dict[str, Any], status: int) -> None:
    assert content_type.startswith("application/problem+json")
    assert document["status"] == status
    assert {"type", "title", "code", "request_id"} <= document.keys()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"{'a': 1}",
        b'{"amount_fen": NaN}',
        b'{"amount_fen": 1e2, "pay_request_id": "abcdefgh1"}',
        b"\xff\xfe{}",
        b"[" * 10_000,
    ],
)
async def test_a_body_that_is_no_object(world: World, raw: bytes) -> None:
    headers = device_headers(world.device, "POST", PAYMENTS, raw)
    answer = await world.http.post(PAYMENTS, content=raw, headers=headers)
    assert answer.status_code == 422, answer.text
    _is_problem(answer.headers["content-type"], answer.json(), 422)


@pytest.mark.parametrize("missing", ["pay_request_id", "amount_fen"])
async def test_a_missing_member_is_named(world: World, missing: str) -> None:
    body = payment_body(1_00)
    del body[missing]
    answer = await world.call("POST", PAYMENTS, body)
    assert answer.status_code == 422
    assert missing in json.dumps(answer.json()["errors"])


async def test_an_oversized_body_is_refused_unread(world: World) -> None:
    """§5.1: at most 64 KB, with and without a declared length."""
    raw = json.dumps(payment_body(1_00, subject="x" * 200_000)).encode()
    headers = device_headers(world.device, "POST", PAYMENTS, raw)
    answer = await world.http.post(PAYMENTS, content=raw, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body.too_large")

    async def drip() -> object:
        for start in range(0, len(raw), 8192):
            yield raw[start : start + 8192]

    answer = await world.http.post(PAYMENTS, content=drip(), headers=headers)
    assert answer.status_code == 413


async def test_what_is_not_there_is_a_problem_too(world: World) -> None:
    for path, status in (("/api/device/v1/nothing", 404), (f"{PAYMENTS}/{new_request_id()}", 404)):
        answer = await world.call("GET", path)
        assert answer.status_code == status, path
        _is_problem(answer.headers["content-type"], answer.json(), status)
    answer = await world.call("DELETE", PAYMENTS)
    assert answer.status_code in {404, 405}
    _is_problem(answer.headers["content-type"], answer.json(), answer.status_code)


async def test_an_answer_repeats_no_secret(world: World) -> None:
    """§8 #24: neither the code of the buyer nor a key comes back, also not in an error."""
    body = payment_body(1_00, auth_code="fp" + "S3CRET" * 6)
    answer = await world.call("POST", PAYMENTS, body)
    assert "S3CRET" not in answer.text
    good = await world.pay(1_00)
    assert "auth_code" not in good
