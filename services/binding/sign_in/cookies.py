"""The two cookies of a browser: the session, and the one by which the browser is known again."""

import re

from fastapi import Request, Response

from services.binding.sign_in import rules

COOKIE = "__Host-damselfly"
BROWSER_COOKIE = "__Host-damselfly-browser"
"""Identifies a browser from which somebody has signed in before. It gives no access by itself."""
COOKIE_RULES = "Path=/; Secure; HttpOnly; SameSite=Strict"
BROWSER_AGE_S = rules.KNOWN_BROWSER_DAYS * 24 * 3600
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def cookie_hash(request: Request, name: str) -> str | None:
    """The digest of a cookie of the browser, as the edge passes it. `name`: `session` or
    `browser`."""
    digest = request.headers.get(f"x-{name}-cookie-hash", "")
    return digest if _HASH.fullmatch(digest) else None


def give_cookies(response: Response, cookie: str | None, browser: str | None) -> None:
    """Adds new cookies to the response. The browser's cookie goes in a header of its own, from
    which the edge makes the Set-Cookie."""
    response.headers["Cache-Control"] = "no-store"
    if cookie is not None:
        response.headers["Set-Cookie"] = f"{COOKIE}={cookie}; {COOKIE_RULES}"
    if browser is not None:
        aged = f"{BROWSER_COOKIE}={browser}; {COOKIE_RULES}; Max-Age={BROWSER_AGE_S}"
        response.headers["X-Set-Browser-Cookie"] = aged
