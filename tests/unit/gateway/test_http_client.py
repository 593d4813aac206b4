"""The HTTP client tells "surely not sent" from "unknown", never retries, and bounds its pool."""

import asyncio
import ipaddress
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from gateway.http_client import HttpClient, tls
from shared.errors import NoAnswer, NotSent, PoolFull
from tests.fixtures.keys import new_rsa_pair


@pytest_asyncio.fixture
async def server():
    seen = []

    async def handle(request):
        seen.append((request.method, request.path_qs, await request.read()))
        if request.path == "/hang":
            await asyncio.sleep(5)
        if request.path == "/drop":
            request.transport.close()
        if request.path == "/redirect":
            raise web.HTTPFound("/elsewhere")
        if request.path.startswith("/chunks/"):
            answer = web.StreamResponse()
            answer.enable_chunked_encoding()
            await answer.prepare(request)
            for _ in range(int(request.path.rpartition("/")[2])):
                await answer.write(b"x" * 1000)
            await answer.write_eof()
            return answer
        if request.path == "/declared":
            return web.Response(body=b"x" * 10_001)
        return web.json_response({"ok": True}, status=418 if request.path == "/teapot" else 200)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", seen
    await runner.cleanup()


@pytest.mark.asyncio
@pytest.mark.parametrize("has_called", [True, False])
async def test_after_its_end_a_client_sends_nothing(server, has_called):
    url, seen = server
    client = HttpClient(url, name="peer")
    if has_called:
        await client.request("GET", "/")
    await client.aclose()
    with pytest.raises(NotSent):
        await client.request("GET", "/late")
    with pytest.raises(NotSent):
        async with client.stream("GET", "/late", None, {}):
            pass
    assert [path for _, path, _ in seen] == ["/"] * has_called


@pytest.mark.asyncio
async def test_an_answer_of_any_status_is_a_reply(server):
    url, seen = server
    client = HttpClient(url, name="t")
    reply = await client.request("POST", "/teapot?a=%2F%2B", content=b"body")
    assert (reply.status, reply.json()) == (418, {"ok": True})
    assert reply.headers["content-type"].startswith("application/json")
    assert seen == [("POST", "/teapot?a=%2F%2B", b"body")]
    assert (await client.request("GET", "/redirect")).status == 302
    await client.aclose()


@pytest.mark.asyncio
async def test_a_refused_connection_was_surely_not_sent():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = HttpClient(f"http://127.0.0.1:{port}", name="t")
    with pytest.raises(NotSent):
        await client.request("POST", "/")
    await client.aclose()


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/hang", "/drop"])
async def test_a_lost_answer_is_unknown_and_sent_once(server, path):
    """F4, and jeepay's silent second POST (peers §8)."""
    url, seen = server
    client = HttpClient(url, name="t", timeout_s=0.3)
    with pytest.raises(NoAnswer):
        await client.request("POST", path, content=b"x")
    assert len(seen) == 1
    await client.aclose()


@pytest.mark.asyncio
async def test_a_full_pool_refuses_instead_of_queueing_for_ever(server, monkeypatch):
    monkeypatch.setattr("shared.client.POOL_WAIT_S", 0.1)
    url, _ = server
    client = HttpClient(url, name="t", pool=1, timeout_s=1)
    hanging = asyncio.ensure_future(client.request("GET", "/hang"))
    await asyncio.sleep(0.05)
    with pytest.raises(PoolFull):
        await client.request("GET", "/")
    with pytest.raises(NoAnswer):
        await hanging
    assert (await client.request("GET", "/")).status == 200
    await client.aclose()


@pytest.mark.asyncio
async def test_an_answer_beyond_the_limit_is_no_answer_declared_or_in_chunks(server, monkeypatch):
    """A peer that writes without end must not fill this process's memory."""
    monkeypatch.setattr("gateway.http_client.RESPONSE_MAX", 10_000)
    url, _ = server
    client = HttpClient(url, name="t", timeout_s=5)
    assert (await client.request("GET", "/chunks/10")).content == b"x" * 10_000
    for path in ("/declared", "/chunks/11", "/chunks/100000"):
        with pytest.raises(NoAnswer, match="too large"):
            await client.request("GET", path)
    assert (await client.request("GET", "/")).status == 200
    await client.aclose()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that vouches for itself, and its private key."""
    pair, now = new_rsa_pair(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    places = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(pair.public)
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(places, critical=False)
        .sign(pair.private, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(pair.private_pem)
    return folder


@pytest_asyncio.fixture
async def secure(certificate):
    async def handle(request):
        port = str(request.transport.get_extra_info("peername")[1])
        return web.json_response({"ok": True}, headers={"X-Port": port})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    tls.cache_clear()
    yield f"https://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    tls.cache_clear()
    await runner.cleanup()


@pytest.mark.asyncio
async def test_a_peer_is_believed_when_an_authority_vouches_for_it(
    secure, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    client = HttpClient(secure, name="t")
    replies = [await client.request("GET", "/") for _ in range(3)]
    assert [reply.json() for reply in replies] == [{"ok": True}] * 3
    assert len({reply.headers["x-port"] for reply in replies}) == 1
    await client.aclose()


@pytest.mark.asyncio
async def test_a_close_over_tls_is_seen_before_the_next_request(certificate, monkeypatch):
    """The peer, in a thread of its own, answers once and closes while the client's loop stands
    still."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    heard = []

    def serve(listener):
        for _ in range(3):
            with context.wrap_socket(listener.accept()[0], server_side=True) as peer:
                heard.append(peer.recv(65536))
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        tls.cache_clear()
        client = HttpClient(f"https://127.0.0.1:{listener.getsockname()[1]}", name="t", timeout_s=5)
        for _ in range(3):
            assert (await client.request("POST", "/", content=b"x")).status == 200
            time.sleep(0.05)
        await client.aclose()
        tls.cache_clear()
    assert len(heard) == 3


@pytest.mark.asyncio
async def test_a_peer_nobody_vouches_for_hears_nothing(secure):
    client = HttpClient(secure, name="t")
    with pytest.raises(NotSent, match="Certificate"):
        await client.request("POST", "/", content=b"secret")
    await client.aclose()


def test_the_contexts_of_the_library_trust_nobody():
    """It makes them as it is imported; whatever used one by oversight would be refused."""
    script = (
        "import gateway.http_client, aiohttp.connector as c, ssl;"
        "print(c._SSL_CONTEXT_VERIFIED.cert_store_stats()['x509_ca'],"
        " c._SSL_CONTEXT_VERIFIED.verify_mode == ssl.CERT_REQUIRED,"
        " (tls := gateway.http_client.tls()).verify_mode == ssl.CERT_REQUIRED, tls.check_hostname)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["0", "True", "True", "True"]
