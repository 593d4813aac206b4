"""Who is there before a page is opened: merchants, operators and their sessions, over the API."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import StorageState, StorageStateCookie

from tests.fixtures.plain_http import NO_TLS, own_address
from tests.fixtures.processes import Stack


@dataclass(frozen=True)
class Account:
    """Who signs in, and what they are called."""

    login: str
    password: str
    merchant: str


SHOWN_FOR_S = 200.0
"""A password that was entered again counts for five minutes; less, to be in time."""
_sessions: dict[tuple[str, str], tuple[dict[str, str], float]] = {}


def _client(stack: Stack, console: str) -> httpx.Client:
    """From an address of its own: many people of one address would throttle each other."""
    transport = httpx.HTTPTransport(local_address=own_address(), verify=NO_TLS)
    base = f"{stack.public}/api/{console}/v1"
    return httpx.Client(base_url=base, timeout=30, transport=transport)


@contextmanager
def operating(stack: Stack, login: str, password: str) -> Iterator[httpx.Client]:
    """An operator who has signed in and just entered the password again, over the API; who was
    asked for a moment ago is still there."""
    headers, until = _sessions.get((stack.public, login), ({}, 0.0))
    with _client(stack, "operator") as client:
        client.headers.update(headers)
        if time.monotonic() > until:
            _show_password(client, login, password)
            headers = {name: client.headers[name] for name in ("Cookie", "X-CSRF-Token")}
            _sessions[stack.public, login] = headers, time.monotonic() + SHOWN_FOR_S
        yield client


def _show_password(client: httpx.Client, login: str, password: str) -> None:
    _enter(client, login, password)
    _told(client, client.post("/session/step-up", json={"password": password}))


def _enter(client: httpx.Client, login: str, password: str) -> None:
    _told(client, client.post("/session", json={"login": login, "password": password}))


def _told(client: httpx.Client, answer: httpx.Response) -> None:
    """Goes on with what the answer says of the session."""
    answer.raise_for_status()
    client.cookies.clear()
    # The cookies are Secure and this is plain http on loopback: the jar would keep them back.
    known = dict(one.split("=", 1) for one in client.headers.get("Cookie", "").split("; ") if one)
    known |= dict(
        one.partition(";")[0].split("=", 1) for one in answer.headers.get_list("set-cookie")
    )
    client.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in known.items())
    if token := answer.json().get("csrf_token"):
        client.headers["X-CSRF-Token"] = token


def entered(stack: Stack, login: str, password: str, console: str = "merchant") -> StorageState:
    """What a browser keeps when its person has signed in; here that is done over the API."""
    with _client(stack, console) as client:
        _enter(client, login, password)
        return _kept(stack, client, console)


def with_an_app(stack: Stack, account: Account) -> StorageState:
    """The same of an owner who has just entered the password again and bound an app."""
    with _client(stack, "merchant") as client:
        _show_password(client, account.login, account.password)
        pair = client.post("/apps/key-pairs", json={}).raise_for_status().json()
        wanted = {"public_key": pair["app_public_key"], "mode": "key"}
        made = httpx.post(f"{stack.admin}/apps", json=wanted, timeout=30, verify=NO_TLS)
        app = made.raise_for_status().json()
        binding = {name: app[name] for name in ("app_id", "seller_id", "alipay_public_key")}
        binding |= {"key_pair_id": pair["key_pair_id"], "version": 0}
        client.put("/apps", json=binding).raise_for_status()
        return _kept(stack, client, "merchant")


def with_stores(stack: Stack, account: Account, *names: str) -> StorageState:
    """The same of an owner who has just made these stores."""
    with _client(stack, "merchant") as client:
        _enter(client, account.login, account.password)
        for name in names:
            client.post("/stores", json={"name": name}).raise_for_status()
        return _kept(stack, client, "merchant")


def _kept(stack: Stack, client: httpx.Client, console: str) -> StorageState:
    place = urlsplit(stack.public).hostname or ""
    cookies: list[StorageStateCookie] = []
    for one in client.headers["Cookie"].split("; "):
        name, value = one.split("=", 1)
        cookies.append(
            {
                "name": name, "value": value, "domain": place, "path": "/", "expires": -1,
                "httpOnly": True, "secure": True, "sameSite": "Strict",
            }
        )  # fmt: skip
    stored = {"damselfly.csrf": client.headers["X-CSRF-Token"], "damselfly.console": console}
    items: Any = [{"name": name, "value": value} for name, value in stored.items()]
    return {"cookies": cookies, "origins": [{"origin": stack.public, "localStorage": items}]}


def chosen(stack: Stack, client: httpx.Client, link: dict[str, str], password: str) -> None:
    """The password is chosen with a one-time link, by whoever it was handed to."""
    body = {"token": link["token"], "password": password}
    client.post(f"{stack.public}/api/public/v1/password", json=body).raise_for_status()


def new_merchant(stack: Stack, name: str) -> Account:
    """The operator makes it, over the API."""
    account = Account(f"new-{secrets.token_hex(4)}", secrets.token_urlsafe(18), name)
    operator = stack.info["demo"]["operator"]
    with operating(stack, operator["login"], operator["password"]) as client:
        made = client.post("/merchants", json={"name": name, "login": account.login})
        chosen(stack, client, made.raise_for_status().json()["link"], account.password)
    return account
