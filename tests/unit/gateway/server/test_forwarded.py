"""Behind reverse proxies the client is who the last trusted proxy heard from, and nobody else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError

from gateway.config import EdgeConfig
from gateway.edge import Edge
from gateway.server.asgi import HttpApp
from gateway.server.forwarded import Proxies, networks
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.alipay.inbound.test_notify import FORM_TYPE, PATH, signed, urlencode
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import ask

PROXY = "10.0.0.5"
TRUSTED = f"{PROXY},10.1.0.0/16,2001:db8::/32"
LOGIN = "/api/merchant/v1/session"


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        (PROXY, ["203.0.113.7"], "203.0.113.7"),
        (PROXY, ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.1.9.9", ["198.51.100.1, 203.0.113.7,10.1.0.1 , 10.0.0.5"], "203.0.113.7"),
        (PROXY, ["203.0.113.7", "10.1.0.1"], "203.0.113.7"),
        ("::ffff:10.0.0.5", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("2001:db8::1", ["[2001:4860::8]:443"], "2001:4860::8"),
        (PROXY, ["2001:4860::8"], "2001:4860::8"),
        # what was said by somebody who is no proxy of ours, or says nothing that makes sense
        ("203.0.113.9", ["203.0.113.7"], "203.0.113.9"),
        ("10.0.0.6", ["203.0.113.7"], "10.0.0.6"),
        (PROXY, [], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["203.0.113.7, unknown, 10.1.0.1"], "10.1.0.1"),
        (PROXY, ["10.1.0.1"], "10.1.0.1"),
        (PROXY, [",".join(["203.0.113.7", *["10.1.0.1"] * 16])], "10.1.0.1"),
        ("", ["203.0.113.7"], ""),
    ],
)
def test_the_last_hop_that_is_no_proxy_of_ours(peer: str, said: list[str], client: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in said]
    assert Proxies(networks(TRUSTED)).client_of(peer, [(b"host", b"x"), *headers]) == client
    assert Proxies(()).client_of(peer, headers) == peer


@pytest.mark.parametrize("wrong", ["proxy.example.test", "10.0.0.0/33", "10.0.0.5/8"])
def test_what_is_no_network_stops_the_start(
    town: Town, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", wrong)
    with pytest.raises(ValidationError):
        EdgeConfig()


@pytest.mark.asyncio
async def test_behind_a_proxy_each_sender_has_a_bucket_of_its_own(
    town: Town, alipay_keys: RsaPair, other_keys: RsaPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one forger behind the same proxy silences Alipay, and guessing locks everybody out."""
    town.payment.on("POST", "/internal/notify", {"verdicts": ["stored"]})
    town.binding.on("POST", LOGIN, lambda _seen: web.json_response({}, status=401))
    monkeypatch.setenv("TRUSTED_PROXIES", PROXY)
    monkeypatch.setenv("SERVICE_KEY_FILE", str(town.keys.key_file("gateway-edge")))
    edge = Edge(EdgeConfig(), town.clock)
    door = HttpApp(edge.handle, edge.lifespan)
    edge._rates["notify"]._burst = edge._rates["login"]._burst = 2

    async def notice(keys: RsaPair, said: str) -> bytes:
        headers = {"Content-Type": FORM_TYPE, "X-Forwarded-For": said}
        body = urlencode(signed(keys)).encode()
        return (await ask(door, "POST", PATH, body=body, headers=headers, client=PROXY)).body

    async def login(said: str) -> int:
        headers = {"X-Forwarded-For": said}
        return (await ask(door, "POST", LOGIN, body=b"{}", headers=headers, client=PROXY)).status

    for forged in range(4):
        assert await notice(other_keys, f"198.51.100.{forged}, 203.0.113.66") == b"fail"
    assert await notice(alipay_keys, "203.0.113.66") == b"fail"
    assert await notice(alipay_keys, "203.0.113.7") == b"success"
    assert [await login("203.0.113.66") for _ in range(3)] == [401, 401, 429]
    assert await login("203.0.113.7") == 401
    assert town.binding.calls(LOGIN)[-1].headers["x-client-address"] == "203.0.113.7"
    await edge.aclose()


def test_an_edge_behind_unsaid_proxies_does_not_start(tmp_path: Path) -> None:
    """The process itself: one line that names the setting, exit 2, nothing served."""
    url = "http://127.0.0.1:9"
    told = {
        "PATH": os.environ["PATH"], "PUBLIC_URL": "https://pay.example.test",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9", "KEK_FILE": str(tmp_path / "kek"),
        "SERVICE_KEY_FILE": str(tmp_path / "key"), "SERVICE_TRUST_FILE": str(tmp_path / "trust"),
        **{f"{name}_URL": url for name in ("BINDING", "DEVICE", "PAYMENT", "CAMPAIGN", "ORDER")},
    }  # fmt: skip
    words = [sys.executable, "-m", "gateway", "edge"]
    ended = subprocess.run(words, env=told, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "TRUSTED_PROXIES" in ended.stderr
    assert "Traceback" not in ended.stderr
