"""A stranger's first hour, from the lines that `make run` prints to a refunded payment: only what
the pages show is read, pressed and typed. No admin door, no request beside the browser's own.

What it costs is counted: every line of text that was not seen before, wherever it stands, every
press, every field. The paces are of somebody who has never seen the pages.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, expect

CHARACTERS_PER_MINUTE, WORDS_PER_MINUTE = 300, 200
PRESS_S, FIELD_S = 2.0, 6.0
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_VISIBLE = "() => document.body.innerText"
"""all that is shown: the page itself, its head, menu and banner, whatever lies over it"""

SHOP = ("西湖茶馆", "West Lake Tea")
REASON = ("少了一杯", "One cup was missing")


def _nothing(_name: str, _page: Page) -> None:
    """Nobody looks."""


@dataclass
class Cost:
    """What the way took."""

    presses: int = 0
    fields: int = 0
    lines: set[str] = field(default_factory=set)

    @property
    def minutes(self) -> float:
        text = "\n".join(self.lines)
        reading = len(_CHINESE.findall(text)) / CHARACTERS_PER_MINUTE
        reading += len(_WORD.findall(text)) / WORDS_PER_MINUTE
        return reading + (self.presses * PRESS_S + self.fields * FIELD_S) / 60


@dataclass
class Stranger:
    """`see` is called with the name of each thing worth a picture, and the page that shows it."""

    page: Page
    language: str
    see: Callable[[str, Page], None] = _nothing
    looked: Callable[[], None] = lambda: None
    """called on each page that was come to"""
    cost: Cost = field(default_factory=Cost)
    app_id: str = ""
    password: str = field(default_factory=lambda: secrets.token_urlsafe(15))

    def say(self, chinese: str, english: str) -> str:
        return chinese if self.language == "zh-CN" else english

    # --- hands and eyes

    def read(self, page: Page | None = None) -> None:
        text: str = (page or self.page).evaluate(_VISIBLE)
        self.cost.lines.update(line.strip() for line in text.splitlines() if line.strip())

    def press(self, what: Locator) -> None:
        self.read(what.page)
        what.click()
        self.cost.presses += 1

    def fill(self, where: Locator, text: str) -> None:
        where.fill(text)
        self.cost.fields += 1

    def button(self, chinese: str, english: str, within: Any = None) -> Locator:
        """Whatever is pressed: a stranger sees no difference between a button and a link."""
        place, name = within or self.page, self.say(chinese, english)
        found: Locator = place.get_by_role("button", name=name, exact=True).or_(
            place.get_by_role("link", name=name, exact=True)
        )
        return found

    def link(self, chinese: str, english: str, within: Any = None) -> Locator:
        place = within or self.page
        found: Locator = place.get_by_role(
            "link", name=re.compile(f"^{re.escape(self.say(chinese, english))}")
        )
        return found

    def labelled(self, chinese: str, english: str, within: Any = None) -> Locator:
        found: Locator = (within or self.page).get_by_label(self.say(chinese, english))
        return found

    def menu(self, chinese: str, english: str) -> None:
        menu = self.page.get_by_role("navigation", name=self.say("主菜单", "Main menu"))
        self.press(menu.get_by_text(self.say(chinese, english), exact=True))

    def confirm(self) -> None:
        """The password once more."""
        title = self.say("请再次输入密码", "Please enter your password again")
        asked = self.page.get_by_role("dialog", name=title)
        self.fill(asked.locator("input[type=password]"), self.password)
        self.press(asked.locator("button.ant-btn-primary"))
        expect(asked).to_have_count(0)

    def at_alipay(self, opens: Locator, tab: tuple[str, str]) -> Page:
        """The sandbox's page, in a tab of its own."""
        with self.page.context.expect_page() as opened:
            self.press(opens)
        page = opened.value
        page.get_by_role("tab").first.wait_for()
        other = page.get_by_role("button", name=self.say("中文", "English"), exact=True)
        if other.is_visible():
            self.press(other)
        shown = page.get_by_role("tab", name=self.say(*tab), exact=True)
        if shown.get_attribute("aria-selected") != "true":
            self.press(shown)
        return page

    def own_app(self, alipay: Page) -> Locator:
        """The card of the app whose number the console has just shown."""
        return alipay.locator("section.card", has_text=self.app_id)

    # --- the way

    def first_hour(self, operator: dict[str, str]) -> None:
        self.makes_a_merchant(operator)
        self.binds_an_app()
        self.brings_the_program_out()
        self.opens_a_store()
        order_no = self.takes_a_payment()
        self.gives_it_back(order_no)
        self.is_ready()

    def makes_a_merchant(self, operator: dict[str, str]) -> None:
        page = self.page
        page.goto("/")
        self.press(page.get_by_text(self.say("服务商", "Operator"), exact=True))
        self.fill(self.labelled("账号", "Login"), operator["login"])
        self.fill(self.labelled("密码", "Password"), operator["password"])
        self.press(self.button("登录", "Sign in"))
        self.press(self.button("新建商户", "New merchant").first)
        form = page.get_by_role("dialog")
        self.fill(self.labelled("商户名称", "Name", form), self.say(*SHOP))
        self.fill(
            self.labelled("管理员账号", "Owner’s login", form), f"boss-{secrets.token_hex(3)}"
        )
        self.press(form.locator(".ant-modal-footer button.ant-btn-primary"))
        told = form.locator("dd .mono", has_text="/password#")
        address = told.inner_text()
        self.see("hour-01-link", self.page)
        self.read()
        # The owner opens it on a machine of their own; here the operator leaves first.
        self.leaves_the_dialog(form)
        self.press(page.get_by_role("button", name=re.compile("operator")))
        self.press(page.get_by_text(self.say("退出登录", "Sign out"), exact=True))
        self.button("登录", "Sign in").wait_for()
        page.goto(address)
        self.fill(page.get_by_label(self.say("新密码", "New password"), exact=True), self.password)
        again = page.get_by_label(self.say("再输入一次", "Repeat the new password"), exact=True)
        self.fill(again, self.password)
        self.press(self.button("保存并登录", "Save and sign in"))
        page.get_by_role("navigation", name=self.say("主菜单", "Main menu")).wait_for()

    def leaves_the_dialog(self, form: Locator) -> None:
        """Where it asks whether the link was kept, it was."""
        self.press(form.locator(".ant-modal-footer").get_by_role("button").last)
        sure = self.page.locator(".ant-popover, .ant-modal-confirm").locator(
            "button.ant-btn-primary"
        )
        if sure.first.is_visible():
            self.press(sure.first)
        expect(form).to_have_count(0)

    def next_row(self, row: str) -> Locator:
        shown = self.page.locator(f'li.steps-row.next[data-row="{row}"]')
        leads = self.button("去下一步", "Go to the next step")
        expect(shown.or_(leads).first).to_be_visible()
        if leads.is_visible():
            self.press(leads)
        expect(shown).to_be_visible()
        return shown

    def marks(self, row: str) -> None:
        line = self.next_row(row)
        self.press(self.button("标记为已完成", "Mark as done", line))
        expect(self.page.locator(f'li.steps-row.next[data-row="{row}"]')).to_have_count(0)

    def binds_an_app(self) -> None:
        page = self.page
        self.press(self.button("继续开通", "Continue the setup"))
        self.next_row("1.1")
        self.see("hour-02-wizard", self.page)
        self.looked()
        self.marks("1.1")
        self.press(self.button("去绑定密钥", "Bind the keys here", self.next_row("1.2")))
        self.press(self.button("给我一个沙箱应用", "Give me a sandbox app"))
        self.confirm()
        save = self.button("保存绑定", "Save the binding")
        expect(save).to_be_enabled()
        number = self.labelled("小程序 AppID", "Mini-program AppID")
        expect(number).to_have_value(re.compile(r"^\d{16}$"))
        self.app_id = number.input_value()
        self.see("hour-03-sandbox-app", self.page)
        self.looked()
        self.press(save)
        expect(page.get_by_text(self.say("绑定已保存", "Binding saved"))).to_be_visible()
        self.press(self.button("回到开通向导", "Back to the setup wizard"))
        alipay = self.at_alipay(
            self.link("前往沙箱支付宝", "Go to the sandbox Alipay", self.next_row("1.3")),
            ("开放平台", "Open platform"),
        )
        mine = self.own_app(alipay)
        self.press(
            mine.get_by_role("button", name=self.say("IoT 端 · 未开通", "IoT devices · off"))
        )
        on = mine.get_by_role("button", name=self.say("IoT 端 · 已开通", "IoT devices · on"))
        expect(on).to_be_visible()
        self.see("hour-04-alipay", alipay)
        alipay.close()
        self.marks("1.3")

    def brings_the_program_out(self) -> None:
        self.press(self.button("由平台上传", "Upload for me", self.next_row("3.3")))
        line = self.next_row("4.1")
        for label, text in (
            (("英文名称", "English name"), ("Tea house", "Tea house")),
            (("小程序简介", "Short introduction"),
             ("刷脸付款，一步到位，省心省力", "Pay with your face, in one step")),
            (("小程序描述", "Description"),
             ("在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
              "Pay by face or by code at the counter, then get a coupon and a draw.")),
            (("客服电话", "Service phone"), ("4000000000", "4000000000")),
            (("版本描述", "What is new"),
             ("首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
              "First version: face pay, code pay, a coupon and draws after each payment.")),
        ):  # fmt: skip
            self.fill(self.labelled(*label, line), self.say(*text))
        line.evaluate("one => one.scrollIntoView({ block: 'end' })")
        self.see("hour-05-review", self.page)
        self.press(self.button("提交审核", "Submit for review", line))
        waits = self.page.locator('li.steps-row[data-row="4.1"]')
        alipay = self.at_alipay(
            self.link("前往沙箱支付宝", "Go to the sandbox Alipay", waits),
            ("开放平台", "Open platform"),
        )
        self.read(alipay)
        mine = self.own_app(alipay)
        self.press(mine.get_by_role("button", name=self.say("通过", "Approve"), exact=True))
        alipay.close()
        line = self.next_row("4.2")
        self.press(line.get_by_role("combobox"))
        self.press(self.page.get_by_title(self.say("全部", "Everybody"), exact=True).last)
        self.press(self.button("发布", "Release", line))

    def opens_a_store(self) -> None:
        self.press(self.button("新建门店", "New store", self.next_row("5.0")))
        form = self.page.get_by_role("dialog")
        self.fill(self.labelled("门店名称", "Name", form), self.say("湖滨店", "Lakeside"))
        self.press(form.locator(".ant-modal-footer button.ant-btn-primary"))
        expect(form).to_have_count(0)

    def takes_a_payment(self) -> str:
        page = self.page
        line = self.next_row("5.1")
        self.press(self.link("去测试收银台收一笔", "Take a payment at the test cashier", line))
        self.press(self.button("启用测试收银台", "Start the test cashier"))
        amount = self.labelled("金额（元）", "Amount (yuan)")
        self.fill(amount, "18.80")
        self.press(self.button("收款 ¥18.80", "Charge ¥18.80"))
        order = page.get_by_role("link", name=re.compile(self.say("^查看订单 D", "^Open order D")))
        expect(order).to_be_visible()
        self.see("hour-06-cashier", self.page)
        self.looked()
        order_no = order.inner_text().split()[-1]
        self.press(order)
        return order_no

    def gives_it_back(self, order_no: str) -> None:
        page = self.page
        panel = page.get_by_role("dialog", name=order_no, exact=True)
        self.press(self.button("退款", "Refund", panel))
        form = page.get_by_role("dialog", name=re.compile(rf" · {order_no}$"))
        self.fill(self.labelled("退款原因", "Reason", form), self.say(*REASON))
        self.see("hour-07-refund", self.page)
        self.press(self.button("确认退款 ¥18.80", "Refund ¥18.80", form))
        asked = page.get_by_role(
            "dialog", name=self.say("请再次输入密码", "Please enter your password again")
        )
        done = form.get_by_text(self.say("已退款 ¥18.80", "¥18.80 refunded"))
        expect(asked.or_(done).first).to_be_visible()
        if asked.is_visible():
            self.confirm()
        expect(done).to_be_visible()
        self.press(form.get_by_role("button", name=self.say("关闭", "Close")).last)
        expect(panel.get_by_text("¥0.00").first).to_be_visible()
        self.see("hour-08-refunded", self.page)
        self.read()

    def is_ready(self) -> None:
        """Whoever has taken a payment reads nowhere that steps are missing: "ready" and 100 % stand
        together in the wizard, and the home page asks for nothing more."""
        page = self.page
        panel = page.get_by_role("dialog")
        self.press(panel.get_by_role("button", name=self.say("关闭", "Close")).first)
        self.menu("开通向导", "Setup wizard")
        ready = self.say("全部就绪，设备可以收款了。", "All set: a device can take payments.")
        expect(page.get_by_text(ready)).to_be_visible()
        expect(page.get_by_text("100%", exact=True)).to_be_visible()
        expect(page.locator("li.steps-row.next")).to_have_count(0)
        self.read()
        self.see("hour-09-ready", self.page)
        self.looked()
        self.menu("首页", "Home")
        with page.expect_response("**/api/merchant/v1/onboarding") as asked:
            page.reload()
        told = asked.value.json()
        assert (told["is_ready"], told["percent"], told["next_row"]) == (True, 100, None)
        expect(page.get_by_role("link", name=self.say("全部订单", "All orders"))).to_be_visible()
        for sentence in (("开通进度", "Setup"), ("继续开通", "Continue the setup")):
            expect(page.get_by_text(self.say(*sentence), exact=True)).to_have_count(0)
        self.read()
        self.looked()
