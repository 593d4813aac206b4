"""The two cookies of a browser: its session, and by which it is known again."""

import re

from fastapi import Request, Response

from services.binding.sign_in import rules

COOKIE = "__Host-damselfly"
BROWSER_COOKIE = "__Host-damselfly-browser"
"""by it a browser is known that somebody has signed in from: it opens nothing by itself"""
COOKIE_RULES = "Path=/; Secure; HttpOnly; SameSite=Strict"
BROWSER_AGE_S = rules.KNOWN_BROWSER_DAYS * 24 * 3600
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def cookie_hash(request: Request, name: str) -> str | None:
    """The digest of one of the browser's two cookies, as the edge tells it: `session`,
    `browser`."""
    told = request.headers.get(f"x-{name}-cookie-hash", "")
    return told if _HASH.fullmatch(told) else None


def give_cookies(response: Response, cookie: str | None, browser: str | None) -> None:
    """New cookies for the answer; the browser's goes out under a name that the edge spells."""
    response.headers["Cache-Control"] = "no-store"
    if cookie is not None:
        response.headers["Set-Cookie"] = f"{COOKIE}={cookie}; {COOKIE_RULES}"
    if browser is not None:
        aged = f"{BROWSER_COOKIE}={browser}; {COOKIE_RULES}; Max-Age={BROWSER_AGE_S}"
        response.headers["X-Set-Browser-Cookie"] = aged
