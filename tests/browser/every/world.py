"""The stack that is looked at, and the people who look: an owner with a shop at work, one who
begins today, a cashier, an operator, and an operator who acts for the shop."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, StorageState

from tests.browser import chromium
from tests.browser.conftest import context_of, sign_in
from tests.browser.people import chosen, new_merchant, operating
from tests.fixtures.plain_http import own_address
from tests.fixtures.processes import SLOW_POLLING, Stack, new_stack, remove_stack

DAYS = "2"
WHY = "工单 6001：协助开通"
NOBODY = ""


class World:
    """Whoever is asked for signs in once; what their session became is kept."""

    browser: Browser
    """where whoever has not signed in yet does so"""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.public = stack.public
        demo = stack.info["demo"]
        shared = {
            "order_no": stack.info["first_payment"]["order_no"],
            "merchant_id": demo["merchant_id"],
        }
        self._names: dict[str, dict[str, str]] = {NOBODY: shared}
        self._states: dict[str, StorageState] = {}
        for who in ("owner", "operator"):
            self._names[who] = {**shared, **demo[who]}
        self._names["acting"] = self._names["operator"]
        fresh = new_merchant(stack, f"新开的茶馆 {secrets.token_hex(2)}")
        self._names["fresh"] = {**shared, "login": fresh.login, "password": fresh.password}
        self._furnish()

    def _furnish(self) -> None:
        """The shop gets a cashier, an API key, and a request of an operator to decide on."""
        with self._owning() as client:
            made = client.post("/api-keys", json={"name": "前台收银", "store_id": None})
            made.raise_for_status()
            cashier = {
                "username": f"till-{secrets.token_hex(2)}",
                "name": "小周",
                "role": "cashier",
                "store_ids": [],
            }
            staff = client.post("/staff", json=cashier).raise_for_status().json()
            password = secrets.token_urlsafe(18)
            chosen(self._stack, client, staff["link"], password)
        till = {"login": staff["login"], "password": password}
        self._names["till"] = {**self._names[NOBODY], **till}
        operator = self._names["operator"]
        with operating(self._stack, operator["login"], operator["password"]) as client:
            asked = {"merchant_id": operator["merchant_id"], "reason": WHY}
            grant = {**asked, "permission_set": "setup", "minutes": 60}
            if client.post("/acting/grants", json=grant).status_code not in {201, 409}:
                raise RuntimeError("no grant could be asked for")

    @contextmanager
    def _owning(self) -> Iterator[httpx.Client]:
        """The shop's owner, over the API, with the password just shown."""
        owner = self._names["owner"]
        transport = httpx.HTTPTransport(local_address=own_address())
        base = f"{self.public}/api/merchant/v1"
        with httpx.Client(base_url=base, timeout=30, transport=transport) as client:
            entry = {"login": owner["login"], "password": owner["password"]}
            for path, given in (
                ("/session", entry),
                ("/session/step-up", {"password": owner["password"]}),
            ):
                answer = client.post(path, json=given).raise_for_status()
                client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
                client.cookies.clear()
                if token := answer.json().get("csrf_token"):
                    client.headers["X-CSRF-Token"] = token
            yield client

    def names_of(self, who: str) -> dict[str, str]:
        return self._names[who]

    def state_of(self, who: str) -> StorageState | None:
        if who == NOBODY:
            return None
        if who not in self._states:
            self._states[who] = self._enter(who)
        return self._states[who]

    def _enter(self, who: str) -> StorageState:
        names = self._names[who]
        context = context_of(self.browser, self._stack)
        page = context.new_page()
        console = "服务商" if who in {"operator", "acting"} else "商户"
        sign_in(page, names, console=console)
        if who == "acting":
            self._act(context, names)
        state = context.storage_state()
        context.close()
        return state

    def _act(self, context: BrowserContext, names: dict[str, str]) -> None:
        given = {"merchant_id": names["merchant_id"], "reason": WHY, "minutes": 60}
        (page,) = context.pages
        for path, body in (("session/step-up", {"password": names["password"]}), ("acting", given)):
            status = page.evaluate(_ASK, [f"/api/operator/v1/{path}", body])
            if status >= 300:
                raise RuntimeError(f"{path}: {status}")

    def renew(self, who: str, context: BrowserContext) -> None:
        """A password entered once more renewed the session: the next window goes on with it."""
        state = self._states.get(who)
        if state is not None:
            state["cookies"] = context.storage_state()["cookies"]


_ASK = """async ([path, body]) => {
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify(body), headers: {
    'Content-Type': 'application/json', 'X-CSRF-Token': localStorage.getItem('damselfly.csrf') } });
  return answer.status;
}"""


@contextmanager
def browser(flags: list[str]) -> Iterator[Browser]:
    found = chromium.find()
    with found.driven() as playwright:
        started = playwright.chromium.launch(
            executable_path=found.path, args=flags, env=found.environment
        )
        yield started
        started.close()


@contextmanager
def running(run_dir: Path | None) -> Iterator[Stack]:
    """The stack that runs there already; else one with some days of sales, for this look alone."""
    if run_dir:
        told = json.loads((run_dir / "stack.json").read_text())
        yield Stack(run_dir, urlsplit(told["gateway"]["public"]).port or 80)
        return
    stack = new_stack(**{**SLOW_POLLING, "DEMO_DAYS": DAYS})
    try:
        yield stack.up()
    finally:
        remove_stack(stack)
