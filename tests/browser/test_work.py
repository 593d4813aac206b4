"""People at work in the console: what was paid is seen, by whoever may."""

import re
import secrets

from playwright.sync_api import StorageState, expect

from tests.browser.conftest import Open
from tests.browser.walk import choose_password, told_link
from tests.fixtures.processes import Stack


def test_a_payment_of_the_device_is_seen(window: Open, owner: StorageState, stack: Stack) -> None:
    """S76, S92, S93, parts of S60: the list's columns, a filter in the address, "a-b of n" (of 20
    where the manual has 10), the panel with its own."""
    order_no = stack.info["first_payment"]["order_no"]
    page = window(owner).go("/orders")
    page.get_by_role("button", name="选择列").click()
    chosen = (
        "订单类型", "订单子类型", "订单状态", "支付状态", "支付方式", "储值抵扣", "收货人", "电话",
    )  # fmt: skip
    for column in chosen:
        page.get_by_role("checkbox", name=column, exact=True).check()
    page.keyboard.press("Escape")
    for column in ("订单号", *chosen, "金额", "时间 (UTC+8)", "操作"):
        expect(page.get_by_role("columnheader", name=column, exact=True)).to_be_visible()
    page.get_by_label("订单号 / 商户订单号 / 交易号").fill(order_no)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"q={order_no}"))
    expect(page.get_by_text("第 1–1 条，共 1 条")).to_be_visible()
    page.get_by_role("link", name=f"详情 {order_no}").click()
    page.wait_for_url(re.compile(f"/orders/{order_no}"))
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("¥0.01").first).to_be_visible()
    expect(panel.get_by_text("支付成功")).to_be_visible()
    # It takes the keyboard only when it has come to rest.
    page.locator(".ant-drawer:focus-within").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(r"/orders\?"))


def test_lists_are_cards_on_a_phone(look: Open, owner: StorageState) -> None:
    page = look(owner, width=390, language="en").at("/orders")
    expect(page.get_by_role("listitem").first).to_be_visible()
    assert page.get_by_role("table").count() == 0
    page.get_by_role("button", name="Open the menu").click()
    page.get_by_role("menuitem", name="Devices").click()
    page.wait_for_url(re.compile("/devices"))


def test_what_was_paid_today(look: Open, owner: StorageState) -> None:
    page = look(owner, language="en").at("/")
    expect(page.get_by_role("region", name="Net sales today")).to_contain_text("¥")
    expect(page.get_by_role("status").first).to_contain_text("Sandbox")


def test_no_private_key_comes_back(window: Open, owner: StorageState, stack: Stack) -> None:
    """S30, S32-S34, S36, and parts of S35: the same record on both pages, under its two tabs; the
    hints of what to enter; of the private key only its fingerprint."""
    app_id = stack.info["demo"]["app_id"]
    page = window(owner).go("/dragonfly?tab=iot")
    for tab, is_open in (("业务配置", "false"), ("IoT 小程序配置", "true")):
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", is_open)
    expect(page.get_by_label("小程序 AppID")).to_have_value(app_id)
    expect(page.get_by_text("小程序 > 详情")).to_be_visible()
    expect(page.get_by_text("同一份配置")).to_be_visible()
    expect(page.get_by_text("指纹").first).to_be_visible()
    assert "PRIVATE KEY" not in page.content()
    page.get_by_text("粘贴已有私钥").click()
    expect(page.get_by_label("应用私钥").last).to_have_value("")
    expect(page.get_by_text("PKCS1 或 PKCS8、2048 位")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="小程序配置").click()
    page.wait_for_url(re.compile("/miniprogram"))
    expect(page.get_by_label("小程序 AppID")).to_have_value(app_id)


def test_a_new_merchant_from_first_login(window: Open, operator: StorageState) -> None:
    """The operator makes a merchant; its owner signs in and is told what comes next."""
    account = {"login": f"new-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(18)}
    page = window(operator).go("/merchants")
    page.get_by_role("button", name="新建商户").first.click()
    page.get_by_label("商户名称").fill(f"新商户 {account['login']}")
    page.get_by_label("管理员账号").fill(account["login"])
    page.get_by_role("button", name="保存").click()
    address = told_link(page.get_by_role("dialog", name="商户已创建：新商户"))
    expect(page.get_by_text(f"新商户 {account['login']}")).to_be_visible()
    opened = window()
    choose_password(opened.page, address, account["password"])
    opened.go("/orders")
    expect(opened.page.get_by_text("还没有订单")).to_be_visible()
    assert opened.axe() == []
    opened.page.get_by_role("button", name=account["login"]).click()
    opened.page.get_by_role("menuitem", name="退出登录").click()
    expect(opened.page.get_by_role("button", name="登录")).to_be_visible()


def test_keyboard_language_and_appearance(window: Open, owner: StorageState) -> None:
    page = window(owner).go("/orders")
    page.keyboard.press("/")
    expect(page.get_by_label("订单号 / 商户订单号 / 交易号")).to_be_focused()
    page.get_by_label("订单号 / 商户订单号 / 交易号").blur()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="键盘快捷键")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("button", name="Appearance").click()
    page.get_by_role("menuitem", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
