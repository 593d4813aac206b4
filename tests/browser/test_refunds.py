"""Giving money back on the pages alone: a part, then the rest, in both languages."""

import asyncio
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.people import entered
from tests.browser.room import without_room
from tests.browser.walk import confirm_password
from tests.e2e.world import World
from tests.fixtures.console import Console
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import Stack

WORDS = {
    "zh-CN": {
        "again": "请再次输入密码", "act": "退款", "part": "部分退款",
        "amount": "退款金额（元）", "reason": "少了一杯", "why": "退款原因", "quick": "商品退货",
        "confirm": "确认退款 {}", "done": "已退款 {}", "close": "关闭", "net": "实收",
        "left": "可退", "state": "已退款", "tab": "退款", "orders": "订单管理", "open": "查看订单",
        "partly": "部分退款", "over": "超过可退金额 ¥12.34",
    },
    "en": {
        "again": "Please enter your password again", "act": "Refund",
        "part": "Part of it", "amount": "Amount in yuan", "reason": "One cup was missing",
        "why": "Reason", "quick": "Goods returned", "confirm": "Refund {}", "done": "{} refunded",
        "close": "Close", "net": "Net", "left": "Refundable", "state": "Refunded",
        "tab": "Refunds", "orders": "Orders", "open": "View order", "partly": "Partly refunded",
        "over": "More than what is left: ¥12.34",
    },
}  # fmt: skip


def _paid(stack: Stack, amount_fen: int) -> str:
    """A payment at a device of the demo shop; the number of its order."""

    async def pay() -> str:
        demo = stack.info["demo"]
        owner = demo["owner"]
        async with Console(stack.public, owner["login"], owner["password"]) as console:
            device = await console.enrol(demo["store_id"], f"RF{secrets.token_hex(4)}")
            world = World(stack, device, console)
            paid = await world.pay(amount_fen)
            order = await world.order(paid["out_trade_no"])
            await world.close()
            return str(order["order_no"])

    found: str = in_thread(lambda: asyncio.run(pay()))
    return found


@contextmanager
def _answer_lost(stack: Stack) -> Iterator[None]:
    """Alipay makes the next refund of the demo app, and its answer gets lost on the way."""
    wanted = {"app_id": stack.info["demo"]["app_id"], "fault": "drop_answer", "times": 1}
    wanted["method"] = "alipay.trade.refund"
    with httpx.Client(base_url=stack.admin, timeout=30, verify=NO_TLS) as admin:
        made = admin.post("/faults", json=wanted).raise_for_status().json()
        try:
            yield
        finally:
            admin.delete(f"/faults/{made['fault_id']}")


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1440), ("en", 390)])
def test_a_part_and_then_the_rest(window: Open, stack: Stack, language: str, width: int) -> None:
    words = WORDS[language]
    order_no = _paid(stack, 1234)
    mine = entered(stack, **stack.info["demo"]["owner"])
    opened = window(mine, language=language, width=width)
    page = opened.go(f"/orders/{order_no}")
    panel = page.get_by_role("dialog", name=order_no, exact=True)
    expect(panel.get_by_text("¥12.34").first).to_be_visible()

    panel.get_by_role("button", name=words["act"], exact=True).click()
    form = page.get_by_role("dialog", name=re.compile(rf" · {order_no}$"))
    form.get_by_role("radio", name=words["part"]).check()
    form.get_by_label(words["amount"]).fill("12.35")
    form.get_by_label(words["why"]).fill(words["reason"])
    expect(form.get_by_text(words["over"])).to_be_visible()
    assert opened.axe() == []
    opened.paint("dark")
    assert opened.axe(only_colours=True) == []
    opened.paint("light")
    form.get_by_label(words["amount"]).fill(" ￥5 ")
    form.get_by_role("button", name=words["confirm"].format("¥5.00")).dblclick()
    confirm_password(page, stack.info["demo"]["owner"]["password"], words["again"])
    expect(form.get_by_text(words["done"].format("¥5.00"))).to_be_visible()
    expect(page.locator(".ant-notification-notice")).to_have_count(0)
    assert opened.axe() == []
    form.get_by_role("button", name=words["close"]).last.click()
    expect(panel.get_by_text("¥7.34").first).to_be_visible()
    expect(panel.get_by_text(words["partly"], exact=True)).to_be_visible()
    expect(panel.get_by_role("list", name=words["tab"]).get_by_role("listitem")).to_have_count(1)

    panel.get_by_role("button", name=words["act"], exact=True).click()
    form.get_by_role("button", name=words["quick"]).click()
    form.get_by_role("button", name=words["confirm"].format("¥7.34")).click()
    # Soon after the first it waits its turn, and says by itself when it is done.
    expect(form.get_by_text(words["done"].format("¥7.34"))).to_be_visible()
    form.get_by_role("button", name=words["close"]).last.click()
    expect(panel.get_by_role("button", name=words["act"], exact=True)).to_have_count(0)
    expect(panel.get_by_role("list", name=words["tab"]).get_by_role("listitem")).to_have_count(2)
    expect(panel.get_by_text("¥0.00").first).to_be_visible()
    assert opened.axe() == []

    # The list of refunds, as a person gets there.
    panel.get_by_role("button", name=words["close"]).first.click()
    page.get_by_role("link", name=words["tab"], exact=True).click()
    page.wait_for_url(re.compile("/orders/refunds"))
    for amount in ("¥7.34", "¥5.00"):
        expect(page.get_by_text(amount, exact=True).first).to_be_visible()
    expect(page.get_by_text(words["reason"]).first).to_be_visible()
    assert opened.axe() == []
    assert not opened.is_wider_than_the_window()
    opened.resize(1280)
    assert without_room(page) == []
    opened.resize(width)
    named = rf"^{words['open']} .*¥7.34$" if width > 768 else r"^¥7\.34 "
    page.get_by_role("link", name=re.compile(named)).first.click()
    expect(page.get_by_role("dialog", name=order_no, exact=True)).to_be_visible()


def test_an_unknown_refund_says_what_comes_next(window: Open, stack: Stack) -> None:
    """And then, by itself and without being asked for again, what became of it."""
    words = WORDS["zh-CN"]
    order_no = _paid(stack, 1234)
    opened = window(entered(stack, **stack.info["demo"]["owner"]))
    page = opened.go(f"/orders/{order_no}")
    panel = page.get_by_role("dialog", name=order_no, exact=True)
    panel.get_by_role("button", name=words["act"], exact=True).click()
    form = page.get_by_role("dialog", name=re.compile(rf" · {order_no}$"))
    form.get_by_role("button", name=words["quick"]).click()
    with _answer_lost(stack):
        form.get_by_role("button", name=words["confirm"].format("¥12.34")).click()
        confirm_password(page, stack.info["demo"]["owner"]["password"], words["again"])
        told = form.get_by_role("status")
        expect(told).to_contain_text("退款 ¥12.34：结果待确认")
        expect(told).to_contain_text("请不要再发起一笔退款")
        expect(told).to_contain_text("下次查询")
    assert opened.axe() == []
    opened.paint("dark")
    assert opened.axe(only_colours=True) == []
    expect(panel.get_by_text("可退 ¥0.00")).to_be_attached()
    expect(form.get_by_text(words["done"].format("¥12.34"))).to_be_visible()
