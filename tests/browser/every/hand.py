"""What a visit does on a page, in either language: it presses, types, waits, and puts answers into
the API's mouth where a state is rare."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.every.texts import beginning, said
from tests.browser.watched import Watched

NARROW = 768
"""below this a list is cards and its filters but the first are folded"""
API = re.compile(r"/api/")
KEPT = re.compile(r"/v1/(session|about|first-run|password-link)$")
"""Who one is stays known while the rest fails."""


@dataclass
class Hand:
    """Somebody at one window. `names` are of the world: logins, numbers, passwords."""

    opened: Watched
    language: str
    width: int
    names: dict[str, str]
    _asked_in_vain: list[Route] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.opened.page

    @property
    def is_narrow(self) -> bool:
        return self.width < NARROW

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog").last

    @property
    def row(self) -> Locator:
        """The first row of a list, or its card."""
        if self.is_narrow:
            return self.page.locator(".rowcards > li").first
        return self.page.locator(".ant-table-tbody tr[data-row-key]").first

    def say(self, key: str, **values: object) -> str:
        return said(key, self.language, **values)

    def named(self, key: str, within: Locator | None = None) -> Locator:
        """A button, link or menu item that is called by this text, or whose name begins with it."""
        name = re.compile(rf"^{re.escape(beginning(key, self.language).strip())}( |$)")
        place = within or self.page
        found = place.get_by_role("button", name=name)
        return found.or_(place.get_by_role("link", name=name)).first

    def press(self, key: str, within: Locator | None = None) -> None:
        self.named(key, within).click()

    def write(self, key: str, text: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_label(self.say(key), exact=True).last.fill(text)

    def choose_from(self, key: str, within: Locator | None = None) -> None:
        """Opens a list to choose from."""
        name = self.say(key)
        (within or self.page).get_by_role("combobox", name=name).first.click()

    def unfold_filters(self) -> None:
        self.press("do.more_filters")

    def submit(self) -> None:
        self.dialog.locator(".ant-modal-footer button.ant-btn-primary").click()

    def confirm(self) -> None:
        """The password once more, where it is asked for; whoever has just shown it is not."""
        asked = self.page.get_by_role("dialog", name=self.say("stepup.title"))
        try:
            asked.wait_for(timeout=1500)
        except Exception:
            return
        asked.locator("input[type=password]").fill(self.names["password"])
        asked.locator("button.ant-btn-primary").click()
        expect(asked).to_have_count(0)

    # --- what the API says

    def answer(self, path: str, body: Any, *, status: int = 200, method: str = "GET") -> None:
        """From now on that door says this; `path` is the end of the address, a regular
        expression."""

        def reply(route: Route) -> None:
            if route.request.method != method:
                route.fallback()
            else:
                _fulfil(route, status, body)

        self.page.route(re.compile(rf"/api/[^?]*{path}(\?.*)?$"), reply)

    def refuse(self, path: str, code: str, status: int, method: str = "GET") -> None:
        self.answer(path, problem(code, status), status=status, method=method)

    def change(self, path: str, edit: Callable[[Any], None], *, method: str = "GET") -> None:
        """What that door says is changed on the way."""

        def reply(route: Route) -> None:
            if route.request.method != method:
                return route.fallback()
            answer = route.fetch()
            body = answer.json()
            edit(body)
            return route.fulfill(response=answer, json=body)

        self.page.route(re.compile(rf"/api/[^?]*{path}(\?.*)?$"), reply)

    def never(self, route: Route) -> None:
        """No answer comes, as long as one looks."""
        self._asked_in_vain.append(route)

    def leave(self) -> None:
        for route in self._asked_in_vain:
            route.abort()

    def reads(self, how: Callable[[Route], None]) -> None:
        """How every question of a page is answered, but who one is."""

        def reply(route: Route) -> None:
            is_kept = KEPT.search(route.request.url.partition("?")[0])
            if route.request.method != "GET" or is_kept:
                route.fallback()
            else:
                how(route)

        self.page.route(API, reply)


def problem(code: str, status: int) -> dict[str, Any]:
    return {
        "status": status, "code": code, "request_id": "01JD0000000000000000000000",
        "title": "暂时无法处理 This cannot be done now.",
    }  # fmt: skip


def _fulfil(route: Route, status: int, body: Any) -> None:
    kind = "application/json" if status < 400 else "application/problem+json"
    route.fulfill(status=status, content_type=kind, body=json.dumps(body))


def broken(route: Route) -> None:
    _fulfil(route, 500, problem("internal", 500))


def forbidden(route: Route) -> None:
    _fulfil(route, 403, problem("auth.forbidden", 403))


def missing(route: Route) -> None:
    _fulfil(route, 404, problem("not_found", 404))


def emptied(route: Route) -> None:
    """Lists have nothing in them."""
    answer = route.fetch()
    body = answer.json() if "json" in answer.headers.get("content-type", "") else None
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        return route.fulfill(response=answer)
    body |= {"items": []} | {name: 0 for name in ("total",) if name in body}
    body |= {name: None for name in ("next", "previous") if name in body}
    return route.fulfill(response=answer, json=body)
