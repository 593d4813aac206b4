"""Keys on the page beyond the first pair: two open pages, a second approver, certificates."""

import asyncio
import re
import secrets

import asyncpg
import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import Open
from tests.browser.people import Account, entered
from tests.browser.walk import Walk, choose_password, confirm_password
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import Stack

ASK = """async ([path, body]) => {
  const csrf = localStorage.getItem('damselfly.csrf');
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf } });
  return [answer.status, await answer.json()];
}"""
CERTIFICATES = {
    "应用公钥证书": "app_cert",
    "支付宝公钥证书": "alipay_cert",
    "支付宝根证书": "root_cert",
}
APP_PUBLIC_KEY = "应用公钥（上传给支付宝）"


def _generate(page: Page) -> str:
    page.get_by_role("button", name="生成 2048 位密钥对").click()
    made = page.get_by_text("把下面的应用公钥上传到支付宝")
    expect(made).to_be_visible()
    return page.get_by_role("region", name=APP_PUBLIC_KEY).first.inner_text().strip()


def test_two_open_pages_do_not_overwrite_each_other(
    window: Open, shop: StorageState, account: Account
) -> None:
    """S36: one record behind two pages; whoever saves second is shown what changed meanwhile."""
    opened = window(shop, refused=("binding.stale_version",))
    first = opened.go("/miniprogram")
    second = opened.page.context.new_page()
    second.goto("/dragonfly?tab=iot")
    receiver = "收款账户 PID"
    for page in (first, second):
        page.get_by_label(receiver).wait_for()
        page.wait_for_load_state("networkidle")
    before = first.get_by_label(receiver).input_value()
    step_up = ["/api/merchant/v1/session/step-up", {"password": account.password}]
    assert first.evaluate(ASK, step_up)[0] == 200
    first.get_by_label(receiver).fill("2088000000000008")
    first.get_by_role("button", name="保存绑定").click()
    expect(first.get_by_text("绑定已保存")).to_be_visible()
    second.get_by_label(receiver).fill("2088000000000009")
    second.get_by_role("button", name="保存绑定").click()
    dialog = second.get_by_role("dialog", name="这份配置刚被他人修改")
    expect(dialog.get_by_role("cell", name=before)).to_be_visible()
    expect(dialog.get_by_text(f"{account.login} 于")).to_be_visible()
    dialog.get_by_role("button", name="载入最新内容").click()
    expect(second.get_by_label(receiver)).to_have_value("2088000000000008")
    second.get_by_label(receiver).fill(before)
    second.get_by_role("button", name="保存绑定").click()
    expect(second.get_by_text("绑定已保存")).to_be_visible()


def test_certificates(window: Open, stack: Stack, account: Account, shop: StorageState) -> None:
    """S26, S32: an app in certificate mode, by three files; then the live check."""
    opened = window(entered(stack, account.login, account.password))
    page = opened.go("/miniprogram")
    walk = Walk(page, stack, account, "zh-CN")
    page.get_by_label("已绑定的小程序").click()
    page.get_by_title("绑定另一个").click()
    page.get_by_role("button", name="生成 2048 位密钥对").click()
    confirm_password(page, account.password)
    public = page.get_by_role("region", name=APP_PUBLIC_KEY).inner_text().strip()
    app = walk.alipay("/apps", {"public_key": public, "mode": "cert"})
    page.get_by_label("小程序 AppID").fill(app["app_id"])
    page.get_by_label("收款账户 PID").fill(app["seller_id"])
    page.get_by_text("公钥证书", exact=True).click()
    for name, papers in CERTIFICATES.items():
        page.locator(f"input[type=file][aria-label='{name}']").set_input_files(
            {"name": f"{papers}.crt", "mimeType": "application/x-x509-ca-cert",
             "buffer": app[papers].encode()}
        )  # fmt: skip
    expect(page.locator("textarea").first).not_to_have_value("")
    assert opened.axe() == []
    page.get_by_role("button", name="保存绑定").click()
    expect(page.get_by_text("绑定已保存")).to_be_visible()
    ring = page.get_by_role("region", name="现用密钥")
    expect(ring.get_by_text("有效至")).to_have_count(2)
    expect(ring.get_by_text("还没有用过")).to_be_visible()
    expect(page.get_by_text(f"最近修改：{account.login}")).to_be_visible()
    page.get_by_role("button", name="联机检测").click()
    expect(ring.locator("li.ok")).to_be_visible()
    expect(ring.locator("li.error")).to_have_count(0)


def _grown_up(stack: Stack, login: str) -> None:
    """As if the account had been made, and its password chosen, the day before yesterday."""

    async def age() -> None:
        connection = await asyncpg.connect(stack.info["postgres"]["binding"])
        await connection.execute(
            "UPDATE users SET may_approve_from = now() WHERE login = $1", login
        )
        await connection.close()

    in_thread(lambda: asyncio.run(age()))


def test_a_second_approver(
    window: Open, stack: Stack, account: Account, shop: StorageState
) -> None:
    """S131, S132: with two pairs of eyes wanted, a new key waits; who asked cannot agree, and
    no account made a moment ago counts as one of the two."""
    theirs = window(entered(stack, account.login, account.password))
    page = theirs.go("/settings/merchant")
    page.get_by_role("switch", name="密钥变更需第二人复核").click()
    page.get_by_role("button", name="保存", exact=True).click()
    confirm_password(page, account.password)
    expect(page.get_by_text("已保存")).to_be_visible()
    other = {"password": secrets.token_urlsafe(18)}
    body = {"username": "second", "name": "老吴", "role": "merchant_owner", "store_ids": []}
    status, made = page.evaluate(ASK, ["/api/merchant/v1/staff", body])
    assert status == 201
    other["login"] = made["login"]

    theirs.turn_to("/dragonfly?tab=iot")
    page.get_by_text("由平台生成（推荐）").click()
    _generate(page)
    page.get_by_role("button", name="保存绑定").click()
    expect(page.get_by_text("等待另一位管理员复核后生效")).to_be_visible()
    waiting = page.get_by_role("region", name="待复核的密钥变更")
    expect(waiting.get_by_text("您提交的，须由他人同意")).to_be_visible()
    expect(waiting.get_by_role("button", name="同意")).to_be_disabled()

    opened = window(refused=("binding.not_yet_approver",))
    choose_password(opened.page, f"/password#{made['link']['token']}", other["password"])
    opened.page.goto("/miniprogram")
    waiting = opened.page.get_by_role("region", name="待复核的密钥变更")
    expect(waiting).to_be_visible()
    assert opened.axe() == []
    waiting.get_by_role("button", name="同意").click()
    confirm_password(opened.page, other["password"])
    expect(opened.page.get_by_text("新建或重设的账号暂时不能复核他人的变更")).to_be_visible()
    for login in (account.login, other["login"]):
        _grown_up(stack, login)
    waiting.get_by_role("button", name="同意").click()
    expect(waiting).to_have_count(0)
    ring = opened.page.get_by_role("region", name="现用密钥")
    expect(ring.get_by_text("2 · 2048 位")).to_be_visible()
    # Its public half was never carried to Alipay: the old key sells on, and the page says so.
    expect(ring.get_by_text("新密钥还没有通过联机检测")).to_be_visible()
    expect(ring.get_by_text("仍用于收款的版本")).to_be_visible()

    # What switches the control off is under it, too.
    theirs.turn_to("/settings/merchant")
    page.get_by_role("switch", name="密钥变更需第二人复核").click()
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_text("等待另一位管理员复核后生效")).to_be_visible()
    opened.page.reload()
    expect(waiting.get_by_text("关闭第二人复核")).to_be_visible()
    waiting.get_by_role("button", name="同意").click()
    expect(waiting).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "ring", "used", "changed"),
    [
        ("zh-CN", "现用密钥", "最近使用", r"最近修改：(命令行|owner@demo) "),
        ("en", "Key in use", "Last used", r"Last changed by (the command line|owner@demo) "),
    ],
)
def test_when_a_key_was_used_and_who_changed_the_record(
    look: Open, owner: StorageState, language: str, ring: str, used: str, changed: str
) -> None:
    """S36: on both pages of the one record; the stack has paid with this key, and
    bound it by its command line, unless another test saved it since."""
    opened = look(owner, language=language)
    for path in ("/miniprogram", "/dragonfly?tab=iot"):
        page = opened.at(path)
        facts = page.get_by_role("region", name=ring)
        expect(facts.get_by_text(used)).to_be_visible()
        expect(facts.locator(f"dt:has-text('{used}') + dd time")).to_be_visible()
        expect(page.get_by_text(re.compile(changed))).to_be_visible()
        assert opened.axe() == []
