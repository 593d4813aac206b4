"""An operator asks for more than look and help; an owner sees it, agrees, and ends it; among
operators a second one decides. In both languages, without a fault of axe (S131)."""

import re
import secrets

from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import Open
from tests.browser.people import chosen, entered, new_merchant, operating
from tests.browser.walk import confirm_password
from tests.fixtures.processes import Stack

LOOKS_EVERY_S = 20
WHY = "工单 4712：协助建门店"


def _may_make_stores(page: Page) -> bool:
    """A store without a name is refused for that as soon as the grant counts at the edge."""
    token = page.evaluate("localStorage.getItem('damselfly.csrf')")
    told = page.request.post("/api/merchant/v1/stores", data={}, headers={"X-CSRF-Token": token})
    return bool(told.status == 422)


def test_an_owner_agrees_and_ends_it(window: Open, stack: Stack) -> None:
    account = new_merchant(stack, f"云雾茶行 {secrets.token_hex(2)}")
    operator = stack.info["demo"]["operator"]
    theirs = window(entered(stack, **operator, console="operator"))
    page = theirs.page
    theirs.keeps_its_own_time()
    theirs.go("/merchants")
    _acts(page, operator, account.merchant)
    ribbon = page.locator(".ribbon.acting")
    ribbon.get_by_role("button", name="申请更多权限").click()
    asked = page.get_by_role("dialog", name=f"申请代“{account.merchant}”做更多")
    asked.get_by_label("事由").fill(WHY)
    asked.get_by_label("时长").click()
    page.get_by_title("2 小时", exact=True).click()
    assert theirs.axe() == []
    asked.get_by_role("button", name="提交申请").click()
    expect(page.get_by_text("已申请更多权限，等待同意")).to_be_visible()
    theirs.turn_to("/stores")
    expect(page.get_by_role("button", name="新建门店")).to_have_count(0)
    assert theirs.axe() == []

    ours = window(entered(stack, account.login, account.password))
    home = ours.go("/")
    card = home.get_by_role("region", name="服务商人员申请代您操作")
    for told in (WHY, "2 小时", "完成开通步骤，新建和改名门店", "等待同意"):
        expect(card.get_by_text(told, exact=True)).to_be_visible()
    assert ours.axe() == []
    card.get_by_role("button", name="同意").click()
    confirm_password(home, account.password)
    expect(card.get_by_text("生效中")).to_be_visible()

    theirs.sees_by_itself(page.get_by_text("已获更多权限"), LOOKS_EVERY_S)
    # One end time, not two.
    expect(ribbon).to_have_text(re.compile(r"^(?!(.*\d\d:\d\d.*){2}).*\d\d:\d\d"))
    theirs.waits_for_the_edge(_may_make_stores)
    page.get_by_role("button", name="新建门店").first.click()
    page.get_by_role("dialog").get_by_label("门店名称").fill("云栖店")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("cell", name="云栖店", exact=True)).to_be_visible()
    theirs.turn_to("/api-keys")
    expect(page.get_by_role("button", name="新建密钥")).to_have_count(0)
    theirs.turn_to("/settings/merchant")
    expect(page.get_by_role("button", name="保存", exact=True)).to_have_count(0)

    card.get_by_role("button", name="收回").click()
    expect(card).to_have_count(0)
    theirs.sees_by_itself(page.get_by_role("heading", name="代操作已结束"), LOOKS_EVERY_S)
    expect(page.get_by_text(f"您不再代“{account.merchant}”操作")).to_be_visible()
    assert theirs.axe() == []
    page.get_by_role("button", name="回到该商户的页面").click()
    expect(page.get_by_role("heading", name=account.merchant)).to_be_visible()
    expect(ribbon).to_have_count(0)
    ours.turn_to("/audit")
    for action in ("申请更多代操作权限", "同意代操作权限", "收回代操作权限"):
        expect(home.get_by_role("cell", name=action, exact=True)).to_be_visible()
    made = home.get_by_role("row").filter(has=home.get_by_role("cell", name="新建门店"))
    expect(made.get_by_text(operator["login"])).to_be_visible()


def test_a_second_operator_decides(window: Open, stack: Stack, operator: StorageState) -> None:
    """The other operator's account is new: this one's consent does not count for it yet, its
    refusal does. One's own request is somebody else's to decide."""
    name = f"Hill Tea {secrets.token_hex(2)}"
    new_merchant(stack, name)
    login = _asks(stack, name)
    opened = window(operator, language="en", refused=("binding.not_yet_approver",))
    page = opened.go("/merchants")
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Ask for more rights").click()
    dialog = page.get_by_role("dialog", name=re.compile("Ask to do more"))
    dialog.get_by_label("Reason").fill("ticket 4713: help with the setup")
    dialog.get_by_role("button", name="Send the request", exact=True).click()
    expect(dialog).to_have_count(0)
    page = opened.go("/grants")
    rows = page.get_by_role("listitem").filter(has_text=name)
    own = rows.filter(has_text="ticket 4713")
    expect(own.get_by_text("Somebody else decides")).to_be_visible()
    expect(own.get_by_role("button", name="Agree")).to_have_count(0)
    assert opened.axe() == []
    other = rows.filter(has_text=login)
    other.get_by_role("button", name="Agree").click()
    asked = page.get_by_role("dialog", name="Please enter your password again")
    asked.get_by_label("Password", exact=True).fill(stack.info["demo"]["operator"]["password"])
    asked.locator("button.ant-btn-primary").click()
    expect(
        page.get_by_text("A new or reset account cannot approve others’ changes yet")
    ).to_be_visible()
    other.get_by_role("button", name="Refuse").click()
    expect(other).to_have_count(0)
    own.get_by_role("button", name="Withdraw the request").click()
    expect(own.get_by_text("Ended · given back")).to_be_visible()


def _acts(page: Page, operator: dict[str, str], merchant: str) -> None:
    """From the list of merchants to that merchant's home."""
    page.get_by_role("link", name=merchant).click()
    page.get_by_role("button", name="代商户操作").click()
    page.get_by_label("事由").fill(WHY)
    page.get_by_role("button", name="开始代操作").click()
    confirm_password(page, operator["password"])
    expect(page.get_by_role("heading", name="首页")).to_be_visible()


def _asks(stack: Stack, merchant: str) -> str:
    """A new operator's request for more, over the API; returns the login."""
    demo = stack.info["demo"]["operator"]
    login, password = f"ops-{secrets.token_hex(4)}", secrets.token_urlsafe(18)
    with operating(stack, demo["login"], demo["password"]) as client:
        body = {"login": login, "name": login, "role": "operator_ops"}
        made = client.post("/staff", json=body).raise_for_status().json()
        chosen(stack, client, made["link"], password)
        (found,) = [
            row
            for row in client.get("/merchants", params={"page_size": 100}).json()["items"]
            if row["name"] == merchant
        ]
    with operating(stack, login, password) as client:
        body = {
            "merchant_id": found["merchant_id"],
            "permission_set": "setup",
            "reason": WHY,
            "minutes": 60,
        }
        client.post("/acting/grants", json=body).raise_for_status()
    return login
