"""Passkeys on the pages, with the authenticator that Chromium itself simulates: added, signed in
with, stepped up with, taken away; what a person reads where they cannot be used."""

import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Open, sign_in
from tests.browser.people import Account, new_merchant
from tests.browser.walk import confirm_password
from tests.fixtures.processes import Stack


@pytest.fixture
def localhost(stack: Stack) -> str:
    """The stack under the name that browsers allow passkeys for."""
    return stack.public.replace("//127.0.0.1:", "//localhost:")


def _authenticator(page: Page) -> tuple[CDPSession, str]:
    """One built into the machine, whose person is there and verified at once."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return cdp, made["authenticatorId"]


def _add(page: Page, name: str) -> None:
    page.get_by_role("button", name="添加通行密钥").click()
    asked = page.get_by_role("dialog", name="添加通行密钥")
    asked.get_by_label("名称").fill(name)
    asked.get_by_role("button", name="继续").click()


def test_a_passkey(window: Open, stack: Stack, localhost: str) -> None:
    account = new_merchant(stack, f"松风茶社 {secrets.token_hex(2)}")
    entry = {"login": account.login, "password": account.password}
    opened = window(address=localhost)
    page = opened.page
    cdp, authenticator = _authenticator(page)
    sign_in(page, entry, at="/account")
    _add(page, "前台的手机")
    confirm_password(page, account.password)
    shown = page.get_by_role("dialog", name="恢复码")
    expect(shown.locator("li")).to_have_count(10)
    recovery = shown.locator("li").first.inner_text()
    assert opened.axe() == []
    shown.get_by_role("button", name="已保存").click()
    card = page.get_by_role("region", name="通行密钥")
    expect(card.get_by_text("前台的手机")).to_be_visible()
    expect(card.get_by_text("还没有用过")).to_be_visible()
    _add(page, "同一台")
    again = page.get_by_role("dialog", name="添加通行密钥")
    expect(again.get_by_role("alert")).to_have_text("这台设备上的通行密钥已经添加过了。")
    assert opened.axe() == []
    again.get_by_role("button", name="取消").click()

    _sign_out(page, account)
    _enter(page, account)
    use = page.get_by_role("button", name="使用通行密钥")
    expect(page.get_by_label("恢复码")).to_be_visible()
    assert opened.axe() == []
    verified = {"authenticatorId": authenticator, "isUserVerified": False}
    cdp.send("WebAuthn.setUserVerified", verified)
    use.click()
    expect(page.get_by_role("alert")).to_have_text("已取消或超时。请重试，或换一种方式。")
    assert opened.axe() == []
    cdp.send("WebAuthn.setUserVerified", verified | {"isUserVerified": True})
    use.click()
    page.get_by_role("navigation", name="主菜单").wait_for()

    page.goto("/account")
    page.get_by_role("button", name="重新生成恢复码").click()
    page.get_by_role("dialog", name="请再次输入密码").get_by_role(
        "button", name="使用通行密钥"
    ).click()
    fresh = page.get_by_role("dialog", name="恢复码")
    expect(fresh.locator("li")).to_have_count(10)
    assert recovery not in fresh.inner_text()
    fresh.get_by_role("button", name="已保存").click()
    expect(card.get_by_text("还没有用过")).to_have_count(0)
    card.get_by_role("button", name="移除 前台的手机").click()
    page.get_by_role("tooltip").get_by_role("button", name="确认").click()
    expect(card.get_by_text("前台的手机")).to_have_count(0)
    _sign_out(page, account)
    _enter(page, account)
    page.get_by_role("navigation", name="主菜单").wait_for()


def test_where_it_cannot_be_used(window: Open, stack: Stack, localhost: str) -> None:
    """Under a bare address the page names the one that serves; in English, in the dark. A browser
    without passkeys is told so, and the recovery code is the way in."""
    account = new_merchant(stack, f"竹里茶社 {secrets.token_hex(2)}")
    entry = {"login": account.login, "password": account.password}
    here = window(address=localhost)
    _authenticator(here.page)
    sign_in(here.page, entry, at="/account")
    _add(here.page, "这台电脑")
    confirm_password(here.page, account.password)
    recovery = here.page.get_by_role("dialog", name="恢复码").locator("li").first.inner_text()

    bare = window(language="en", scheme="dark")
    page = bare.page
    page.add_init_script("delete window.PublicKeyCredential")
    page.goto("/account")
    page.get_by_label("Login", exact=True).fill(account.login)
    page.get_by_label("Password", exact=True).fill(account.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("browser or device has no passkeys"))
    page.get_by_label("Recovery code").fill(recovery)
    assert bare.axe() == []
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text(f"Open this page at {localhost} to add a passkey.")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
    assert bare.axe() == []


def _sign_out(page: Page, account: Account) -> None:
    page.get_by_role("banner").get_by_role("button", name=account.login).click()
    page.get_by_text("退出登录").click()
    page.get_by_label("账号").wait_for()


def _enter(page: Page, account: Account) -> None:
    page.get_by_label("账号").fill(account.login)
    page.get_by_label("密码").fill(account.password)
    page.get_by_role("button", name="登录").click()
