"""The operator's cockpit: what is going on at a glance, one merchant in full, helping an owner in,
suspending and lifting; in both languages, without a fault of axe (S131, S132)."""

import re
import secrets

import pytest
from playwright.sync_api import Locator, Page, Route, StorageState, expect

from tests.browser.conftest import Open, sign_in
from tests.browser.people import entered, new_merchant
from tests.browser.walk import choose_password, confirm_password, told_link
from tests.fixtures.processes import Stack

WHY = "工单 5000：负责人忘记密码"
DEMO = "豆娘演示商户"
LONG = "很长很长的商户名" * 7


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_is_going_on(look: Open, operator: StorageState, stack: Stack, language: str) -> None:
    """The demo merchant was paid today; a new one stands at its first step; the longest name there
    may be pushes nothing out of sight."""
    tail = secrets.token_hex(2)
    new_merchant(stack, f"{LONG}{tail}")
    opened = look(operator, language=language, width=1280)
    page = opened.go("/merchants?page_size=100")
    link = page.locator(f'a[href="/merchants/{stack.info["demo"]["merchant_id"]}"]')
    demo = page.get_by_role("row").filter(has=link)
    expect(demo.get_by_text(re.compile(r"^¥\d"))).to_be_visible()
    expect(demo.get_by_text(re.compile("笔$|paid$"))).to_be_visible()
    long = page.get_by_role("row").filter(has_text=tail)
    expect(long.get_by_text(re.compile("^(下一步：|Next: )"))).to_be_visible()
    expect(long.get_by_text("还没有收过款" if language == "zh-CN" else "None yet")).to_be_visible()
    scroller = page.locator(".ant-table-content")
    assert scroller.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    assert not opened.is_wider_than_the_window()
    assert opened.axe() == []
    search = page.get_by_label(re.compile("名称、登录后缀|Name, handle"))
    search.fill(tail)
    search.press("Enter")
    expect(demo).to_have_count(0)
    expect(long).to_have_count(1)
    search.fill("没有这家")
    search.press("Enter")
    expect(page.get_by_text(re.compile("没有符合条件的记录|Nothing matches"))).to_be_visible()


def test_the_longest_verdict_fits_a_phone(window: Open, operator: StorageState) -> None:
    def booked(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for notice in body["items"]:
            notice["verdict"] = "APPLIED"
        route.fulfill(response=answer, json=body)

    opened = window(operator, language="en", width=390)
    opened.page.route(re.compile(r"/api/operator/v1/notices\?"), booked)
    page = opened.go("/notices")
    expect(page.get_by_text("Booked from this notice").last).to_be_visible()
    assert not opened.is_wider_than_the_window()


def test_two_of_one_name_are_warned_of(window: Open, operator: StorageState, stack: Stack) -> None:
    name = f"双胞胎茶行 {secrets.token_hex(2)}"
    new_merchant(stack, name)
    page = window(operator).go("/merchants")
    page.get_by_role("button", name="新建商户").first.click()
    page.get_by_label("商户名称").fill(name)
    expect(page.get_by_text(re.compile("^已有同名商户"))).to_be_visible()
    page.get_by_label("管理员账号").fill(f"twin-{secrets.token_hex(4)}")
    page.get_by_role("button", name="保存", exact=True).click()
    told_link(page.get_by_role("dialog", name=f"商户已创建：{name}"))
    twins = page.get_by_role("row").filter(has_text=name)
    expect(twins.get_by_text("另有 1 家同名")).to_have_count(2)


def _suspension_is_why(page: Page) -> bool:
    """There is no session."""
    told = page.request.get("/api/merchant/v1/session").json()
    return bool(told.get("code") == "auth.merchant_suspended")


def test_an_owner_is_helped_in_and_a_merchant_suspended(window: Open, stack: Stack) -> None:
    account = new_merchant(stack, f"失联茶行 {secrets.token_hex(2)}")
    operator = stack.info["demo"]["operator"]
    password = operator["password"]
    opened = window(entered(stack, **operator, console="operator"))
    page = opened.go("/merchants")
    page.get_by_role("link", name=account.merchant).click()
    expect(page.get_by_text("还没有设备")).to_be_visible()
    expect(page.get_by_text("还没有门店")).to_be_visible()
    assert opened.axe() == []
    page.get_by_role("button", name=f"重设登录 {account.login}").click()
    make = page.get_by_role("button", name="生成一次性链接")
    page.get_by_label("事由").fill("x")
    make.click()
    expect(page.get_by_text("写清事由：至少四个不同的汉字，或至少两个词、八个字母")).to_be_visible()
    page.get_by_label("事由").fill(WHY)
    assert opened.axe() == []
    make.click()
    _confirm_if_asked(page, password, page.get_by_text("只显示一次，只能用一次"))
    address = told_link(page.get_by_role("dialog", name=f"一次性链接已生成：{account.login}"))
    expect(page.get_by_text(re.compile("^一次性链接有效至"))).to_be_visible()

    theirs = window(refused=("auth.merchant_suspended",))
    fresh = secrets.token_urlsafe(18)
    choose_password(theirs.page, address, fresh)
    expect(theirs.page.get_by_text(re.compile("^平台为您重设了登录："))).to_be_visible()
    assert theirs.axe() == []
    # Its page would soon ask with a session that ends now.
    theirs.page.goto("about:blank")

    page.get_by_role("button", name="停用商户").click()
    dialog = page.get_by_role("dialog", name=re.compile("^停用商户"))
    dialog.get_by_label("事由").fill("工单 5002：商户失联，先停用")
    assert opened.axe() == []
    dialog.get_by_role("button", name="停用商户").click()
    suspended = page.get_by_text(re.compile("起停用：不能登录，不收新款。原因：工单 5002"))
    _confirm_if_asked(page, password, suspended)
    expect(page.get_by_text("商户停用中，不能登录")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^重设登录"))).to_have_count(0)
    assert opened.axe() == []
    theirs.waits_for_the_edge(_suspension_is_why)
    theirs.page.goto("/orders")
    expect(theirs.page.get_by_text(re.compile("^商户已被服务商停用，您已退出登录"))).to_be_visible()
    assert theirs.axe() == []
    again = window(refused=("binding.merchant_suspended",)).page
    again.goto("/")
    again.get_by_text("商户", exact=True).click()
    again.get_by_label("账号").fill(account.login)
    again.get_by_label("密码").fill(fresh)
    again.get_by_role("button", name="登录").click()
    expect(again.get_by_role("alert")).to_contain_text("商户已停用，不能登录；请联系服务商")

    page.get_by_role("button", name="恢复商户").click()
    dialog = page.get_by_role("dialog", name=re.compile("^恢复商户"))
    dialog.get_by_label("事由").fill("工单 5003：已经联系上")
    dialog.get_by_role("button", name="恢复商户").click()
    _confirm_if_asked(page, password, page.get_by_role("button", name="停用商户"))
    sign_in(again, {"login": account.login, "password": fresh})


def test_notices_say_whose_they_are(look: Open, operator: StorageState) -> None:
    """A healthy payment's notice is no duplicate, and wants nothing."""
    opened = look(operator)
    page = opened.at("/notices?page_size=100")
    # Others are paid beside it, and have their notices in the same list.
    ours = page.get_by_role("row").filter(has_text=DEMO)
    healthy = ours.filter(has_text=re.compile("与账目一致|据此入账")).first
    expect(healthy).to_be_visible()
    expect(healthy.get_by_role("button", name=re.compile("^再处理一次"))).to_have_count(0)
    expect(page.get_by_text("重复", exact=True)).to_have_count(0)
    healthy.get_by_role("button", name=re.compile("^详情")).click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("支付宝交易号")).to_be_visible()
    panel.get_by_text("支付宝原文").click()
    expect(panel.get_by_text("trade_status", exact=True)).to_be_visible()
    assert opened.axe() == []


def _confirm_if_asked(page: Page, password: str, done: Locator) -> None:
    """Once in five minutes: either it is asked for, or what was wanted is done."""
    asked = page.get_by_role("dialog", name="请再次输入密码")
    expect(asked.or_(done).first).to_be_visible()
    if asked.is_visible():
        confirm_password(page, password)
    expect(done).to_be_visible()
