"""What helps on every page: the browser's language, pastes without blanks, links that are links, a
word when the network is gone, refusals under their field, names instead of codes."""

import re
import secrets

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.browser.conftest import Open, context_of, sign_in
from tests.browser.people import new_merchant
from tests.browser.reading import faults
from tests.browser.walk import confirm_password
from tests.fixtures.processes import Stack

HEIGHT_OF_A_LAPTOP = 860


@pytest.mark.parametrize(
    ("locale", "title"), [("en-GB", "Sign in"), ("zh-TW", "登录"), ("fr-FR", "登录")]
)
def test_the_browser_chooses_the_first_language(
    browser: Browser, stack: Stack, locale: str, title: str
) -> None:
    """Chinese where it prefers neither of our two."""
    context = context_of(browser, stack, locale=locale)
    page = context.new_page()
    page.goto("/login")
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    context.close()


def test_pastes_come_without_blanks(look: Open, owner: StorageState) -> None:
    page = look(owner).at("/orders")
    field = page.get_by_label("订单号 / 商户订单号 / 交易号")
    page.evaluate("navigator.clipboard.writeText('\\n  D26112600000001 \\n')")
    field.press("ControlOrMeta+V")
    expect(field).to_have_value("D26112600000001")
    field.press("ControlOrMeta+Z")
    expect(field).to_have_value("")


def test_links_are_links(look: Open, owner: StorageState) -> None:
    page = look(owner).at("/orders")
    menu = page.get_by_role("navigation", name="主菜单")
    for link in (
        menu.get_by_role("link", name="门店"),
        page.get_by_role("row").nth(1).get_by_role("link").first,
    ):
        with page.context.expect_page() as opened:
            link.click(modifiers=["ControlOrMeta"])
        opened.value.wait_for_url(re.compile(re.escape(link.get_attribute("href") or "?")))
        opened.value.close()
        assert page.url.endswith("/orders")
    page.get_by_role("row").nth(1).locator("td").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    menu.get_by_role("link", name="门店").click()
    expect(page.get_by_role("heading", name="门店")).to_be_visible()


def test_offline_says_so(window: Open, owner: StorageState) -> None:
    opened = window(owner, refused=("ERR_INTERNET_DISCONNECTED",))
    page = opened.go("/stores")
    page.context.set_offline(True)
    expect(page.get_by_text("网络已断开")).to_be_visible()
    page.get_by_role("button", name="刷新").click()
    page.get_by_role("navigation", name="主菜单").get_by_role("link", name="设备").click()
    expect(page.get_by_text("网络不通，请检查后重试")).to_be_visible()
    opened.read()
    page.context.set_offline(False)
    expect(page.get_by_text("网络已断开")).to_have_count(0)
    expect(page.get_by_text("网络不通，请检查后重试")).to_have_count(0)


def test_refusals_stand_under_their_field(window: Open, stack: Stack) -> None:
    """In both languages, with the cursor in the first; and the authenticator's dialog fits."""
    account = new_merchant(stack, f"听雨茶社 {secrets.token_hex(2)}")
    opened = window(refused=("invalid_body", "auth.wrong_code"))
    page = opened.page
    sign_in(page, {"login": account.login, "password": account.password}, at="/stores")
    page.get_by_role("button", name="新建门店").first.click()
    dialog = page.get_by_role("dialog", name="新建门店")
    field = dialog.get_by_label("门店名称")
    expect(field).to_be_focused()
    field.fill("望湖\u200b店")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.get_by_text("名称不能为空，也不能含有看不见的字符")).to_be_visible()
    expect(field).to_be_focused()
    assert opened.axe() == []
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 1280, "height": HEIGHT_OF_A_LAPTOP})
    opened.turn_to("/account")
    expect(page.get_by_text(re.compile("上的 Chrome")).first).to_be_visible()
    page.get_by_role("button", name="设置身份验证器").click()
    confirm_password(page, account.password)
    dialog = page.get_by_role("dialog", name="设置身份验证器")
    dialog.get_by_label("6 位验证码").fill("000000")
    button = dialog.get_by_role("button", name="开启")
    box = button.bounding_box()
    assert box
    assert box["y"] + box["height"] < HEIGHT_OF_A_LAPTOP
    button.click()
    refusal = dialog.get_by_text("验证码不正确或已用过")
    expect(refusal).to_be_visible()
    dialog.get_by_label("6 位验证码").fill("1")
    expect(refusal).to_have_count(0)
    assert opened.axe() == []


@pytest.mark.parametrize(
    ("language", "text", "is_wrong"),
    [
        ("zh-CN", "查看订单", False),
        ("zh-CN", "Chrome 上的 AppID", False),
        ("zh-CN", "orders.read · apps.approve", True),
        ("zh-CN", "ACQ.PAYMENT_AUTH_CODE_INVALID", True),
        ("zh-CN", "acting.start", True),
        ("zh-CN", "商户订单号 out_trade_no", True),
        ("zh-CN", "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f", True),
        ("zh-CN", "Mozilla/5.0 (X11; Linux)", True),
        ("zh-CN", "String should match pattern '^[^\\s]'", True),
        ("zh-CN", "name: 12 to 128 characters", True),
        ("zh-CN", "list.no_such_text", True),
        ("zh-CN", "共 {{total}} 条", True),
        ("zh-CN", "Tea house 湖滨店", False),
        ("en", "Owner of 湖滨店", True),
        ("en", "Tea house", False),
        ("en", "Tea house 湖滨店", False),
        ("en", "1 of 3. See https://open.alipay.com", False),
    ],
)
def test_the_reader_sees_what_nobody_should_read(language: str, text: str, is_wrong: bool) -> None:
    read = {
        "language": language,
        "said": [{"text": text, "verbatim": False}],
        "heard": ["Tea house 湖滨店"],
    }
    assert bool(faults(read)) == is_wrong
