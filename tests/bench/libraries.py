"""Modules of the gateway beside the library that could replace each:
python -m tests.bench.libraries.

CPU microseconds for one use, the least of several rounds, and where behaviour differs, how.
cachetools and limits are no dependencies of ours: without them (`pip install --target DIR`, then
PYTHONPATH=DIR; limits needs deprecated, wrapt and packaging) their figures are left out.
"""

import asyncio
import base64
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.staticfiles import StaticFiles as StarletteFiles
from starlette.types import Message
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.alipay.methods.pictures import Picture, multipart
from gateway.cache import LookupCache
from gateway.limits import Buckets
from gateway.server.asgi import HttpApp, running
from gateway.server.forwarded import Proxies, networks
from gateway.server.static import StaticFiles
from shared.clock import SystemClock
from tests.unit.gateway.server.test_forwarded import TRUSTED
from tests.unit.gateway.server.test_forwarded import (
    test_the_last_hop_that_is_no_proxy_of_ours as forwarded,
)

ROUNDS, USES = 7, 3_000


def _scope(path: str, headers: list[tuple[bytes, bytes]], client: str = "127.0.0.1") -> Any:
    return {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": b"", "headers": headers, "client": (client, 50_000), "scheme": "http",
        "http_version": "1.1", "app_root_path": "",
    }  # fmt: skip


async def _receive() -> Message:
    """Nothing more comes; who waits for the client to leave waits on."""
    await asyncio.Event().wait()
    raise AssertionError


async def _send(_message: Any) -> None:
    return None


async def _us(use: Callable[[], Any], uses: int = USES) -> float:
    """The least of several rounds: neighbours only ever add."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(uses):
            made = use()
            if isinstance(made, Awaitable):
                await made
        rounds.append((time.process_time() - began) / uses * 1e6)
    return min(rounds)


async def static(folder: Path) -> str:
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<script nonce=__CSP_NONCE__></script>")
    (folder / "assets" / "app-1a2b3c.js").write_bytes(b"x" * 100_000)
    files = StaticFiles(folder)

    async def handle(request: Any) -> Any:
        return files.respond(request)

    ours = HttpApp(handle, lambda: running([], asyncio.Event().wait))
    theirs = StarletteFiles(directory=folder, html=True)
    path = "/assets/app-1a2b3c.js"
    pair = [await _us(lambda app=app: app(_scope(path, []), _receive, _send), 400)
            for app in (ours, theirs)]  # fmt: skip
    return (
        f"static.py      a script of 100 KB: ours {pair[0]:.0f} us with its access line,"
        f" starlette's StaticFiles {pair[1]:.0f} us without; that knows no nonce and no packed twin"
    )


async def forwarding() -> str:
    cases = forwarded.pytestmark[0].args[1]  # type: ignore[attr-defined]
    ours = Proxies(networks(TRUSTED))
    found: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.append(scope["client"][0] if scope["client"] else "")

    theirs = ProxyHeadersMiddleware(app, trusted_hosts=TRUSTED.split(","))
    other = 0
    for peer, said, client in cases:
        headers = [(b"x-forwarded-for", value.encode()) for value in said]
        await theirs(_scope("/", headers, peer), _receive, _send)
        other += found[-1] != client
    headers = [(b"x-forwarded-for", b"203.0.113.7")]
    peer = "10.0.0.5"
    mine = await _us(lambda: ours.client_of(peer, headers))
    its = await _us(lambda: theirs(_scope("/", list(headers), peer), _receive, _send))
    return (
        f"forwarded.py   one hop: ours {mine:.1f} us, uvicorn's ProxyHeadersMiddleware"
        f" {its:.1f} us; that names another client in {other} of our {len(cases)} cases"
    )


async def pictures() -> str:
    from urllib3.filepost import RequestField, encode_multipart_formdata

    content = b"\x89PNG\r\n\x1a\n" + b"x" * 1_000_000
    picture = Picture(file_name="a.png", content_b64=base64.b64encode(content).decode())
    texts = {"app_id": "2021", "sign": "x" * 344}

    def theirs() -> Any:
        fields = [RequestField(name, value) for name, value in texts.items()]
        for field in fields:
            field.make_multipart(content_type="text/plain; charset=utf-8")
        fields.append(RequestField("logo", picture.content, filename="a.png"))
        fields[-1].make_multipart(content_type="image/png")
        return encode_multipart_formdata(fields)

    mine = await _us(lambda: multipart(texts, {"logo": picture}), 60)
    its = await _us(theirs, 60)
    code = "import time,http.client,ssl; t=time.perf_counter(); import urllib3.filepost; "
    code += "print((time.perf_counter()-t)*1e3)"
    start = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(ROUNDS))
    return (
        f"pictures.py    a picture of 1 MB: ours {mine:.0f} us, urllib3's filepost {its:.0f} us,"
        f" and {start:.0f} ms of start"
    )


async def caching() -> str:
    clock = SystemClock()

    async def load(_key: str) -> str:
        return "value"

    ours = LookupCache("bench", load, clock, kept=1000, fresh_s=3600)
    await ours.get("a")
    mine = await _us(lambda: ours.get("a"), 20_000)
    line = f"cache.py       a hit: ours {mine:.2f} us"
    try:
        cachetools = importlib.import_module("cachetools")
    except ImportError:
        return line
    theirs = cachetools.TTLCache(1000, 3600)
    theirs["a"] = "value"
    its = await _us(lambda: theirs.get("a"), 20_000)
    return f"{line}, cachetools.TTLCache {its:.2f} us; that has no single flight, no stale value"


async def limiting() -> str:
    ours = Buckets("bench", SystemClock(), burst=1e9, per_s=1e9)
    mine = await _us(lambda: ours.take("a"), 20_000)
    line = f"limits.py      a request: ours {mine:.2f} us"
    try:
        limits = importlib.import_module("limits")
        storage = importlib.import_module("limits.storage").MemoryStorage()
    except ImportError:
        return line
    item = limits.RateLimitItemPerSecond(10**6)
    found = []
    for name in ("FixedWindowRateLimiter", "MovingWindowRateLimiter"):
        limiter = getattr(importlib.import_module("limits.strategies"), name)(storage)
        found.append(f"{name} {await _us(lambda one=limiter: one.hit(item, 'a'), 1_000):.1f} us")
    return f"{line}, limits' {', '.join(found)}; its memory has no bound"


async def _all() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.flush()
        first = await static(Path(folder))
    lines = [first, await forwarding(), await pictures(), await caching(), await limiting()]
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    asyncio.run(_all())
