"""The doors behind the edge: closed without a service token of the right audience."""

import httpx
import pytest

from tests.e2e.world import World
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.tokens import ServiceKeys

pytestmark = pytest.mark.asyncio

DOORS = {
    "payment": ("POST", "/api/device/v1/payments"),
    "device": ("GET", "/api/device/v1/me"),
    "order": ("GET", "/api/merchant/v1/orders"),
    "binding": ("GET", "/api/merchant/v1/stores"),
    "campaign": ("GET", "/api/merchant/v1/campaign"),
}
INTERNAL = {
    "binding": ("POST", "/internal/sessions/resolve"),
    "device": ("GET", "/internal/devices/00000000-0000-7000-8000-000000000000/credential"),
    "payment": ("POST", "/internal/notify"),
}


@pytest.mark.parametrize("table", [DOORS, INTERNAL], ids=["outer", "internal"])
async def test_a_service_asked_directly_refuses(
    world: World, service_keys: ServiceKeys, table: dict[str, tuple[str, str]]
) -> None:
    """§5.1: no token, nonsense, and a well-made token of a stranger: 401 each."""
    stranger = service_keys.signer("gateway-edge")
    for service, (method, path) in table.items():
        base = world.stack.info["services"][service]
        forged = stranger.issue(service, kind="service", subject="gateway-edge")
        none_alg = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJwYXltZW50In0."
        for header in (None, "Bearer", "Bearer x.y.z", f"Bearer {none_alg}", f"Bearer {forged}"):
            headers = {} if header is None else {"Authorization": header}
            async with httpx.AsyncClient(base_url=base, verify=NO_TLS) as client:
                answer = await client.request(method, path, headers=headers, json={})
            assert answer.status_code == 401, (service, path, header, answer.text)
            assert answer.headers["content-type"].startswith("application/problem+json")


async def test_the_way_out_refuses_too(world: World) -> None:
    """Egress signs with merchants' keys: the last door to stand open."""
    async with httpx.AsyncClient(
        base_url=world.stack.info["gateway"]["egress"], verify=NO_TLS
    ) as client:
        for path in ("/alipay/alipay.trade.pay", "/alipay/alipay.trade.refund"):
            answer = await client.post(path, json={"app_id": world.app_id, "params": {}})
            assert answer.status_code == 401, answer.text


async def test_internal_paths_are_not_reachable_through_the_edge(world: World) -> None:
    for _, path in INTERNAL.values():
        for method in ("GET", "POST"):
            answer = await world.http.request(method, path, json={})
            assert answer.status_code in {404, 405}, (path, answer.status_code)
    for path in ("/internal/", "/api/merchant/v1/..%2f..%2finternal/notify", "//internal/notify"):
        # Whole addresses: against a base, httpx takes the first word after `//` for a host.
        answer = await world.http.get(world.stack.public + path)
        assert answer.request.url.raw_path.decode() == path
        assert answer.status_code in {400, 404, 405}, (path, answer.status_code)


async def test_health_says_nothing_of_anybody(world: World) -> None:
    for base in world.stack.info["services"].values():
        async with httpx.AsyncClient(base_url=base, verify=NO_TLS) as client:
            live = await client.get("/livez")
            ready = await client.get("/readyz")
            metrics = await client.get("/metrics")
        assert (live.status_code, ready.status_code) == (200, 200), ready.text
        assert world.device.device_id not in metrics.text
        assert "postgresql://" not in ready.text


async def test_the_public_port_shows_no_metrics(world: World) -> None:
    """They tell merchants' figures apart; the edge has an inner door for them."""
    assert (await world.http.get("/metrics")).status_code == 404
    async with httpx.AsyncClient(verify=NO_TLS) as client:
        for name, url in world.stack.info["metrics"].items():
            answer = await client.get(url)
            assert answer.status_code == 200, name
            assert "process_cpu_seconds_total" in answer.text or "python_info" in answer.text
        inner = world.stack.info["metrics"]["gateway-edge"]
        assert (await client.get(inner.replace("/metrics", "/livez"))).status_code == 200
        assert (
            await client.get(inner.replace("/metrics", "/api/public/v1/about"))
        ).status_code == 404


async def test_no_secret_reached_a_log(world: World) -> None:
    """§8 #24: the device key, the session, an auth code: in no log line of any process."""
    code = "fp" + "Canary9" * 4 + "abcde"
    await world.pay(1_00, auth_code=code)
    cookie = world.owner.headers["Cookie"].partition("=")[2]
    secrets = [code, world.device.key.hex(), cookie, "PRIVATE KEY"]
    for path in (world.stack.run_dir / "logs").glob("*.log"):
        if "sandbox" in path.name or "alipay" in path.name:
            continue
        text = path.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], path.name
