"""Two windows of one browser: a page of one merchant saves nothing into another, and what one
window does to the session the other says at once."""

import secrets

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, sign_in
from tests.browser.people import Account, entered, new_merchant
from tests.browser.walk import confirm_password
from tests.browser.watched import Watched
from tests.fixtures.processes import Stack

WHY = "工单 4715：协助开通"
DEAF = "Object.defineProperty(window, 'BroadcastChannel', { value: undefined });"
"""Hears nothing of other windows: as when its message is late, or the browser knows none."""


ENDED_WITHIN_LOOKS = 100
STATUS = "fetch('/api/merchant/v1/stores').then((answer) => answer.status)"


def enter(page: Page, account: Account, at: str = "/") -> None:
    sign_in(page, {"login": account.login, "password": account.password}, at=at)


def leave(page: Page, account: Account) -> None:
    page.get_by_role("button", name=account.login).click()
    page.get_by_role("menuitem", name="退出登录").click()
    expect(page.get_by_role("button", name="登录")).to_be_visible()


def act(page: Page, merchant: str, password: str) -> None:
    page.get_by_role("link", name=merchant).click()
    page.get_by_role("button", name="代商户操作").click()
    page.get_by_label("事由").fill(WHY)
    page.get_by_role("button", name="开始代操作").click()
    asked = page.get_by_role("dialog", name="请再次输入密码")
    home = page.get_by_role("heading", name="首页")
    expect(asked.or_(home).first).to_be_visible()
    if asked.is_visible():
        confirm_password(page, password)
    expect(home).to_be_visible()
    expect(page.get_by_text(f"您正在代“{merchant}”操作")).to_be_visible()


def another(opened: Watched) -> Page:
    """A second window of the same browser."""
    return opened.page.context.new_page()


def test_a_page_saves_nothing_into_another_merchant(window: Open, stack: Stack) -> None:
    """Its window hears nothing: the edge refuses, before anything is done."""
    tail = secrets.token_hex(2)
    tea, coffee = (new_merchant(stack, f"{name} {tail}") for name in ("山茶行", "咖啡行"))
    opened = window(entered(stack, tea.login, tea.password), refused=("acting.elsewhere",))
    page = opened.page
    page.add_init_script(DEAF)
    opened.go("/stores")
    page.get_by_role("button", name="新建门店").first.click()
    page.get_by_role("dialog").get_by_label("门店名称").fill("只属于山茶行")

    other = another(opened)
    other.goto("/")
    leave(other, tea)
    enter(other, coffee)

    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("heading", name="另一个窗口换了账号")).to_be_visible()
    expect(page.get_by_role("button", name="新建门店")).to_have_count(0)
    assert opened.axe() == []
    other.goto("/stores")
    expect(other.get_by_text("还没有门店")).to_be_visible()
    page.get_by_role("button", name="用新账号继续").click()
    expect(page.get_by_text(coffee.merchant)).to_be_visible()


def test_acting_for_two_and_leaving(window: Open, stack: Stack) -> None:
    tail = secrets.token_hex(2)
    tea, coffee = (new_merchant(stack, f"{name} {tail}") for name in ("云茶行", "豆咖行"))
    operator = stack.info["demo"]["operator"]
    opened = window(entered(stack, **operator, console="operator"))
    page = opened.go("/merchants")
    act(page, tea.merchant, operator["password"])
    opened.turn_to("/stores")

    other = another(opened)
    other.goto("/")
    other.get_by_role("button", name="结束代操作").click()
    # Back where it began; and the first window says so by itself.
    expect(other.get_by_role("heading", name=tea.merchant)).to_be_visible()
    expect(page.get_by_role("heading", name="代操作已结束")).to_be_visible()
    other.goto("/merchants")
    act(other, coffee.merchant, operator["password"])
    expect(page.get_by_role("heading", name="另一个窗口开始了代操作")).to_be_visible()
    expect(page.get_by_text(f"您现在代“{coffee.merchant}”操作")).to_be_visible()
    assert opened.axe() == []
    page.get_by_role("button", name=f"在这里也代“{coffee.merchant}”操作").click()
    expect(page.get_by_text(f"您正在代“{coffee.merchant}”操作")).to_be_visible()

    other.get_by_role("button", name=operator["login"]).click()
    other.get_by_role("menuitem", name="退出登录").click()
    expect(page.get_by_role("button", name="登录")).to_be_visible()


def test_what_ends_in_another_browser_is_met_at_the_next_request(
    window: Open, stack: Stack
) -> None:
    """No message reaches another browser: its next request meets it, once the edge has heard, and
    nothing that was entered there is lost."""
    account = new_merchant(stack, f"竹影茶坊 {secrets.token_hex(2)}")
    mine, also_mine = (entered(stack, account.login, account.password) for _ in range(2))
    here, there = window(mine, refused=("auth.session",)), window(also_mine)
    page = here.go("/stores")
    page.get_by_role("button", name="新建门店").first.click()
    page.get_by_role("dialog").get_by_label("门店名称").fill("竹影一店")

    there.go("/account")
    there.page.get_by_role("button", name="结束其他所有会话").click()
    there.page.get_by_role("button", name="确认").click()
    expect(there.page.get_by_text("已结束")).to_be_visible()
    for _ in range(ENDED_WITHIN_LOOKS):
        if page.evaluate(STATUS) == 401:
            break
        page.wait_for_timeout(300)

    page.get_by_role("button", name="保存", exact=True).click()
    again = page.get_by_role("dialog", name="登录已失效")
    again.get_by_label("密码").fill(account.password)
    again.get_by_role("button", name="登录").click()
    expect(again).not_to_be_visible()
    expect(page.get_by_role("cell", name="竹影一店", exact=True)).to_be_visible()
