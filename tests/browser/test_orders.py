"""The order list as a person meets it: what matters in sight, filters that are typed, addresses
that mean nothing, a list that moves by itself, a file to reconcile with."""

import csv
import re
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, StorageState, expect

from tests.browser.conftest import Open
from tests.browser.watched import Watched
from tests.fixtures.processes import ROOT, Stack

WIDTHS = (1280, 1440)
ORDERS = re.compile(r"/api/merchant/v1/orders\?")
SEARCH = {"zh-CN": "订单号 / 商户订单号 / 交易号", "en": "Order, merchant or trade number"}


def pay(stack: Stack, yuan: str) -> None:
    """A buyer's face at the demo device."""
    subprocess.run(
        [
            sys.executable, "-m", "deploy.sandbox.dragonfly", "pay", "--amount", yuan, "--face",
            "--device", stack.info["demo"]["device"]["key_file"], "--json",
        ],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def _paid(stack: Stack) -> None:
    for yuan in ("12345.67", "88.00"):
        pay(stack, yuan)


def is_in_sight(page: Page, cell: Locator) -> bool:
    """Whole, in the window, and not under what stands before it."""
    seen: bool = cell.evaluate(
        """(cell) => {
          const box = cell.getBoundingClientRect();
          const frame = cell.closest('.ant-table-content')?.getBoundingClientRect();
          const right = Math.min(innerWidth, frame ? frame.right : innerWidth);
          const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          return box.width > 0 && box.x >= 0 && box.right <= right + 1 && box.bottom <= innerHeight
            && (cell === top || cell.contains(top));
        }"""
    )
    return seen


def stretch(route: Route) -> None:
    """Each of the list's orders in its widest words: paid after closing, by a code, in a shop with
    a long name."""
    answer = route.fetch()
    body = answer.json()
    for order in body["items"]:
        order |= {"is_late": True, "sub_type": "alipay_code", "store_name": "云隐茶铺" * 8}
    route.fulfill(response=answer, json=body)


def _are_in_sight(opened: Watched) -> None:
    """Amount, status and time, at each of WIDTHS."""
    page = opened.page
    row = page.get_by_role("row").filter(has_text="12,345.67").first
    for width in WIDTHS:
        opened.resize(width)
        expect(row).to_be_visible()
        for shown in (row.locator("time"), row.get_by_text("¥12,345.67"), row.locator(".tag"),
                      row.get_by_role("link")):  # fmt: skip
            assert is_in_sight(page, shown), width
        box = page.locator(".ant-table-content")
        wide, room = box.evaluate("(box) => [box.scrollWidth, box.clientWidth]")
        assert wide <= room + 1, f"the list is too wide for {width}"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.usefixtures("_paid")
def test_amount_status_and_time_are_in_sight(
    look: Open, owner: StorageState, language: str
) -> None:
    opened = look(owner, language=language, width=WIDTHS[0])
    opened.at("/orders")
    _are_in_sight(opened)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.usefixtures("_paid")
def test_they_are_in_sight_in_the_widest_words(
    window: Open, owner: StorageState, language: str
) -> None:
    opened = window(owner, language=language, width=WIDTHS[0])
    opened.page.route(ORDERS, stretch)
    opened.go("/orders")
    _are_in_sight(opened)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.usefixtures("_paid")
def test_an_order_is_three_lines_on_a_phone(look: Open, owner: StorageState, language: str) -> None:
    opened = look(owner, language=language, width=390)
    page = opened.at("/orders")
    card = page.get_by_role("listitem").filter(has_text="12,345.67").first
    expect(card).to_be_visible()
    assert card.locator("a > span").count() == 3
    card.scroll_into_view_if_needed()
    for shown in (card.locator("strong"), card.locator(".tag"), card.locator("time")):
        assert is_in_sight(page, shown)
    height = card.evaluate("(card) => card.getBoundingClientRect().height")
    assert height < 130
    assert opened.axe() == []
    card.get_by_role("link").click()
    page.wait_for_url(re.compile(r"/orders/D\d{14}"))


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1440), ("en", 390)])
def test_a_day_is_typed_and_the_list_stays(
    look: Open, owner: StorageState, language: str, width: int
) -> None:
    """Typed key by key, with the calendar open; from > to are put the right way round, and the
    filters are still there."""
    opened = look(owner, language=language, width=width)
    page = opened.at("/orders")
    if width < 600:
        page.get_by_role("button", name="More filters").click()
    first, last = (
        ("下单日期从", "下单日期到") if language == "zh-CN" else ("Ordered from", "Ordered to")
    )
    page.get_by_label(first).click()
    page.keyboard.type("2031-01-05")
    assert opened.axe() == []
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from=2031-01-05"))
    expect(page.get_by_label(SEARCH[language])).to_be_visible()
    page.get_by_label(last).click()
    page.keyboard.type("20301231")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from=2030-12-31.*to=2031-01-05"))
    expect(page.get_by_label(first)).to_have_value("2030-12-31")
    expect(page.get_by_label(last)).to_have_value("2031-01-05")
    page.get_by_role("button", name="今天" if language == "zh-CN" else "Today").click()
    row = "row" if width > 600 else "listitem"
    expect(page.get_by_role(row).filter(has_text="¥").first).to_be_visible()


@pytest.mark.parametrize(
    "address",
    ["?from=2026-12-31&to=2020-01-01", "?page=99", "?pay_state=nonsense", "?store_id=x",
     "?from=0002-01-01", "?cursor=nonsense", "?back=AAAA", "?page=99999999&page_size=7"],
)  # fmt: skip
def test_an_address_that_means_nothing_leaves_the_list(
    look: Open, owner: StorageState, address: str
) -> None:
    is_astray = "cursor" in address or "back" in address
    refused = ("invalid_body",) if is_astray else ()
    page = look(owner, refused=refused).go(f"/orders{address}")
    expect(page.get_by_label(SEARCH["zh-CN"])).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="¥").first).to_be_visible()


def test_a_search_in_chinese_and_by_the_last_four_digits(
    look: Open, owner: StorageState, stack: Stack
) -> None:
    order_no = stack.info["first_payment"]["order_no"]
    page = look(owner).at("/orders")
    search = page.get_by_label(SEARCH["zh-CN"])
    search.fill("拿铁")
    search.press("Enter")
    expect(page.get_by_text("没有符合条件的记录")).to_be_visible()
    expect(search).to_be_visible()
    search.fill(order_no[-4:])
    search.press("Enter")
    expect(page.get_by_text(order_no)).to_be_visible()


@pytest.mark.parametrize("path", ["/audit", "/notices"])
def test_other_lists_keep_their_filters(look: Open, operator: StorageState, path: str) -> None:
    page = look(operator).go(f"{path}?from=2026-12-31&to=2020-01-01&verdict=nonsense&page=99")
    expect(page.get_by_label("日期从")).to_have_value("2020-01-01")
    search = page.locator("[data-search] input")
    search.fill("中文")
    search.press("Enter")
    expect(page.get_by_text("没有符合条件的记录")).to_be_visible()
    expect(search).to_be_visible()


@pytest.mark.parametrize(
    "number",
    ["D99999999999999", "whatever", "订单号D26112", "x%20y", "D2611.2", "a%2Fb", "whatever/"],
)
def test_an_unknown_order_says_so(look: Open, owner: StorageState, number: str) -> None:
    opened = look(owner, refused=("not_found",))
    page = opened.go(f"/orders/{number}")
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("没有这笔订单")).to_be_visible()
    assert opened.axe() == []
    panel.get_by_role("button", name="回到订单列表").click()
    page.wait_for_url(re.compile(r"/orders$"))


def test_the_list_moves_by_itself(look: Open, owner: StorageState, stack: Stack) -> None:
    opened = look(owner)
    page = opened.at("/orders")
    pay(stack, "73.19")
    expect(page.get_by_role("row").filter(has_text="¥73.19").first).to_be_visible()
    page = opened.turn_to("/")
    expect(page.get_by_role("region", name="最近的订单")).to_contain_text("¥73.19")
    page.get_by_role("link", name="今日实收").click()
    page.wait_for_url(re.compile(r"/orders\?from=\d{4}-\d{2}-\d{2}&to="))
    expect(page.get_by_role("row").filter(has_text="¥73.19").first).to_be_visible()


@pytest.mark.usefixtures("_paid")
def test_the_file_is_enough_to_reconcile(look: Open, owner: StorageState, stack: Stack) -> None:
    page = look(owner).at("/orders")
    with page.expect_download() as taken:
        page.get_by_role("button", name="导出").click()
    assert re.fullmatch(r"订单管理_\d{4}-\d{2}-\d{2}_\d{4}\.csv", taken.value.suggested_filename)
    with open(taken.value.path(), encoding="utf-8-sig", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    first = stack.info["first_payment"]["order_no"]
    (row,) = [one for one in rows if one["订单号"] == first]
    assert re.fullmatch(r"\d{28}\t", row["支付宝交易号"])
    assert len(row["商户订单号"].strip()) == 32
    assert row["支付时间"] > "2026"
    assert (row["金额"], row["已退款"]) == ("0.01", "0.00")
    assert row["设备"]
    assert row["设备"].count("-") < 4, "an id instead of the number on the device"
    assert row["门店"]
