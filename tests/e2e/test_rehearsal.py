"""A rehearsal from the console: an app of the sandbox that can be bound, and how a sale ends."""

import base64
import secrets

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.world import World

pytestmark = pytest.mark.asyncio


def public_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


async def choose(world: World, outcome: str) -> None:
    body = {"app_id": world.app_id, "outcome": outcome}
    answer = await world.owner.post("/sandbox/outcome", body)
    assert answer.status_code == 204, answer.text


async def test_a_refused_sale_and_the_next_one(world: World) -> None:
    await choose(world, "refused")
    refused = await world.pay(secrets.randbelow(900) + 100)
    assert refused["status"] == "failed"
    assert (await world.pay(1))["status"] == "paid"


@pytest.mark.parametrize("outcome", ["buyer_confirms", "unknown"])
async def test_a_sale_that_takes_a_while_is_paid_in_the_end(world: World, outcome: str) -> None:
    """No notice comes to help: it may be there before the answer is."""
    body_id = f"r{secrets.token_hex(12)}"
    async with world.fault("notify_never", method=None):
        await choose(world, outcome)
        begun = await world.pay(1, pay_request_id=body_id)
        assert begun["status"] == "pending"
        assert (await world.final(body_id))["status"] == "paid"


async def test_a_choice_for_one_sale_meets_no_other(world: World) -> None:
    code = f"28{secrets.randbelow(10**16):016}"
    body = {"app_id": world.app_id, "outcome": "refused", "auth_code": code}
    assert (await world.owner.post("/sandbox/outcome", body)).status_code == 204
    assert (await world.pay(1))["status"] == "paid"
    met = await world.pay(1, auth_code=body["auth_code"])
    assert met["status"] == "failed"


async def test_a_choice_that_was_taken_back(world: World) -> None:
    await choose(world, "refused")
    await choose(world, "paid")
    assert (await world.pay(1))["status"] == "paid"


async def test_an_app_to_bind(world: World) -> None:
    """What comes back is known to the sandbox, under the key that was given."""
    key = public_key()
    answer = await world.owner.post("/sandbox/apps", {"public_key": key})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    known = {one["app_id"]: one for one in (await world.admin.get("/apps")).json()["apps"]}
    assert known[made["app_id"]]["alipay_public_key"] == made["alipay_public_key"]
    assert known[made["app_id"]]["seller_id"] == made["seller_id"]


async def test_everybody_is_told_where_the_sandbox_is(world: World) -> None:
    about = (await world.http.get("/api/public/v1/about")).json()
    assert about["is_sandbox"]
    assert about["sandbox_page"] == world.stack.info["sandbox"]["alipay"]["page"]
    page = await world.admin.get(about["sandbox_page"])
    assert "<html" in page.text
