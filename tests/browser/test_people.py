"""Who works in the console and what they set up there: switch, header, support, WeChat, staff, API
keys, the audit log, and an operator who acts for a merchant. One merchant for the module."""

import json
import re
import secrets

import pyotp
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import Open, sign_in
from tests.browser.people import Account, entered, new_merchant
from tests.browser.walk import choose_password, confirm_password, told_link
from tests.fixtures.processes import Stack


def _save(page: Page) -> None:
    page.get_by_role("button", name="保存", exact=True).click()


def test_the_switch(window: Open, shop: StorageState) -> None:
    """S31, S36, S37: off on one page is off on the other; saved is bound."""
    page = window(shop).go("/dragonfly?tab=iot")
    switch = page.get_by_role("switch", name="开启 IoT 小程序")
    expect(switch).to_be_checked()
    switch.click()
    page.get_by_role("button", name="保存绑定").click()
    expect(page.get_by_text("绑定已保存")).to_be_visible()
    page.goto("/miniprogram")
    expect(switch).not_to_be_checked()
    switch.click()
    page.get_by_role("button", name="保存绑定").click()
    expect(page.get_by_text("绑定已保存")).to_be_visible()
    page.goto("/dragonfly?tab=iot")
    expect(switch).to_be_checked()


def test_header_edition_and_support(window: Open, shop: StorageState, account: Account) -> None:
    """Parts of S38, S119: merchant, store and edition stand in the header; whom to call, in the
    menu, as the merchant wrote it."""
    opened = window(shop)
    page = opened.go("/stores")
    for store in ("湖滨店", "河坊店"):
        page.get_by_role("button", name="新建门店").first.click()
        page.get_by_role("dialog").get_by_label("门店名称").fill(store)
        _save(page)
        expect(page.get_by_role("cell", name=store, exact=True)).to_be_visible()
    header = page.get_by_role("banner")
    expect(header.get_by_text(account.merchant)).to_be_visible()
    expect(header.get_by_text("旗舰版")).to_be_visible()
    opened.turn_to("/settings/merchant")
    page.get_by_label("版本", exact=True).click()
    page.get_by_title("刷脸支付版").click()
    page.get_by_label("客服联系方式").fill("微信 chapu-kefu")
    _save(page)
    expect(header.get_by_text("刷脸支付版")).to_be_visible()
    header.get_by_label("切换门店").click()
    page.get_by_title("河坊店").click()
    page.reload()
    expect(header.get_by_text("河坊店")).to_be_visible()
    header.get_by_role("button", name=account.login).click()
    expect(page.get_by_text("联系客服：微信 chapu-kefu")).to_be_visible()


def test_wechat_is_coming(look: Open, owner: StorageState) -> None:
    """The page says so, and there is nothing one could leave a secret in."""
    page = look(owner).at("/settings/wechat")
    expect(page.get_by_text("即将支持")).to_be_visible()
    assert page.get_by_role("main").locator("input, textarea, [role=switch]").count() == 0
    assert page.get_by_role("main").get_by_role("button").count() == 0


def test_staff_and_roles(window: Open, stack: Stack, account: Account) -> None:
    """S131: a cashier is made with the password shown again, chooses a password with the one-time
    link, and sees a cashier's menu only."""
    opened = window(entered(stack, account.login, account.password))
    page = opened.go("/staff")
    cashier = {"login": "", "password": secrets.token_urlsafe(16)}
    page.get_by_role("button", name="添加员工").first.click()
    form = page.get_by_role("dialog", name="添加员工")
    form.get_by_label("用户名").fill("till@tea")
    expect(form.get_by_text("不用写 @")).to_be_visible()
    form.get_by_label("用户名").fill("till")
    will_be = form.get_by_text("登录账号将是 till@").inner_text()
    cashier["login"] = will_be.removeprefix("登录账号将是 ")
    form.get_by_label("姓名").fill("小周")
    form.get_by_label("角色").click()
    page.get_by_title("收银员").click()
    assert opened.axe() == []
    _save(page)
    confirm_password(page, account.password)
    assert opened.axe() == []
    form = page.get_by_role("dialog", name="员工已添加：小周")
    expect(form.get_by_text(cashier["login"], exact=True)).to_be_visible()
    form.get_by_role("button", name="复制 登录账号").click()
    expect(form.get_by_role("button", name="已复制")).to_be_visible()
    address = told_link(form)
    expect(page.get_by_role("cell").get_by_text(cashier["login"], exact=True)).to_be_visible()
    assert address not in page.content()
    roles = page.get_by_role("region", name="角色一览")
    expect(roles.get_by_text("财务")).to_be_visible()
    till = window()
    till.page.goto(address)
    expect(till.page.get_by_text(f"请为账号 {cashier['login']} 设置密码")).to_be_visible()
    assert till.axe() == []
    choose_password(till.page, address, cashier["password"])
    menu = till.page.get_by_role("navigation", name="主菜单")
    expect(menu.get_by_text("订单管理")).to_be_visible()
    for hidden in ("员工与角色", "API 密钥", "审计日志", "支付宝小程序"):
        expect(menu.get_by_text(hidden)).to_have_count(0)
    spent = window(refused=("binding.link_wrong",))
    spent.page.goto(address)
    expect(spent.page.get_by_text("链接无效或已过期")).to_be_visible()
    assert spent.axe() == []


def test_a_second_factor(window: Open, stack: Stack) -> None:
    """Set up with the QR code's secret, asked for at the sign-in and the step-up, and a recovery
    code serves instead; refused tries are on the page. In both languages, without a fault of
    axe."""
    account = new_merchant(stack, f"清泉茶社 {secrets.token_hex(2)}")
    entry = {"login": account.login, "password": account.password}
    opened = window(refused=("auth.bad_credentials",))
    page = opened.page
    page.goto("/")
    page.get_by_label("账号").fill(account.login)
    page.get_by_label("密码").fill("not the password")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, entry, at="/account")
    expect(page.get_by_text("被拒 1 次")).to_be_visible()
    page.get_by_role("button", name="设置身份验证器").click()
    confirm_password(page, account.password)
    dialog = page.get_by_role("dialog", name="设置身份验证器")
    expect(dialog.get_by_role("img", name="给身份验证器扫描的二维码")).to_be_visible()
    secret = dialog.locator("dd .mono").inner_text()
    assert opened.axe() == []
    totp = pyotp.TOTP(secret)
    dialog.get_by_label("6 位验证码").fill(totp.now())
    dialog.get_by_role("button", name="开启").click()
    shown = page.get_by_role("dialog", name="恢复码")
    expect(shown.locator("li")).to_have_count(10)
    recovery = shown.locator("li").all_inner_texts()
    assert opened.axe() == []
    shown.get_by_role("button", name="已保存").click()
    expect(page.get_by_text("剩余恢复码")).to_be_visible()
    assert recovery[0] not in page.content()

    again = window(language="en")
    page = again.page
    page.goto("/account")
    page.get_by_label("Login", exact=True).fill(account.login)
    page.get_by_label("Password", exact=True).fill(account.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code", exact=True).fill(recovery[0])
    assert again.axe() == []
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Recovery codes left")).to_be_visible()
    page.get_by_role("button", name="New recovery codes").click()
    asked = page.get_by_role("dialog", name="Please enter your password again")
    asked.get_by_label("Password", exact=True).fill(account.password)
    asked.get_by_label("Code", exact=True).fill(recovery[1])
    asked.locator("button.ant-btn-primary").click()
    expect(page.get_by_role("dialog", name="Recovery codes").locator("li")).to_have_count(10)
    assert again.axe() == []


def test_api_key_is_shown_once(window: Open, stack: Stack, account: Account) -> None:
    page = window(entered(stack, account.login, account.password)).go("/api-keys")
    page.get_by_role("button", name="新建密钥").first.click()
    form = page.get_by_role("dialog", name="新建密钥")
    form.get_by_label("名称").fill("前台收银")
    _save(page)
    confirm_password(page, account.password)
    form = page.get_by_role("dialog", name="密钥已创建：前台收银")
    expect(form.get_by_text("离开后无法再次查看")).to_be_visible()
    secret = form.locator("dd .mono").last.inner_text()
    assert len(secret) >= 20
    form.locator(".ant-modal-footer").get_by_role("button", name="我已保存").click()
    expect(page.get_by_role("cell", name="前台收银", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="还没有用过")).to_be_visible()
    assert secret not in page.content()
    page.reload()
    expect(page.get_by_role("cell", name="前台收银", exact=True)).to_be_visible()
    assert secret not in page.content()


def test_audit(window: Open, shop: StorageState) -> None:
    """S132: who changed the keys, found by a filter, with before and after; the chain is whole."""
    opened = window(shop)
    page = opened.go("/audit")
    page.get_by_role("button", name="校验完整性").click()
    expect(page.get_by_text(re.compile("链完整：共 \\d+ 条"))).to_be_visible()
    page.get_by_label("事件", exact=True).click()
    page.keyboard.type("绑定小程序")
    page.get_by_title("绑定小程序", exact=True).click()
    page.wait_for_url(re.compile("action=app.bind"))
    # The former rows stay until the new ones are there.
    bound = page.get_by_role("row").filter(
        has=page.get_by_role("cell", name="绑定小程序", exact=True)
    )
    bound.first.get_by_role("button", name=re.compile("^详情 ")).click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("密钥指纹").first).to_be_visible()
    assert "PRIVATE KEY" not in page.content()
    assert opened.axe() == []
    # What machines call it all is a file for support, and nothing to read on the page.
    with page.expect_download() as taken:
        panel.get_by_role("button", name="下载原始记录").click()
    assert re.fullmatch(r"审计日志_\d+_\d{4}-\d\d-\d\d_\d{4}\.json", taken.value.suggested_filename)
    assert json.loads(taken.value.path().read_text())["action"] == "app.bind"


def test_acting_for_a_merchant(
    window: Open, stack: Stack, account: Account, shop: StorageState
) -> None:
    """S131: with a reason and for a while; a ribbon says so everywhere; people stay theirs."""
    operator = stack.info["demo"]["operator"]
    opened = window(entered(stack, **operator, console="operator"))
    page = opened.go("/merchants")
    page.get_by_role("link", name=account.merchant).click()
    page.get_by_role("button", name="代商户操作").click()
    begin = page.get_by_role("button", name="开始代操作")
    page.get_by_label("事由").fill("协助")
    begin.click()
    # Refused under its field, before a password is asked for.
    expect(page.get_by_text("写清事由：至少四个不同的汉字，或至少两个词、八个字母")).to_be_visible()
    page.get_by_label("事由").fill("协助绑定小程序")
    begin.click()
    confirm_password(page, operator["password"])
    ribbon = page.get_by_text(re.compile(f"您正在代“{account.merchant}”操作，事由：协助绑定小程序"))
    expect(ribbon).to_be_visible()
    opened.turn_to("/staff")
    expect(ribbon).to_be_visible()
    expect(page.get_by_role("cell").get_by_text(account.login, exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="添加员工")).to_have_count(0)
    assert opened.axe() == []
    page.get_by_role("button", name="结束代操作").click()
    expect(ribbon).to_have_count(0)
    page.wait_for_url(re.compile("/merchants"))
