"""What ends beside its use, at a real edge before the real services, many times each: the request
passes as a whole or not at all, and what the edge remembered does not outlive the event (§5.4)."""

import base64
import hashlib
import hmac
import json
import secrets
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from services.binding.tenancy import merchants
from services.binding.tenancy.permissions import PERMISSIONS
from services.binding.tenancy.rules import Role
from tests.fixtures.pos import pos_headers
from tests.fixtures.races import ROUNDS, race
from tests.integration.binding.conftest import PASSWORD
from tests.unit.gateway.neighbours import NOON_S, ask

pytestmark = [pytest.mark.asyncio, pytest.mark.races]
PAYMENTS, ENROL = "/api/device/v1/payments", "/api/device/v1/enrol"
ORDERS, M = "/api/pos/v1/orders", "/api/merchant/v1"
COOKIE = "__Host-damselfly"


@pytest.fixture
def now_s(town):
    """The second of the edge's clock."""
    assert int(town.clock.now().timestamp()) == NOON_S
    return lambda: int(town.clock.now().timestamp())


class Counter:
    """A device, and the merchant's people at the device service."""

    def __init__(self, town, tenant_id, now_s):
        self.town, self.tenant_id, self.now_s = town, tenant_id, now_s
        self.owner = town.callers["device"](
            kind="user", subject=str(uuid4()), tenant_id=tenant_id,
            permissions=frozenset({"devices.read", "devices.write"}),
        )  # fmt: skip

    async def code(self, store_id):
        made = await self.owner("POST", f"{M}/devices/codes", {"store_id": str(store_id)})
        assert made.status_code == 201, made.text
        return made.json()["code"]

    async def enrol(self, code, sn):
        body = json.dumps({"code": code, "sn": sn}).encode()
        address = f"203.0.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        headers = {"Content-Type": "application/json"}
        got = await ask(self.town.door, "POST", ENROL, body=body, headers=headers, client=address)
        assert got.status == 201, got.text
        return got.json()

    async def pay(self, known):
        """(answer, pay_request_id) of one signed sale."""
        name = f"r{secrets.token_hex(8)}"
        body = json.dumps({"pay_request_id": name, "amount_fen": 100,
                           "auth_code": "fp" + secrets.token_hex(16) + "Z"}).encode()  # fmt: skip
        stamp, nonce = str(self.now_s()), secrets.token_hex(16)
        text = "\n".join(("POST", PAYMENTS, "", stamp, nonce, known["device_id"], known["key_id"],
                          hashlib.sha256(body).hexdigest()))  # fmt: skip
        key = base64.b64decode(known["key"])
        headers = {
            "X-DF-Device": known["device_id"], "X-DF-Key": known["key_id"],
            "X-DF-Timestamp": stamp, "X-DF-Nonce": nonce, "Content-Type": "application/json",
            "X-DF-Signature": hmac.new(key, text.encode(), hashlib.sha256).hexdigest(),
        }  # fmt: skip
        return await ask(self.town.door, "POST", PAYMENTS, body=body, headers=headers), name

    async def kept(self, name):
        """The stores of what was booked under that request."""
        rows = await self.town.databases["payment"].fetch(
            "SELECT store_id, state FROM payments WHERE pay_request_id = $1", name
        )
        assert all(row["state"] == "SUCCESS" for row in rows)
        return [row["store_id"] for row in rows]


@pytest.fixture
def counter(town, now_s):
    return Counter(town, uuid4(), now_s)


async def test_a_sale_beside_the_devices_end(town, counter, store):
    """S130: taken and booked, or refused and not there; after the event nothing is taken."""
    place, seen = uuid4(), set()
    await store(counter.tenant_id, place)
    for turn in range(ROUNDS):
        known = await counter.enrol(await counter.code(place), f"SN{turn:04}")
        await town.heard()

        async def revoke(device_id=known["device_id"]):
            done = await counter.owner("POST", f"{M}/devices/{device_id}/revoke")
            assert done.status_code == 200
            await town.heard()

        (got, name), _ = await race(turn, counter.pay(known), revoke(), 0.001)
        assert (got.status, await counter.kept(name)) in [(200, [place]), (401, [])], got.text
        seen.add(got.status)
        late, name = await counter.pay(known)
        assert (late.status, await counter.kept(name)) == (401, []), turn
    assert seen == {200, 401}


async def test_a_sale_beside_the_devices_move(town, counter, store):
    """The device is set up anew in another store: what the old key signed is the old store's, or
    refused; what the new one signs is the new store's."""
    places, seen = [uuid4(), uuid4()], set()
    for place in places:
        await store(counter.tenant_id, place)
    known = await counter.enrol(await counter.code(places[0]), "SN-MOVES")
    await town.heard()
    for turn in range(ROUNDS):
        here, there = places[turn % 2], places[1 - turn % 2]
        code = await counter.code(there)

        async def move(code=code, there=there):
            moved = await counter.enrol(code, "SN-MOVES")
            fresh, name = await counter.pay(moved)  # before the edge has heard of it
            assert (fresh.status, await counter.kept(name)) == (200, [there])
            await town.heard()
            return moved

        (got, name), moved = await race(turn, counter.pay(known), move(), 0.001)
        assert (got.status, await counter.kept(name)) in [(200, [here]), (401, [])], got.text
        seen.add(got.status)
        late, name = await counter.pay(known)
        assert (late.status, await counter.kept(name)) == (401, []), turn
        known = moved
        fresh, name = await counter.pay(known)
        assert (fresh.status, await counter.kept(name)) == (200, [there]), turn
    assert seen == {200, 401}


@pytest_asyncio.fixture
async def owner(town, binding_app):
    """(tenant, the owner's caller at binding's own door)."""
    merchant, user = await merchants.create_merchant(
        binding_app[0].state.deps, name="Tea house", login="owner@tea", password=PASSWORD,
        actor="test", handle="tea",
    )  # fmt: skip
    return merchant.tenant_id, town.callers["binding"](
        kind="user", subject=str(user.user_id), tenant_id=UUID(str(merchant.tenant_id)),
        permissions=PERMISSIONS[Role.MERCHANT_OWNER], step_up_until=town.clock.now().replace(
            year=2027
        ),
    )  # fmt: skip


async def test_a_read_beside_the_api_keys_end(town, owner, now_s):
    """Answered, or refused; after the event it is refused."""
    _, caller = owner
    seen = set()
    for turn in range(ROUNDS):
        made = (await caller("POST", f"{M}/api-keys", {"name": f"pos {turn}"})).json()

        async def read(made=made):
            headers = pos_headers(made["key_id"], made["secret"], "GET", ORDERS, at=now_s())
            return (await ask(town.door, "GET", ORDERS, headers=headers)).status

        async def revoke(key_id=made["key_id"]):
            assert (await caller("DELETE", f"{M}/api-keys/{key_id}")).status_code == 204
            await town.heard()

        status, _ = await race(turn, read(), revoke(), 0.001)
        seen.add(status)
        assert await read() == 401, turn
    assert seen == {200, 401}


class Browser:
    """A browser at the edge, at an address of its own."""

    def __init__(self, town):
        address = f"203.0.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        self.way = httpx.ASGITransport(app=town.door, client=(address, 50000))
        self.cookie = self.csrf = ""

    async def __call__(self, method, path, body=None, *, cookie=None):
        headers = {"Cookie": f"{COOKIE}={cookie or self.cookie}", "X-CSRF-Token": self.csrf}
        async with httpx.AsyncClient(transport=self.way, base_url="http://edge") as client:
            return await client.request(method, M + path, json=body, headers=headers)

    async def sign_in(self):
        answer = await self("POST", "/session", {"login": "owner@tea", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.cookie, self.csrf = session_cookie(answer), answer.json()["csrf_token"]


def session_cookie(answer):
    given = answer.headers.get_list("set-cookie")
    found = next(one for one in given if one.startswith(f"{COOKIE}="))
    return found.partition(";")[0].partition("=")[2]


async def test_a_session_used_and_renewed_beside_its_end(town, owner):
    """Ended from another browser. Whatever cookie it had or was given, the edge lets none of them
    in once it has heard."""
    other, seen = Browser(town), set()
    await other.sign_in()
    for turn in range(ROUNDS):
        mine = Browser(town)
        await mine.sign_in()

        async def use(mine=mine, is_renewed=turn // 2 % 2):
            if not is_renewed:
                return [(await mine("GET", "/stores")).status_code], mine.cookie
            answer = await mine("POST", "/session/step-up", {"password": PASSWORD})
            if answer.status_code != 200:
                return [answer.status_code], mine.cookie
            cookie = session_cookie(answer)
            again = await mine("GET", "/stores", cookie=cookie)  # the edge knows it from now on
            return [answer.status_code, again.status_code], cookie

        async def end():
            assert (await other("DELETE", "/sessions")).status_code == 204
            await town.heard()

        (statuses, renewed), _ = await race(turn, use(), end(), 0.003)
        assert set(statuses) <= {200, 401}, turn
        seen |= set(statuses)
        for cookie in {mine.cookie, renewed}:
            assert (await mine("GET", "/stores", cookie=cookie)).status_code == 401, turn
    assert seen == {200, 401}
