"""The console's built files, held in memory. Before they are built, a small page says so.

The console's library adds <style> elements at run time. A nonce, new for every page that is sent,
allows them, so that no policy here needs 'unsafe-inline'. Scripts come from files only.

Kept beside starlette's StaticFiles, which reads the disk for each request and knows neither nonces
nor packed twins: 9 µs for a script of 100 KB against 417 (`python -m tests.bench.libraries`).
"""

import hashlib
import mimetypes
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from gateway.routing import SAFE_METHODS
from gateway.server.asgi import NO_STORE, Header, Request, Response
from shared.errors import MethodNotAllowed, NotFound

DIST = Path(__file__).parents[1] / "spa" / "dist"
CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
PAGE_CSP = f"{CSP}; form-action 'self'; style-src 'self' 'nonce-%s'"
NONCE_MARK = b"__CSP_NONCE__"
NONCE_BYTES = 18
NO_PAGES = ("/internal", "/alipay", "/api")
"""No path below these is a page of the console: a 200 would look like an open endpoint."""
BUYER = "/h5"
"""A code on the device once led buyers' phones here, so the console is never shown below it."""
ASSETS = "/assets"
"""Only files: answering a page for an earlier release's script would fail silently."""
_FIRST = re.compile(r"/[A-Za-z0-9_-]+", re.ASCII)
_IMMUTABLE: Header = (b"cache-control", b"public, max-age=31536000, immutable")
_REVALIDATE: Header = (b"cache-control", b"no-cache")
_HTML: Header = (b"content-type", b"text/html; charset=utf-8")
_GZIP: Header = (b"content-encoding", b"gzip")
_VARY: Header = (b"vary", b"accept-encoding")

LANDING = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Damselfly 蜻蜓刷脸支付开放平台</title>
</head>
<body>
<main>
<h1>Damselfly</h1>
<p>蜻蜓刷脸支付开放平台正在运行，设备与接口可用；商家控制台尚未构建：
<code>python -m deploy.local console</code></p>
<p lang="en">The open face-pay platform is running; devices and the API are ready. The merchant
console was not built yet: <code>python -m deploy.local console</code></p>
<ul>
<li><a href="/readyz">就绪状态 <span lang="en">Readiness</span></a></li>
<li><a href="/livez">存活状态 <span lang="en">Liveness</span></a></li>
</ul>
</main>
</body>
</html>
"""

BUYER_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>页面尚未开放 Not open yet</title>
</head>
<body>
<main>
<h1>这个页面尚未开放</h1>
<p>优惠券和抽奖的手机页面还没有上线。您的付款不受影响，无需再做任何操作；有疑问请联系付款的商家。</p>
<h2 lang="en">This page is not open yet</h2>
<p lang="en">The phone page for coupons and draws does not exist yet. Your payment is not
affected, and there is nothing for you to do; if in doubt, ask the shop that you paid.</p>
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    """A file, and its gzip copy if the build made one."""

    plain: Response
    packed: Response | None


class StaticFiles:
    """Files by path. Every other path of a built console is answered with its index page."""

    def __init__(self, dist: Path = DIST) -> None:
        self._files: dict[str, _File] = {}
        self._page: list[bytes] = []
        """the index page, split at its nonces; empty: not built"""
        index = dist / "index.html"
        if not index.is_file():
            self._files["/"] = _File(_file_response(LANDING.encode(), (_HTML, _REVALIDATE)), None)
            return
        self._page = index.read_bytes().split(NONCE_MARK)
        for path in sorted(dist.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.suffix != ".gz":
                name = "/" + path.relative_to(dist).as_posix()
                self._files[name] = _file(path, is_named_by_hash=name.startswith(f"{ASSETS}/"))
        del self._files["/index.html"]

    def respond(self, request: Request) -> Response:
        """The file, the index page for a path of the console, or NotFound."""
        if request.path == BUYER or request.path.startswith(f"{BUYER}/"):
            return _no_buyer_page(request)
        found = self._files.get(request.path)
        is_page = bool(self._page) and (_is_page(request.path) or _is_typed(request, request.path))
        if found is None and not is_page:
            raise NotFound
        if request.method not in SAFE_METHODS:
            raise MethodNotAllowed(allow=sorted(SAFE_METHODS))
        if found is None:
            return self._fresh_page()
        chosen = found.plain
        if found.packed is not None and _takes_gzip(request):
            chosen = found.packed
        tag = dict(chosen.headers)[b"etag"]
        if request.headers.get(b"if-none-match") == tag:
            return Response(304, b"", chosen.headers)
        return chosen

    def page_for_unreadable_path(self, request: Request) -> Response | None:
        """The index page for an address that a person typed and that we do not route by (a blank,
        Chinese, a trailing slash): the console then says that the page does not exist. None: not
        a person's address."""
        path = request.unreadable_path.decode("ascii", "replace")
        if path.startswith(f"{BUYER}/"):
            return _no_buyer_page(request) if request.method in SAFE_METHODS else None
        if not self._page or request.method not in SAFE_METHODS or not _is_typed(request, path):
            return None
        request.route = "static"
        return self._fresh_page()

    def _fresh_page(self) -> Response:
        """The index page with a new nonce; never cached, because it contains the nonce."""
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        body = nonce.encode().join(self._page)
        return Response(200, body, (_HTML, NO_STORE), policy=(PAGE_CSP % nonce).encode())


def _no_buyer_page(request: Request) -> Response:
    """A 404 written for buyers: whoever scans an old code must not see the merchants' sign-in."""
    if request.method not in SAFE_METHODS:
        raise MethodNotAllowed(allow=sorted(SAFE_METHODS))
    return Response(404, BUYER_PAGE.encode(), (_HTML, NO_STORE))


def _is_page(path: str) -> bool:
    if any(path == prefix or path.startswith(f"{prefix}/") for prefix in NO_PAGES):
        return False
    return path == "/index.html" or "." not in path.rpartition("/")[2]


def _is_typed(request: Request, path: str) -> bool:
    """Whether a person may mean a page of the console by this path, whatever follows its first
    part. The first part is not decoded, so that no other spelling of /api is a page."""
    first, *parts = path.removesuffix("/").split("/")[1:]
    if f"/{first}" in {*NO_PAGES, BUYER, ASSETS} or not _FIRST.fullmatch(f"/{first}"):
        return False
    if any(unquote(part) in {"", ".", ".."} for part in parts):
        return False
    # Programs, scripts and images do not accept a page; they get the 404.
    return b"text/html" in request.headers.get(b"accept", b"").lower()


def _takes_gzip(request: Request) -> bool:
    offered = request.headers.get(b"accept-encoding", b"").lower().split(b",")
    return any(coding.strip() in {b"gzip", b"x-gzip"} for coding in offered)


def _file(path: Path, *, is_named_by_hash: bool) -> _File:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind == "application/javascript":
        kind += "; charset=utf-8"
    caching = _IMMUTABLE if is_named_by_hash else _REVALIDATE
    headers = ((b"content-type", kind.encode()), caching)
    twin = path.with_name(f"{path.name}.gz")
    if not twin.is_file() or twin.is_symlink():
        return _File(_file_response(path.read_bytes(), headers), None)
    packed = _file_response(twin.read_bytes(), (*headers, _VARY, _GZIP))
    return _File(_file_response(path.read_bytes(), (*headers, _VARY)), packed)


def _file_response(body: bytes, headers: tuple[Header, ...]) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    return Response(200, body, (*headers, (b"etag", tag)))
