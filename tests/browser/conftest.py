"""One browser for the folder; each test a window of its own, watched for whatever must not be."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    expect,
)

from deploy.local import console
from tests.browser import chromium
from tests.browser.people import Account, entered, new_merchant, with_an_app
from tests.browser.watched import HEIGHT, Watched
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import Stack

PATIENCE_MS = 30_000
BUILT_WITHIN_S = 1
LAN_NAME = "shop.lan"
LAN = f"--host-resolver-rules=MAP {LAN_NAME} 127.0.0.1"
SESSION = "__Host-damselfly"
"""the session's cookie"""
Open = Callable[..., Watched]


@pytest.fixture(scope="session")
def built() -> None:
    """The edge reads the console when it starts: it must be there before the stack."""
    in_thread(lambda: asyncio.run(console.build(lambda _: None)))


@pytest.fixture(scope="package")
def browser(built: None) -> Iterator[Browser]:
    found: chromium.Found = in_thread(chromium.find)
    expect.set_options(timeout=PATIENCE_MS)
    with found.driven() as playwright:
        running = playwright.chromium.launch(
            executable_path=found.path, args=[*chromium.FLAGS, LAN], env=found.environment
        )
        yield running
        running.close()


def context_of(browser: Browser, stack: Stack, **options: Any) -> BrowserContext:
    options = {"base_url": stack.public, "locale": "zh-CN"} | options
    context = browser.new_context(reduced_motion="reduce", timezone_id="UTC", **options)
    context.set_default_timeout(PATIENCE_MS)
    return context


def sign_in(page: Page, account: dict[str, str], *, console: str = "商户", at: str = "/") -> None:
    """As a person does it, in Chinese, who was on the way to the page `at`."""
    page.goto(at)
    page.get_by_text(console, exact=True).click()
    page.get_by_label("账号").fill(account["login"])
    page.get_by_label("密码").fill(account["password"])
    page.get_by_role("button", name="登录").click()
    page.get_by_role("navigation", name="主菜单").wait_for()


@pytest.fixture(scope="package")
def owner(built: None, stack: Stack) -> StorageState:
    return entered(stack, **stack.info["demo"]["owner"])


@pytest.fixture(scope="package")
def operator(built: None, stack: Stack) -> StorageState:
    return entered(stack, **stack.info["demo"]["operator"], console="operator")


@pytest.fixture(scope="package")
def quick_alipay(stack: Stack) -> None:
    """The sandbox builds a version within a second, not six."""
    told = {"build_s": BUILT_WITHIN_S}
    answer = httpx.post(f"{stack.admin}/platform/timing", json=told, timeout=30, verify=NO_TLS)
    answer.raise_for_status()


@pytest.fixture(scope="package")
def account(stack: Stack) -> Account:
    return new_merchant(stack, f"云隐茶铺 {secrets.token_hex(2)}")


@pytest.fixture(scope="package")
def shop(built: None, stack: Stack, account: Account) -> StorageState:
    """Its owner, signed in, with an app bound a moment ago."""
    return with_an_app(stack, account)


@pytest.fixture
def window(browser: Browser, stack: Stack) -> Iterator[Open]:
    """window(state=None, language="zh-CN", width=1440, scheme="light", address="", refused=()) -> a
    watched page, under another name of the stack if an address is given; at the end no window may
    have met a refused policy, a foreign host, a crashed script, an error or warning in the
    browser's console, or a refusal of the API whose code is not among `refused`."""
    opened: list[tuple[BrowserContext, Watched, StorageState | None]] = []

    def open_one(
        state: StorageState | None = None,
        *,
        language: str = "zh-CN",
        width: int = 1440,
        scheme: Any = "light",
        address: str = "",
        refused: tuple[str, ...] = (),
    ) -> Watched:
        public = address or stack.public
        context = context_of(
            browser, stack, storage_state=state, color_scheme=scheme, base_url=public,
            viewport={"width": width, "height": HEIGHT}, permissions=["clipboard-write"],
        )  # fmt: skip
        watched = Watched(context, public, language, refused)
        opened.append((context, watched, state))
        return watched

    yield open_one
    for context, watched, state in opened:
        faults = watched.faults()
        if state is not None:
            # A password entered once more renewed the session: the next window goes on with it.
            state.update(context.storage_state())
        context.close()
        assert not faults, stack.complaints()


@dataclass
class Kept:
    """Windows that tests which only read go on with, by session and language."""

    browser: Browser
    stack: Stack
    windows: dict[tuple[str, str], Watched] = field(default_factory=dict)

    def window(self, state: StorageState, language: str) -> Watched:
        session = next(one["value"] for one in state["cookies"] if one["name"] == SESSION)
        if (session, language) not in self.windows:
            context = context_of(
                self.browser, self.stack, storage_state=state, permissions=["clipboard-write"]
            )
            opened = Watched(context, self.stack.public, language)
            self.windows[session, language] = opened
        return self.windows[session, language]

    def forget(self, opened: Watched) -> None:
        self.windows = {key: one for key, one in self.windows.items() if one is not opened}
        opened.page.context.close()


@pytest.fixture(scope="package")
def kept(browser: Browser, stack: Stack) -> Iterator[Kept]:
    windows = Kept(browser, stack)
    yield windows
    for opened in windows.windows.values():
        opened.page.context.close()


@pytest.fixture
def look(request: pytest.FixtureRequest, kept: Kept) -> Iterator[Open]:
    """As `window`, for a test that only reads: it goes on in the window where the test before it
    read, as a person does who does not load the console for each page. Nothing is kept in that
    window's storage, nothing stays open there, and the session stays what it was."""
    used: list[Watched] = []

    def open_one(
        state: StorageState, *, language: str = "zh-CN", width: int = 1440, scheme: Any = "light",
        refused: tuple[str, ...] = (),
    ) -> Watched:  # fmt: skip
        opened = kept.window(state, language)
        assert opened not in used, "one window of a session and language at a time"
        used.append(opened)
        opened.looks_again(width, scheme, *refused)
        return opened

    failed = request.session.testsfailed
    yield open_one
    for opened in used:
        faults = opened.faults()
        if faults or request.session.testsfailed > failed or not opened.rests():
            kept.forget(opened)
        assert not faults
