"""`python -m tests.browser.pictures` takes the pictures of docs/console.md anew, from the stack
that `make run` started (PORT and RUN_DIR as there): a new merchant walks the wizard, the demo
merchant's pages show a shop at work. The English README's pictures are of another merchant, who
walks in English."""

import base64
import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.first_hour import Stranger
from tests.browser.walk import LANGUAGES, Account, Walk, new_merchant
from tests.fixtures.processes import ROOT, Stack

PLACE = ROOT / "docs" / "images" / "console"
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 780}
QUALITY = 72
ENGLISH = frozenset({"wizard-4-release"})
"""What the English README shows, taken in English as `…-en`"""
PATIENCE_MS = 60_000


class Album:
    """Takes WebP pictures of one page, each under its name."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def take(self, name: str) -> None:
        self._page.wait_for_load_state("networkidle")
        expect(self._page.locator(".ant-message-notice, .ant-skeleton")).to_have_count(0)
        shot = self._session.send(
            "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "fromSurface": True}
        )
        (PLACE / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))
        sys.stdout.write(f"{name}\n")


def _page(browser: Browser, stack: Stack, language: str, *, narrow: bool = False) -> Page:
    context = browser.new_context(
        base_url=stack.public, reduced_motion="reduce", color_scheme="light",
        viewport=NARROW if narrow else WIDE,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(f"localStorage.setItem('damselfly.language', '{language}')")
    return context.new_page()


def _shop_at_work(browser: Browser, stack: Stack) -> None:
    owner = stack.info["demo"]["owner"]
    account = Account(owner["login"], owner["password"], "")
    page = _page(browser, stack, "zh-CN")
    Walk(page, stack, account, "zh-CN").sign_in()
    album = Album(page)
    order_no = stack.info["first_payment"]["order_no"]
    for name, path in (
        ("home", "/"), ("orders", "/orders"), ("order", f"/orders/{order_no}"),
        ("business", "/dragonfly"),
    ):  # fmt: skip
        page.goto(path)
        page.locator("h1").first.wait_for()
        album.take(name)
    narrow = _page(browser, stack, "en", narrow=True)
    narrow.context.add_cookies(page.context.cookies())
    narrow.goto("/orders")
    narrow.get_by_role("listitem").first.wait_for()
    Album(narrow).take("orders-phone")


def _in_english(browser: Browser, stack: Stack) -> None:
    page = _page(browser, stack, "en")
    album = Album(page)

    def see(name: str) -> None:
        if name in ENGLISH:
            album.take(f"{name}-en")

    Walk(page, stack, new_merchant(stack, "West Lake Tea"), "en", see).to_ready()


def _first_hour(browser: Browser, stack: Stack, language: str) -> None:
    page = _page(browser, stack, language)
    album, mark = Album(page), "" if language == "zh-CN" else "-en"
    stranger = Stranger(page, language, lambda name: album.take(f"{name}{mark}"))
    stranger.first_hour(stack.info["demo"]["operator"])


def main() -> None:
    run_dir = Path(os.environ.get("RUN_DIR", ROOT / ".run")).absolute()
    stack = Stack(run_dir, int(os.environ.get("PORT", "8080")))
    PLACE.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    found = chromium.find()
    with found.driven() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path, args=chromium.FLAGS, env=found.environment
        )
        page = _page(browser, stack, "zh-CN")
        account = new_merchant(stack, "西湖茶馆")
        Walk(page, stack, account, "zh-CN", Album(page).take).to_ready()
        _shop_at_work(browser, stack)
        _in_english(browser, stack)
        for language in LANGUAGES:
            _first_hour(browser, stack, language)
        browser.close()


if __name__ == "__main__":
    main()
