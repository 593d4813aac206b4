"""Who is believed at the POS door: a merchant's program that signs with an API key (§5, ASVS
11.2.4), and how long a revoked key is."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from gateway.auth.signatures import signed_text
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import ApiKeyRevoked, MerchantSuspended
from shared.contracts.principal import Principal
from shared.keys.sealed import LocalKeyProvider, new_data_key, seal
from tests.fixtures.pos import pos_headers
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import NOON_S, STORE, TENANT, Got, ask

ORDERS = "/api/pos/v1/orders"
KEY_ID, SECRET = "dk_till-1", "the secret that was told once"
ASKED = f"/internal/api-keys/{KEY_ID}"
USES = "/internal/api-key-uses"
OTHER_TENANT = UUID("01900000-0000-7000-8000-0000000000b7")
Document = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.asyncio


@pytest.fixture
def document(kek: LocalKeyProvider) -> Document:
    def make(secret: str = SECRET, *, row: str = KEY_ID, **changed: Any) -> dict[str, Any]:
        _, wrapped = new_data_key(kek)
        aad = f"{TENANT}|{row}|api-key"
        return {
            "tenant_id": str(TENANT), "key_id": KEY_ID, "store_id": None,
            "permissions": ["orders.read"],
            "secret_box": seal(kek, wrapped, secret.encode(), aad), "secret_aad": aad, **changed,
        }  # fmt: skip

    return make


@pytest.fixture(autouse=True)
def known(town: Town, document: Document) -> None:
    town.binding.on("GET", ASKED, document())
    town.binding.on("POST", USES, lambda _seen: web.Response(status=204))
    town.order.on("GET", f"{ORDERS}.*", {"items": []})


async def orders(
    town: Town, *, at: int = NOON_S, secret: str = SECRET, client: str = "203.0.113.7",
    **changed: str,
) -> Got:  # fmt: skip
    headers = pos_headers(KEY_ID, secret, "GET", ORDERS, at=at)
    headers |= {f"X-DF-{name.capitalize()}": value for name, value in changed.items()}
    return await ask(town.door, "GET", ORDERS, headers=headers, client=client)


def told(town: Town) -> Principal:
    seen = town.order.calls(ORDERS)[-1]
    return town.verifier("order").verify(seen.headers["authorization"].removeprefix("Bearer "))


async def test_the_signed_text() -> None:
    """docs/pos.md, spelled out: any client can be written against it."""
    text = signed_text("GET", "/p", "b=2&a=1&a=0", "1", "n" * 32, ("dk_x",), b"")
    digest = hashlib.sha256(b"").hexdigest()
    assert text.decode() == f"GET\n/p\na=0&a=1&b=2\n1\n{'n' * 32}\ndk_x\n{digest}"


async def test_a_good_signature_is_believed_and_goes_inward_as_the_key(
    town: Town, document: Document
) -> None:
    assert [(await orders(town)).status for _ in range(3)] == [200] * 3
    assert len(town.binding.calls(ASKED)) == 1
    caller = told(town)
    assert (caller.kind, caller.subject, caller.tenant_id) == ("pos", KEY_ID, TENANT)
    assert (caller.permissions, caller.store_ids) == ({"orders.read"}, frozenset())
    seen = town.order.calls(ORDERS)[-1]
    assert not [name for name in seen.headers if name.startswith("x-df-")], "our proof stays here"
    town.clock.advance(5)
    town.binding.on("GET", ASKED, document(store_id=str(STORE)))
    assert (await orders(town, at=NOON_S + 5)).status == 200
    assert told(town).store_ids == {UUID(str(STORE))}


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "0" * 64}, {"nonce": "0" * 32}, {"timestamp": str(NOON_S + 1)},
        {"key": "dk_till-2"}, {"signature": ""}, {"signature": "zz" * 32}, {"nonce": "abc"},
        {"timestamp": "now"}, {"timestamp": "-5"}, {"key": ""}, {"key": "dk_../../apps/1"},
        {"key": "k1"}, {"key": "dk_" + "x" * 80}, {"timestamp": str(NOON_S) + "\n"},
    ],
)  # fmt: skip
async def test_anything_changed_is_refused(town: Town, changed: dict[str, str]) -> None:
    """Unknown key, wrong secret, wrong signature: one answer for all of them."""
    got = await orders(town, **changed)
    assert (got.status, got.json()["code"]) == (401, "auth.api_key")
    assert got.json()["server_time"] == NOON_S
    assert not town.order.calls(ORDERS)


async def test_garbage_and_other_proofs_are_refused(town: Town) -> None:
    for headers in (
        {}, {"Authorization": f"Bearer {SECRET}"}, {"Authorization": f"Bearer {KEY_ID}:{SECRET}"},
        {"Cookie": "__Host-damselfly=x"}, {"X-DF-Key": KEY_ID, "X-DF-Signature": SECRET},
    ):  # fmt: skip
        got = await ask(town.door, "GET", ORDERS, headers=headers)
        assert (got.status, got.json()["code"]) == (401, "auth.api_key")
    assert (await orders(town, secret="another")).status == 401
    assert not town.order.seen


async def test_method_path_and_query_are_signed(town: Town) -> None:
    for target, status in (
        (f"{ORDERS}?b=2&a=1", 200), (f"{ORDERS}?a=1&b=2", 200), (f"{ORDERS}?b=2&a=3", 401),
        (ORDERS, 401), (f"{ORDERS}/D1?b=2&a=1", 401),
    ):  # fmt: skip
        good = pos_headers(KEY_ID, SECRET, "GET", ORDERS, query="b=2&a=1", at=NOON_S)
        assert (await ask(town.door, "GET", target, headers=good)).status == status, target


async def test_a_signed_request_is_answered_once(town: Town) -> None:
    """docs/pos.md: each request is signed anew; the nonce is looked at."""
    headers = pos_headers(KEY_ID, SECRET, "GET", ORDERS, at=NOON_S)
    assert (await ask(town.door, "GET", ORDERS, headers=headers)).status == 200
    got = await ask(town.door, "GET", ORDERS, headers=headers)
    assert (got.status, got.json()["code"]) == (401, "auth.read_replayed")
    assert len(town.order.calls(ORDERS)) == 1


async def test_the_door_only_reads_and_opens_no_other(town: Town) -> None:
    """What writes is not there for a key, and at the console's doors it is no proof at all."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        headers = pos_headers(KEY_ID, SECRET, method, ORDERS, at=NOON_S)
        got = await ask(town.door, method, ORDERS, headers=headers)
        assert (got.status, got.headers["allow"]) == (405, "GET")
    for method, path in (
        ("GET", "/api/merchant/v1/orders"), ("POST", "/api/merchant/v1/payments"),
        ("GET", "/api/operator/v1/merchants"), ("POST", "/api/device/v1/payments"),
    ):  # fmt: skip
        headers = pos_headers(KEY_ID, SECRET, method, path, at=NOON_S)
        assert (await ask(town.door, method, path, headers=headers)).status == 401, path
    assert (await ask(town.door, "GET", "/api/pos/v1/payments")).status == 404
    assert not town.order.seen
    assert not town.payment.seen


@pytest.mark.parametrize(("off_s", "status"), [(-301, 401), (-300, 200), (300, 200), (301, 401)])
async def test_the_window_is_five_minutes(town: Town, off_s: int, status: int) -> None:
    got = await orders(town, at=NOON_S + off_s)
    assert got.status == status
    if status == 401:
        assert (got.json()["code"], got.json()["server_time"]) == ("auth.clock_skew", NOON_S)


async def test_a_revoked_key_is_out_at_its_event(town: Town) -> None:
    assert (await orders(town)).status == 200
    gone = web.json_response({"code": "not_found", "status": 404, "title": "none"}, status=404)
    town.binding.on("GET", ASKED, lambda _seen: gone)
    town.edge.on_event(ApiKeyRevoked(**stamp(TENANT, town.clock), key_id=KEY_ID))
    assert (await orders(town)).json()["code"] == "auth.api_key"


async def test_the_keys_of_a_suspended_merchant_are_out_at_its_event(town: Town) -> None:
    """They are not revoked: they count again when it is lifted. Another merchant's go on."""
    assert (await orders(town)).status == 200
    gone = web.json_response({"code": "not_found", "status": 404, "title": "none"}, status=404)
    town.binding.on("GET", ASKED, lambda _seen: gone)
    town.edge.on_event(MerchantSuspended(**stamp(OTHER_TENANT, town.clock)))
    assert (await orders(town)).status == 200, "remembered"
    town.edge.on_event(MerchantSuspended(**stamp(TENANT, town.clock)))
    assert (await orders(town)).json()["code"] == "auth.api_key"


async def test_a_revoked_key_is_out_within_seconds_without_its_event(town: Town) -> None:
    assert (await orders(town)).status == 200
    refusal = {"code": "not_found", "status": 404, "title": "none"}
    town.binding.on("GET", ASKED, lambda _seen: web.json_response(refusal, status=404))
    town.clock.advance(5)
    assert (await orders(town, at=NOON_S + 5)).status == 401


async def test_nobody_is_believed_on_old_memory(town: Town) -> None:
    """While binding is away a key that may have been revoked meanwhile opens nothing."""
    assert (await orders(town)).status == 200
    town.binding.on("GET", ASKED, lambda _seen: web.json_response({}, status=503))
    town.clock.advance(5)
    assert (await orders(town, at=NOON_S + 5)).status in (502, 503)
    town.edge.on_gap()
    assert (await orders(town, at=NOON_S + 5)).status in (502, 503)


async def test_a_box_of_another_row_opens_nothing(town: Town, document: Document) -> None:
    for changed in ({"row": "dk_other"}, {"key_id": "dk_other"}):
        town.binding.on("GET", ASKED, document(**changed))
        assert (await orders(town)).status == 503
        town.edge.on_gap()


async def test_guessing_is_braked_by_address(town: Town) -> None:
    """With a key that is known and with one that is not; others are not slowed down."""
    for number, key in enumerate((KEY_ID, "dk_nobody")):
        client = f"198.51.100.{number}"
        got = [await orders(town, client=client, signature="0" * 64, key=key) for _ in range(320)]
        assert {one.status for one in got} == {401, 429}
    assert (await orders(town)).status == 200


async def test_one_key_has_its_own_rate(town: Town) -> None:
    got = [await orders(town) for _ in range(110)]
    assert [one.status for one in got].count(429) == 10
    assert int(got[-1].headers["retry-after"]) >= 1
    town.clock.advance(1)
    assert (await orders(town, at=NOON_S + 1)).status == 200


async def test_the_last_use_is_told_once(town: Town) -> None:
    for _ in range(20):
        await orders(town)
    await orders(town, signature="0" * 64)
    for _ in range(2):
        await town.edge._key_uses.report()
    (seen,) = town.binding.calls(USES)
    (item,) = seen.json()["items"]
    assert datetime.fromisoformat(item.pop("used_at")) == town.clock.now()
    assert item == {"tenant_id": str(TENANT), "key_id": KEY_ID}
    assert SECRET.encode() not in seen.body
