"""The sandbox's own page: static files, no outside request, no inline script or style."""

from functools import cache
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "pagefiles"
FILES = {
    "/": ("index.html", "text/html"),
    "/admin/page": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/page-words.js": ("page-words.js", "text/javascript"),
    "/page-faults.js": ("page-faults.js", "text/javascript"),
    "/page-keys.js": ("page-keys.js", "text/javascript"),
    "/page.svg": ("page.svg", "image/svg+xml"),
    "/favicon.ico": ("page.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def serve(request: web.BaseRequest) -> web.Response:
    if request.method not in {"GET", "HEAD"}:
        return web.Response(status=405)
    name, kind = FILES[request.path]
    return web.Response(body=_content(name), content_type=kind, charset="utf-8", headers=HEADERS)
