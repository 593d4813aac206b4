"""More merchants for a bench: each with an app, a store and devices, made at the consoles."""

import asyncio
import secrets

import httpx

from tests.bench.load import Device, Load
from tests.bench.stacks import Product
from tests.fixtures.console import Console, choose_password
from tests.fixtures.keys import new_rsa_pair

PASSWORD = secrets.token_urlsafe(24)
BOUND_WITHIN_S = 30.0


async def add_merchants(product: Product, count: int, devices: int) -> list[Device]:
    """Makes that many merchants with that many devices each, which can be paid at; the devices take
    turns by merchant, so that neighbours are of different merchants."""
    async with httpx.AsyncClient(base_url=product.admin, timeout=10) as admin:
        found = [await _one(product, admin, devices) for _ in range(count)]
    return [device for turn in zip(*found, strict=True) for device in turn]


async def _one(product: Product, admin: httpx.AsyncClient, devices: int) -> list[Device]:
    login = f"bench-{secrets.token_hex(4)}"
    operator = product.operator
    async with Console(
        product.public, operator["login"], operator["password"], audience="operator"
    ) as console:
        made = await console.post("/merchants", {"name": login, "login": login})
        made.raise_for_status()
    await choose_password(product.public, made.json()["link"], PASSWORD)
    async with Console(product.public, login, PASSWORD) as owner:
        store = await owner.post("/stores", {"name": "bench"})
        store.raise_for_status()
        await owner.step_up()
        await _bind(owner, admin)
        enrolled = [
            await owner.enrol(store.json()["store_id"], f"BM{secrets.token_hex(5)}")
            for _ in range(devices)
        ]
    made_devices = [Device(one.device_id, one.key_id, one.key) for one in enrolled]
    await _until_paid(product, made_devices[0])
    return made_devices


async def _bind(owner: Console, admin: httpx.AsyncClient) -> None:
    """An app of the merchant's own, with Alipay's public key."""
    pair = new_rsa_pair()
    registered = await admin.post("/apps", json={"public_key": pair.public_b64, "mode": "key"})
    app = registered.raise_for_status().json()
    body = {name: app[name] for name in ("app_id", "seller_id", "alipay_public_key")}
    answer = await owner.put("/apps", body | {"version": 0, "app_private_key": pair.private_b64})
    answer.raise_for_status()


async def _until_paid(product: Product, device: Device) -> None:
    """Until a sale succeeds: the app has been checked with Alipay, and the egress has its keys."""
    load = Load(*product.address, [device], seed=secrets.randbits(32))
    async with asyncio.timeout(BOUND_WITHIN_S):
        while await load.pay(1, 1):
            await asyncio.sleep(0.2)
