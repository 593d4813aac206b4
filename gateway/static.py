"""The console's built files, held in memory; until they exist, a small page that says so."""

import hashlib
import mimetypes
from pathlib import Path

from gateway.asgi import Answer, Asked, Header
from gateway.routing import SAFE_METHODS
from shared.errors import MethodNotAllowed, NotFound

DIST = Path(__file__).parent / "spa" / "dist"
CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_IMMUTABLE: Header = (b"cache-control", b"public, max-age=31536000, immutable")
_REVALIDATE: Header = (b"cache-control", b"no-cache")
_HTML: Header = (b"content-type", b"text/html; charset=utf-8")

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
<p>蜻蜓刷脸支付开放平台正在运行。商家控制台将随后提供，设备与接口现已可用。</p>
<p lang="en">The open face-pay platform is running. The merchant console comes later; devices and
the API are ready now.</p>
<ul>
<li><a href="/readyz">就绪状态 <span lang="en">Readiness</span></a></li>
<li><a href="/livez">存活状态 <span lang="en">Liveness</span></a></li>
</ul>
</main>
</body>
</html>
"""


class StaticFiles:
    """Files by path; every other path of a built console is its index page."""

    def __init__(self, dist: Path = DIST) -> None:
        self._files: dict[str, Answer] = {}
        index = dist / "index.html"
        self._is_built = index.is_file()
        if not self._is_built:
            self._files["/"] = _answer(LANDING.encode(), (_HTML, _REVALIDATE))
            return
        for path in sorted(dist.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = "/" + path.relative_to(dist).as_posix()
                self._files[name] = _file(path, is_named_by_hash=name.startswith("/assets/"))
        self._files["/"] = self._files["/index.html"]

    def answer(self, asked: Asked) -> Answer:
        """The file, the index page for a path of the console, or NotFound."""
        found = self._files.get(asked.path)
        if found is None and self._is_built and "." not in asked.path.rpartition("/")[2]:
            found = self._files["/"]
        if found is None:
            raise NotFound
        if asked.method not in SAFE_METHODS:
            raise MethodNotAllowed(allow=sorted(SAFE_METHODS))
        tag = dict(found.headers).get(b"etag")
        if tag is not None and asked.headers.get(b"if-none-match") == tag:
            return Answer(304, b"", found.headers)
        return found


def _file(path: Path, *, is_named_by_hash: bool) -> Answer:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind == "application/javascript":
        kind += "; charset=utf-8"
    caching = _IMMUTABLE if is_named_by_hash else _REVALIDATE
    return _answer(path.read_bytes(), ((b"content-type", kind.encode()), caching))


def _answer(body: bytes, headers: tuple[Header, ...]) -> Answer:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    return Answer(200, body, (*headers, (b"etag", tag)))
