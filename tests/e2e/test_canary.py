"""Canaries through every route of the running platform, right and wrong: keys, tokens and
passwords come out nowhere (§8 #24, S34): not in logs, answers, metrics, events or tables."""

import functools
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.e2e.world import World, device_headers, eventually
from tests.fixtures.canary import Canaries, flat
from tests.fixtures.console import Console, choose_password
from tests.fixtures.keys import new_rsa_pair
from tests.fixtures.plain_http import NO_TLS

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("binding", "device", "payment", "campaign", "order")
NOT_ASKED = {("DELETE", "/session"), ("DELETE", "/sessions"), ("POST", "/session")}
"""Would end the session that asks, or open others; signing in is tried by hand."""
APP_ID = "2021000000004711"


def routes(prefix: str) -> Iterator[tuple[str, str, dict[str, Any], list[str]]]:
    """(method, path, properties of the body, names in the query) of each documented route."""
    for service in SERVICES:
        document = json.loads((ROOT / f"docs/openapi/{service}.json").read_text())
        schemas = document.get("components", {}).get("schemas", {})
        for path, methods in document["paths"].items():
            short = path.removeprefix(prefix)
            for method, spec in methods.items():
                if not path.startswith(f"{prefix}/") or (method.upper(), short) in NOT_ASKED:
                    continue
                content = spec.get("requestBody", {}).get("content", {})
                name = str(content.get("application/json", {}).get("schema", {}).get("$ref", ""))
                properties = schemas.get(name.rpartition("/")[2], {}).get("properties", {})
                query = [p["name"] for p in spec.get("parameters", ()) if p["in"] == "query"]
                yield method.upper(), short, properties, query


class Heard:
    """Everything that was answered, but for the answers that tell a secret for the first time."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.statuses: set[int] = set()

    def __call__(self, answer: httpx.Response) -> httpx.Response:
        self.texts.append(answer.text + str(answer.headers))
        self.statuses.add(answer.status_code)
        return answer


async def through_every_route(
    ask: Any, prefix: str, secret: str, private: str, heard: Heard
) -> int:
    """Each route with the secret wherever a value may stand: in every member, as the body, in the
    query, in a member nobody knows."""
    asked = 0
    for method, path, properties, query in routes(prefix):
        target = path.replace("{", "x-").replace("}", "")
        bodies: list[Any] = [None]
        if method in {"POST", "PUT", "PATCH"}:
            wrong = dict.fromkeys(properties, private)
            bodies = [wrong, wrong | {"surprise": secret}, [secret], secret, {"x": {"y": private}}]
        for body in bodies:
            named = dict.fromkeys((*query[:4], "note"), secret)
            heard(await ask(method, prefix + target, named, body))
            asked += 1
    return asked


async def test_no_secret_comes_out_anywhere(world: World) -> None:
    canaries, heard = Canaries(), Heard()
    pair, alipay = new_rsa_pair(), new_rsa_pair().public_b64
    canaries.add_private_key("application private key", pair)
    words = {name: secrets.token_urlsafe(24)[:32] for name in ("word", "password", "new password")}
    for name, word in words.items():
        canaries.add(name, word)
    canaries.add("device key", world.device.key)

    login = f"canary-{secrets.token_hex(4)}"
    operator = world.stack.info["demo"]["operator"]
    async with Console(
        world.stack.public, operator["login"], operator["password"], audience="operator"
    ) as console:
        canaries.add("operator's cookie", console.headers["Cookie"].partition("=")[2])
        made = heard(await console.post("/merchants", {"name": "金丝雀", "login": login}))
        await choose_password(world.stack.public, made.json()["link"], words["password"])
        asked = await through_every_route(
            _console_ask(console), "/api/operator/v1", words["password"], pair.private_b64, heard
        )
    async with Console(world.stack.public, login, words["password"]) as owner:
        canaries.add("cookie", owner.headers["Cookie"].partition("=")[2])
        canaries.add("csrf token", owner.headers["X-CSRF-Token"])
        await owner.step_up()
        store = heard(await owner.post("/stores", {"name": "一号"})).json()["store_id"]
        key = await owner.post("/api-keys", {"name": "pos"})
        canaries.add("api key", key.json()["secret"])
        device = await owner.enrol(store, f"CAN{secrets.token_hex(4)}")
        canaries.add("new device key", device.key)
        await keys_and_passwords(owner, heard, words, pair, alipay)
        asked += await through_every_route(
            _console_ask(owner), "/api/merchant/v1", words["word"], pair.private_b64, heard
        )

    async def signed(method: str, path: str, query: dict[str, str], body: Any) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = device_headers(device, method, path, raw)
        return await world.http.request(method, path, content=raw, headers=headers)

    asked += await through_every_route(
        signed, "/api/device/v1", words["word"], pair.private_b64, heard
    )
    for given in (words["password"], pair.private_b64[:200]):
        for body in ({"login": given[:64], "password": words["new password"]}, {"password": given}):
            heard(await world.http.post("/api/merchant/v1/session", json=body))
    assert asked > 150
    assert {200, 401, 404, 422} <= heard.statuses
    assert not {status for status in heard.statuses if status >= 500}

    assert not canaries.seen(*heard.texts), "an answer shows a secret"
    assert not canaries.seen(await logs(world)), "a log shows a secret"
    assert not canaries.seen(await metrics(world)), "a metric shows a secret"
    for service in SERVICES:
        assert not canaries.seen(await tables(world, service)), f"a table of {service}"


def _console_ask(console: Console) -> Any:
    async def ask(method: str, path: str, query: dict[str, str], body: Any) -> httpx.Response:
        short = "/" + path.split("/", 4)[4]
        return await console.ask(method, short, query, body)

    return ask


async def keys_and_passwords(
    owner: Console, heard: Heard, words: dict[str, str], pair: Any, alipay: str
) -> None:
    """The doors that are made for secrets, used rightly and wrongly."""
    good = {"app_id": APP_ID, "seller_id": "", "enabled": True, "version": 0}
    private = {"app_private_key": pair.private_pem.decode()}
    for body, status in (
        (good | private | {"alipay_public_key": pair.public_b64}, 422),
        (good | private | {"alipay_public_key": pair.private_b64}, 422),
        (good | {"app_private_key": pair.private_b64[:900], "alipay_public_key": alipay}, 422),
        (good | private | {"alipay_public_key": alipay, "version": 9}, 409),
        (good | private | {"alipay_public_key": alipay}, 200),
    ):
        answer = heard(await owner.put("/apps", body))
        assert answer.status_code == status, answer.text
    person = {"username": f"till-{secrets.token_hex(3)}", "name": "till", "role": "cashier"}
    assert (
        heard(await owner.post("/staff", person | {"password": words["password"]})).status_code
        == 422
    )
    made = heard(await owner.post("/staff", person))
    link = f"/staff/{made.json()['user_id']}/password-link"
    assert heard(await owner.post(link, {})).status_code == 201
    change = {"current_password": "wrong", "new_password": words["new password"]}
    assert heard(await owner.post("/password", change)).status_code == 403
    change["current_password"] = words["password"]
    assert heard(await owner.post("/password", change)).status_code == 204


async def logs(world: World) -> str:
    files = [*(world.stack.run_dir / "logs").glob("*"), world.stack.run_dir / "audit-anchors.jsonl"]
    found = [path.read_text(errors="replace") for path in files if path.is_file()]
    assert len(found) > 10
    return "\n".join(found)


async def metrics(world: World) -> str:
    """Of every process of the product, also of one that another test has just had restarted."""
    pages = []
    async with httpx.AsyncClient(timeout=10, verify=NO_TLS) as http:

        async def page(url: str) -> str | None:
            try:
                return (await http.get(url)).raise_for_status().text
            except httpx.ConnectError:
                return None

        for url in world.stack.info["metrics"].values():
            pages.append(await eventually(functools.partial(page, url)))
    assert len(pages) == 2 * len(SERVICES) + 2
    return "\n".join(pages)


async def tables(world: World, service: str) -> str:
    """Every row of every table, the outbox with its events among them."""
    connection = await asyncpg.connect(world.stack.postgres(service))
    try:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        )
        parts: list[str] = []
        for (name,) in names:
            for row in await connection.fetch(f"SELECT * FROM {name}"):
                parts += flat(row.values())
    finally:
        await connection.close()
    assert parts, service
    return "\n".join(parts)


async def test_the_canaries_sing() -> None:
    """The eye finds what it is made for, in each spelling, and the public half does not count."""
    pair, word = new_rsa_pair(), secrets.token_urlsafe(32)
    canaries = Canaries()
    canaries.add_private_key("key", pair)
    canaries.add("word", word)
    body = pair.private_b64
    for text in (body, pair.private_pem.decode(), body[-60:], body[900:945], json.dumps(body)):
        assert canaries.seen(text) == {"key"}
    assert canaries.seen(f"x={word}") == {"word"}
    assert canaries.seen(word.encode().hex()) == {"word"}
    assert not canaries.seen(pair.public_b64, pair.public_pem.decode(), new_rsa_pair().private_b64)
