"""The test cashier: the browser as a terminal, against the running stack and its sandbox."""

import re
import secrets

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import Open
from tests.browser.people import new_merchant, with_an_app, with_stores
from tests.fixtures.processes import Stack

READ_KEY = """
() => new Promise((resolve, reject) => {
  const opened = indexedDB.open('damselfly.cashier');
  opened.onerror = () => reject(opened.error);
  opened.onsuccess = () => {
    const all = opened.result.transaction('terminals').objectStore('terminals').getAll();
    all.onsuccess = async () => {
      const [one] = all.result;
      if (!one?.key) return resolve(null);
      const raw = await crypto.subtle.exportKey('raw', one.key).then(() => 'read', () => 'kept');
      resolve({ sn: one.sn, raw, unfinished: one.unfinished ?? null, text: JSON.stringify(one) });
    };
  };
})
"""
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def owner(stack: Stack) -> StorageState:
    """Of a merchant of its own with a store and an app: its sales are all that its lists show."""
    account = new_merchant(stack, f"竹里茶坊 {secrets.token_hex(2)}")
    with_stores(stack, account, "竹里一店")
    return with_an_app(stack, account)


def _enrolled(page: Page) -> str:
    """Turns this browser into a terminal; its serial number."""
    page.get_by_role("button", name="启用测试收银台").click()
    card = page.get_by_role("region", name="这台终端")
    found = card.get_by_text(re.compile("^TEST-")).inner_text()
    return found


def _hop(page: Page, name: str, state: str) -> None:
    line = page.locator(".hops li").filter(has=page.get_by_role("heading", name=name))
    expect(line).to_have_class(state)


def test_a_payment_without_a_device(window: Open, owner: StorageState, stack: Stack) -> None:
    """Each hop is seen, from the signature to coupon and draw; the order is one click away; the
    key cannot be taken out, and is gone when it was forgotten."""
    opened = window(owner)
    page = opened.go("/")
    page.get_by_role("navigation", name="主菜单").get_by_text("测试收银台", exact=True).click()
    page.wait_for_url(re.compile("/cashier"))
    assert opened.axe() == []
    sn = _enrolled(page)
    page.get_by_label("金额（元）").fill("12.07")
    page.get_by_role("button", name="收款 ¥12.07").click()
    for name in ("终端签名", "平台入口验签", "记下支付", "请求支付宝", "支付宝的答复", "订单",
                 "优惠券和抽奖"):  # fmt: skip
        _hop(page, name, "done")
    expect(page.get_by_text(re.compile("异步通知.*(一致|入账)"))).to_be_visible()
    expect(page.get_by_text("优惠券：")).to_be_visible()
    page.get_by_role("button", name="抽一次奖").click()
    expect(page.get_by_text(re.compile("抽中：|没有抽中")).first).to_be_visible()
    for scheme in ("light", "dark"):
        opened.paint(scheme)
        assert opened.axe() == []
    kept = page.evaluate(READ_KEY)
    assert (kept["sn"], kept["raw"], kept["unfinished"]) == (sn, "kept", None)
    sandbox = page.get_by_role("link", name="到沙箱看支付宝那一边")
    expect(sandbox).to_have_attribute("href", re.compile(r"^http://127\.0\.0\.1:\d+/$"))
    page.get_by_role("link", name=re.compile("查看订单 D")).click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("¥12.07").first).to_be_visible()
    opened.turn_to("/cashier")
    page.get_by_role("button", name="忘记这台终端").click()
    page.locator(".ant-popover").get_by_role("button", name="忘记这台终端").click()
    expect(page.get_by_role("button", name="启用测试收银台")).to_be_visible()
    assert page.evaluate(READ_KEY) is None


def test_on_a_phone_in_english_by_code(window: Open, owner: StorageState) -> None:
    """Another browser is another terminal."""
    opened = window(owner, language="en", width=390, scheme="dark")
    page = opened.go("/cashier")
    page.get_by_role("button", name="Start the test cashier").click()
    page.get_by_label("Code on the phone").check()
    page.get_by_role("button", name="Charge ¥0.01").click()
    _hop(page, "Coupon and draws", "done")
    assert opened.axe() == []
    assert not opened.is_wider_than_the_window()
    first = page.evaluate(READ_KEY)["sn"]
    other = window(owner)
    other.go("/cashier")
    assert _enrolled(other.page) != first


def test_refused_in_english(window: Open, owner: StorageState) -> None:
    opened = window(owner, language="en", width=1280)
    page = opened.go("/cashier")
    page.get_by_role("button", name="Start the test cashier").click()
    page.get_by_label("Refused").check()
    page.get_by_role("button", name="Charge ¥0.01").click()
    _hop(page, "The order", "done")
    told = page.get_by_role("alert").filter(has_text="Reason: ")
    expect(told).to_be_visible()
    words = page.locator("main .card").filter(has=page.locator(".hops")).inner_text()
    assert not re.search(r"[\u4e00-\u9fff]|ACQ\.", words)
    assert opened.axe() == []


def test_refused_stopped_and_unclear(window: Open, owner: StorageState) -> None:
    """What goes wrong is told where it stood, in words, and an unclear outcome is never asked for
    by a second charge."""
    opened = window(owner)
    page = opened.go("/cashier")
    _enrolled(page)
    page.get_by_label("被拒绝").check()
    page.get_by_role("button", name="收款 ¥0.01").click()
    _hop(page, "支付宝的答复", "failed")
    _hop(page, "优惠券和抽奖", "skipped")
    _hop(page, "订单", "done")
    expect(page.get_by_role("alert").filter(has_text="余额不足")).to_be_visible()
    assert opened.axe() == []
    page.get_by_label("顾客要在手机上确认").check()
    page.get_by_role("button", name="收款 ¥0.01").click()
    # The buyer confirms after 5 s; looking at the page takes as long on a busy machine.
    page.get_by_role("button", name="撤销这一笔").click()
    expect(page.locator(".hops").get_by_text("交易已关闭，未扣款")).to_be_visible()
    page.get_by_role("button", name="收款 ¥0.01").click()
    expect(page.locator(".hops").get_by_text("等待顾客在手机上确认")).to_be_visible()
    assert opened.axe() == []
    _hop(page, "支付宝的答复", "done")
    page.get_by_label("答复丢失，随后查明").check()
    page.get_by_role("button", name="收款 ¥0.01").click()
    _hop(page, "支付宝的答复", "done")
    _hop(page, "优惠券和抽奖", "done")


def test_a_closed_tab_forgets_no_payment(window: Open, owner: StorageState) -> None:
    """The number is on disk before the first byte: after a reload the same payment is looked up,
    and not charged again."""
    opened = window(owner)
    page = opened.go("/cashier")
    _enrolled(page)
    page.get_by_label("顾客要在手机上确认").check()
    page.get_by_role("button", name="收款 ¥0.01").click()
    expect(page.locator(".hops").get_by_text("等待顾客在手机上确认")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(f"{one.method} {one.url}"))
    page.reload()
    expect(page.get_by_text("这一笔是之前开始的")).to_be_visible()
    _hop(page, "支付宝的答复", "done")
    assert page.evaluate(READ_KEY)["unfinished"] is None
    assert not [one for one in asked if one.startswith("POST") and one.endswith("/payments")]
