"""`python -m tests.browser.pictures` takes the pictures of docs/console.md anew, in both languages,
from the stack that `make run` started (PORT and RUN_DIR as there): a stranger's first hour in the
sandbox, a merchant who binds an app of its own, and the demo merchant's shop at work. English ones
end with `-en`. Names of pictures may be given: then only these are written."""

import base64
import json
import os
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser import chromium
from tests.browser.first_hour import Stranger
from tests.browser.people import Account, new_merchant
from tests.browser.walk import LANGUAGES, Walk
from tests.fixtures.processes import ROOT, Stack

PLACE = ROOT / "docs" / "images" / "console"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 780}
TALL = 1500
"""A page or panel up to so high is shown whole, without its last line cut."""
FIRST_SCREEN = 784
"""Of the home page, what the READMEs begin with: the figures and the latest orders."""
QUALITY = 65
PATIENCE_MS = 60_000
WAYS = ("first_hour", "own_app", "shop_at_work", "cockpit")
LIVELY_WITHIN_S = 180.0
OWN_APP = frozenset(
    {"iot-generated", "key-doctor", "iot-config", "wizard-0-missing", "wizard-4-release",
     "wizard-5-ready"}
)  # fmt: skip
"""What is worth a look of the way with an app of one's own, beside the first hour."""
SHOP, BEGINNER = ("望湖茶楼", "Lakeview Tea"), ("青石茶社", "Bluestone Tea")
UNFINISHED = (
    ".ant-message-notice, .ant-skeleton, .ant-spin-spinning, .ant-btn-loading, #toast.shown"
)
HEIGHT = """() => Math.max(
  document.documentElement.scrollHeight,
  ...[...document.querySelectorAll('.ant-drawer-body')].map((one) => one.scrollHeight + 57),
)"""
AT_REST = """() => Promise.all(
  document.getAnimations()
    .filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime))
    .map((one) => one.finished.catch(() => undefined)),
).then(() => document.fonts.ready).then(() => undefined)"""


@dataclass(frozen=True)
class Album:
    """Takes WebP pictures in one language, each under its name."""

    language: str
    wanted: Collection[str]
    """names; empty: all"""

    def take(self, name: str, page: Page, height: int = 0) -> None:
        """Of the whole page or panel where it is not too high; or of its first `height` pixels."""
        full = name if self.language == "zh-CN" else f"{name}-en"
        if self.wanted and full not in self.wanted:
            return
        page.mouse.move(0, 0)
        page.wait_for_load_state("networkidle")
        expect(page.locator(UNFINISHED)).to_have_count(0)
        before = page.viewport_size
        assert before is not None
        height = height or int(page.evaluate(HEIGHT))
        if before["width"] == WIDE["width"] and height <= TALL:
            page.set_viewport_size({"width": before["width"], "height": height})
        page.evaluate(AT_REST)
        session = page.context.new_cdp_session(page)
        shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        session.detach()
        (PLACE / f"{full}.webp").write_bytes(base64.b64decode(shot["data"]))
        page.set_viewport_size(before)
        sys.stdout.write(f"{full}\n")


@dataclass(frozen=True)
class Photographer:
    """Goes through the console in one language."""

    browser: Browser
    stack: Stack
    album: Album

    @property
    def language(self) -> str:
        return self.album.language

    def page(self, *, narrow: bool = False, state: StorageState | None = None) -> Page:
        context = self.browser.new_context(
            base_url=self.stack.public, reduced_motion="reduce", color_scheme="light",
            locale=self.language, viewport=NARROW if narrow else WIDE, storage_state=state,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    def first_hour(self) -> None:
        stranger = Stranger(self.page(), self.language, self.album.take)
        stranger.first_hour(self.stack.info["demo"]["operator"])

    def own_app(self) -> None:
        page = self.page()
        account = new_merchant(self.stack, SHOP[LANGUAGES.index(self.language)])

        def see(name: str) -> None:
            if name == "wizard-5-ready":
                # The device installs the program a moment after it has signed in.
                expect(
                    page.get_by_text(walk.say("等待支付宝", "Waiting for Alipay"))
                ).to_have_count(0)
            if name == "iot-config":
                page.evaluate("scrollTo(0, 0)")  # who changed it, and when its key was used
            if name in OWN_APP:
                self.album.take(name, page)

        walk = Walk(page, self.stack, account, self.language, see)
        walk.to_ready()

    def shop_at_work(self) -> None:
        owner = self.stack.info["demo"]["owner"]
        account = Account(owner["login"], owner["password"], "")
        page = self.page()
        Walk(page, self.stack, account, self.language).sign_in()
        for name, path in (
            ("home", "/"), ("orders", "/orders"), ("refunds", "/orders/refunds"),
            ("devices", "/devices"), ("business", "/dragonfly"),
        ):  # fmt: skip
            page.goto(path)
            page.locator("h1").first.wait_for()
            self.album.take(name, page)
            if name == "home":
                self.album.take("readme", page, FIRST_SCREEN)
        page.goto("/orders?pay_state=partially_refunded")
        page.get_by_role("row").nth(1).get_by_role("link").click()
        panel = page.get_by_role("dialog")
        panel.get_by_role("list").get_by_text("¥").first.wait_for()
        self.album.take("order", page)
        narrow = self.page(narrow=True, state=page.context.storage_state())
        narrow.goto("/orders")
        narrow.locator("a.order-card").first.wait_for()
        self.album.take("orders-phone", narrow)

    def cockpit(self) -> None:
        """Last: it shows the merchants that the others have made, and one that has just begun."""
        demo = self.stack.info["demo"]
        new_merchant(self.stack, BEGINNER[LANGUAGES.index(self.language)])
        page = self.page()
        page.goto("/")
        walk = Walk(page, self.stack, Account(**demo["operator"], merchant=""), self.language)
        page.get_by_text(walk.say("服务商", "Operator"), exact=True).click()
        page.get_by_label(walk.say("账号", "Login")).fill(walk.account.login)
        page.get_by_label(walk.say("密码", "Password")).fill(walk.account.password)
        walk.press("登录", "Sign in")
        for name, path in (
            ("merchants", "/merchants"), ("merchant", f"/merchants/{demo['merchant_id']}"),
        ):  # fmt: skip
            page.get_by_role("navigation").first.wait_for()
            page.goto(path)
            page.locator("h1").first.wait_for()
            self.album.take(name, page)


def until_lively(run_dir: Path) -> None:
    """The demo merchant has its days of sales."""
    deadline = time.monotonic() + LIVELY_WITHIN_S
    while not json.loads((run_dir / "demo.json").read_text())["lively"]["is_done"]:
        if time.monotonic() > deadline:
            raise TimeoutError("the demo data is not there yet: see logs/ of RUN_DIR")
        time.sleep(1)


def main() -> None:
    run_dir = Path(os.environ.get("RUN_DIR", ROOT / ".run")).absolute()
    stack = Stack(run_dir, int(os.environ.get("PORT", "8080")))
    until_lively(run_dir)
    PLACE.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    found = chromium.find()
    with found.driven() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path, args=chromium.FLAGS, env=found.environment
        )
        at_work = [Photographer(browser, stack, Album(one, sys.argv[1:])) for one in LANGUAGES]
        for way in WAYS:
            for photographer in at_work:
                getattr(photographer, way)()
        browser.close()


if __name__ == "__main__":
    main()
