"""A shop's devices, on the page alone: a code, a device at the command line, its name, another
store, a code taken back, and when it was last seen and last paid."""

import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import Open
from tests.browser.people import new_merchant, with_stores
from tests.fixtures.processes import ROOT, Stack


def two_stores(stack: Stack) -> StorageState:
    """A new shop's owner."""
    shop = new_merchant(stack, f"望湖茶楼 {secrets.token_hex(2)}")
    return with_stores(stack, shop, "南山店", "北山店")


def new_code(page: Page, store: str) -> str:
    page.get_by_role("button", name="生成激活码").first.click()
    form = page.get_by_role("dialog", name="生成激活码")
    form.get_by_role("combobox").click()
    page.get_by_title(store).last.click()
    form.get_by_role("button", name="生成激活码").click()
    form = page.get_by_role("dialog", name="激活码已生成")
    expect(form.get_by_text("正在等待设备激活")).to_be_visible()
    return form.locator(".figure").inner_text().strip()


def dragonfly(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.sandbox.dragonfly", *words], cwd=ROOT, capture_output=True,
        text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_a_device_comes_is_named_and_moves(window: Open, stack: Stack, tmp_path: Path) -> None:
    """S130, parts of S59: from the code to the device in the list, by what the page says."""
    opened = window(two_stores(stack))
    page = opened.go("/devices")
    page.get_by_text("怎么激活一台设备").click()
    expect(page.get_by_text("deploy.sandbox.dragonfly enrol")).to_be_visible()
    assert opened.axe() == []
    sn = f"QCF4{secrets.token_hex(4).upper()}"

    code = new_code(page, "南山店")
    assert re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", code)
    made = dragonfly(
        "enrol", "--url", stack.public, "--code", code, "--sn", sn,
        "--file", str(tmp_path / "device.json"),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    form = page.get_by_role("dialog", name="设备已激活")
    expect(form.get_by_text("设备已激活，可以收款了")).to_be_visible()
    assert opened.axe() == []
    page.keyboard.press("Escape")
    row = page.get_by_role("row").filter(has_text=sn)
    expect(row).to_contain_text("支付宝盒F4 蜻蜓青春版")
    expect(row).to_contain_text("南山店")

    row.get_by_role("button", name=f"编辑 {sn}").click()
    form = page.get_by_role("dialog")
    form.get_by_label("名称").fill("吧台")
    form.get_by_role("combobox").click()
    page.get_by_title("北山店").last.click()
    expect(form.get_by_text("正在进行的收款和以前的订单不变")).to_be_visible()
    assert opened.axe() == []
    form.get_by_role("button", name="保存").click()
    expect(row).to_contain_text("吧台")
    expect(row).to_contain_text("北山店")

    unused = new_code(page, "北山店")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="离开").click()
    waiting = page.get_by_role("region", name="还没有使用的激活码")
    expect(waiting).to_contain_text(f"尾号 {unused[-4:]}")
    waiting.get_by_role("button", name="撤销").click()
    page.get_by_role("tooltip").get_by_role("button", name="撤销").click()
    expect(waiting).to_have_count(0)
    refused = dragonfly(
        "enrol", "--url", stack.public, "--code", unused, "--sn", "QCF4LATE1",
        "--file", str(tmp_path / "late.json"),
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr.startswith("激活码已作废")

    page.get_by_label("名称或设备编号").fill("吧台")
    page.keyboard.press("Enter")
    expect(row).to_be_visible()
    expect(page.get_by_text("第 1–1 条，共 1 条")).to_be_visible()
    row.get_by_role("button", name=f"停用 {sn}").click()
    page.get_by_role("tooltip").get_by_role("button", name="停用").click()
    expect(row).to_contain_text("已停用")


def test_last_seen_and_last_paid(look: Open, owner: StorageState, stack: Stack) -> None:
    """By any signed request: the demo device has paid and asked nothing else."""
    sn = stack.info["demo"]["device"]["sn"]
    page = look(owner).at("/devices")
    row = page.get_by_role("row").filter(has_text=sn)
    paid = row.get_by_role("link", name=re.compile("¥"))
    expect(paid).to_be_visible()
    assert row.locator("time").count() == 2, "last seen, last paid"
    paid.click()
    page.wait_for_url(re.compile("/orders/D"))
    expect(page).to_have_title(re.compile("^订单 D\\d{14} · 豆娘$"))
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text(sn)).to_be_visible()
    assert stack.info["demo"]["device"]["device_id"] not in panel.inner_text()


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1280), ("en", 1280), ("en", 390)])
def test_what_matters_is_seen_without_scrolling(
    look: Open, owner: StorageState, stack: Stack, language: str, width: int
) -> None:
    """Name, state, last seen, last paid, and what one can do with it."""
    opened = look(owner, language=language, width=width)
    page = opened.at("/devices")
    sn = stack.info["demo"]["device"]["sn"]
    row = page.get_by_role("row" if width > 390 else "listitem").filter(has_text=sn)
    paid = row.get_by_role("link", name=re.compile("¥"))
    revoke = row.get_by_role("button", name=re.compile("停用|Revoke"))
    for part in (row.get_by_text(sn), row.locator(".tag"), row.locator("time").first, paid, revoke):
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= width, part
    if width > 390:
        fixed, last = revoke.bounding_box(), paid.bounding_box()
        assert fixed is not None
        assert last is not None
        assert last["x"] + last["width"] <= fixed["x"], "not under the column that stays in sight"
    assert opened.axe() == []
