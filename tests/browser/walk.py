"""A new merchant's way through the setup wizard, on the pages alone: from the first sign-in to a
device that could take a payment. What happens at Alipay (upload, sign-up, review) is done at the
sandbox, and the device is a caller of its own door."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Account
from tests.browser.told import REVIEW, RUNS, SAYS
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.processes import Stack

LANGUAGES = ("zh-CN", "en")


def choose_password(page: Page, address: str, password: str) -> None:
    """As the person does it whom a one-time link was handed to; then they are signed in."""
    page.goto(address)
    page.get_by_label("新密码", exact=True).fill(password)
    page.get_by_label("再输入一次", exact=True).fill(password)
    page.get_by_role("button", name="保存并登录").click()
    page.get_by_role("navigation", name="主菜单").wait_for()


def told_link(form: Locator) -> str:
    """The one-time link that the dialog shows, once."""
    expect(form.get_by_text("只显示一次，只能用一次")).to_be_visible()
    address = form.locator("dd .mono", has_text="/password#").inner_text()
    form.locator(".ant-modal-footer").get_by_role("button", name="我已保存").click()
    return address


def confirm_password(page: Page, password: str, title: str = "请再次输入密码") -> None:
    """Keys, roles and the like are only touched by somebody who has just shown the password."""
    asked = page.get_by_role("dialog", name=title)
    asked.locator("input[type=password]").fill(password)
    asked.locator("button.ant-btn-primary").click()
    expect(asked).to_have_count(0)


def _nothing(_: str) -> None:
    """Nobody looks."""


@dataclass
class Walk:
    """`see` is called with the name of each thing worth a look."""

    page: Page
    stack: Stack
    account: Account
    language: str
    see: Callable[[str], None] = _nothing
    app: dict[str, Any] = field(default_factory=dict)
    has_face_pay: bool = True
    """whether the account at Alipay has face-to-face pay when its keys are bound"""

    def say(self, chinese: str, english: str) -> str:
        return chinese if self.language == "zh-CN" else english

    def press(self, chinese: str, english: str, within: Locator | None = None) -> None:
        place, name = within or self.page, self.say(chinese, english)
        # What leads elsewhere looks like a button and is a link.
        button = place.get_by_role("button", name=name, exact=True)
        button.or_(place.get_by_role("link", name=name, exact=True)).click()

    def alipay(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The other side: what a person does on Alipay's own pages, or Alipay itself does."""
        answer = httpx.post(
            f"{self.stack.admin}{path}", json=body, timeout=30, verify=NO_TLS
        ).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    # --- the way

    def to_ready(self) -> None:
        self.has_face_pay = False
        self.sign_in()
        self.open_wizard()
        self.mark("1.1", "企业账号已登录")
        self.bind()
        self.face_to_face()
        self.mark("1.3", "多端发布支持中已开通")
        self.by_hand()
        self.run("3.3")
        self.review()
        self.release()
        self.store()
        self.device()

    def sign_in(self) -> None:
        self.page.goto("/")
        self.page.get_by_text(self.say("商户", "Merchant"), exact=True).click()
        self.page.get_by_label(self.say("账号", "Login")).fill(self.account.login)
        self.page.get_by_label(self.say("密码", "Password")).fill(self.account.password)
        self.press("登录", "Sign in")
        self.page.get_by_role("navigation", name=self.say("主菜单", "Main menu")).wait_for()

    def open_wizard(self) -> None:
        """The home page says that something is to be set up, and leads there."""
        self.press("继续开通", "Continue the setup")
        self.page.wait_for_url(re.compile("/onboarding"))
        self.next_is("1.1")
        self.see("wizard-1-start")

    def next_is(self, row: str) -> Locator:
        """The wizard itself names this row as the next and leads to it."""
        shown = self.page.locator(f'li.steps-row.next[data-row="{row}"]')
        leads = self.page.get_by_role("button", name=self.say("去下一步", "Go to the next step"))
        expect(shown.or_(leads).first).to_be_visible()
        if leads.is_visible():
            leads.click()
        title = shown.locator("h3").inner_text()
        told = f"{self.say('下一步：', 'Next: ')}{title}"
        expect(self.page.get_by_text(told, exact=True)).to_be_visible()
        self._tells(row, shown)
        return shown

    def _tells(self, row: str, shown: Locator) -> None:
        for words in SAYS.get(row, ((), ()))[LANGUAGES.index(self.language)]:
            expect(shown).to_contain_text(words)

    def row(self, row: str) -> Locator:
        return self.page.locator(f'li.steps-row[data-row="{row}"]')

    def state(self, row: str, chinese: str, english: str) -> None:
        expect(self.row(row).locator("header .tag")).to_have_text(self.say(chinese, english))

    def unfold(self, row: str) -> Locator:
        """Shows what a row tells whose turn it is not."""
        line = self.row(row)
        line.get_by_role("button", name=re.compile(self.say("^展开：", "^Show: "))).click()
        self._tells(row, line)
        return line

    def mark(self, row: str, note: str = "") -> None:
        line = self.next_is(row)
        if note:
            line.get_by_label(
                self.say("备注（选填）：谁在何时做了什么", "Note (optional): who did what, when")
            ).fill(note)
        self.press("标记为已完成", "Mark as done", line)
        self._over(row)

    def run(self, row: str) -> None:
        line = self.next_is(row)
        self.see(f"wizard-{row[0]}-{row[2]}")
        self.press(*RUNS[row], line)
        self._over(row)

    def _over(self, row: str) -> None:
        expect(self.page.locator(f'li.steps-row.next[data-row="{row}"]')).to_have_count(0)

    def bind(self) -> None:
        """The pair is made here, its public half carried to Alipay, and Alipay's brought back; at
        first the merchant pastes the wrong one of the two."""
        page = self.page
        self.press("去绑定密钥", "Bind the keys here", self.next_is("1.2"))
        self.press("生成 2048 位密钥对", "Generate a 2048-bit pair")
        confirm_password(
            page,
            self.account.password,
            self.say("请再次输入密码", "Please enter your password again"),
        )
        box = page.get_by_role(
            "region",
            name=self.say("应用公钥（上传给支付宝）", "Application public key (for Alipay)"),
            exact=True,
        )
        public = box.inner_text().strip()
        self.see("iot-generated")
        # To Alipay and back: the page was left, and the pair that waits is still there.
        page.reload()
        expect(box).to_have_text(public)
        self.app = self.alipay("/apps", {"public_key": public, "mode": "key"})
        switches = {"facetoface": self.has_face_pay}
        self.alipay(f"/platform/apps/{self.app['app_id']}", switches)
        page.get_by_label(self.say("小程序 AppID", "Mini-program AppID")).fill(self.app["app_id"])
        page.get_by_label(self.say("收款账户 PID", "Receiving account (PID)")).fill(
            self.app["seller_id"]
        )
        pasted = page.get_by_label(self.say("支付宝公钥", "Alipay public key"), exact=True)
        save = page.get_by_role("button", name=self.say("保存绑定", "Save the binding"))
        doctor = page.get_by_role("region", name=self.say("密钥医生", "Key doctor"))
        pasted.fill(public)
        pasted.blur()
        expect(
            doctor.get_by_text(
                self.say("填入的是应用公钥", "This is the application public key")
            ).first
        ).to_be_visible()
        expect(save).to_be_disabled()
        doctor.scroll_into_view_if_needed()
        self.see("key-doctor")
        pasted.fill(self.app["alipay_public_key"])
        pasted.blur()
        expect(doctor.get_by_text(self.say("可以保存", "Ready to save"))).to_be_visible()
        save.click()
        expect(page.get_by_text(self.say("绑定已保存", "Binding saved"))).to_be_visible()
        self.press("联机检测", "Live check")
        ring = page.get_by_role("region", name=self.say("现用密钥", "Key in use"))
        expect(ring.locator("li.ok")).to_be_visible()
        expect(ring.locator("li.error")).to_have_count(0)
        self.see("iot-config")
        self.press("回到开通向导", "Back to the setup wizard")

    def face_to_face(self) -> None:
        """Not signed up: that is said by itself, with what to do, and holds nobody up; then Alipay
        has it, and that is seen by itself as well, and at once by whoever comes back. The one act
        of binding settled its three rows, and what waited for it was done without a click."""
        missing = self.page.get_by_role("alert").filter(
            has_text=self.say("尚未开通当面付", "has no face-to-face pay")
        )
        expect(missing).to_be_visible()
        self.next_is("1.3")
        self.state("2.1", "已完成", "Done")
        self.unfold("2.1")
        self.see("wizard-2-1")
        self.press("去处理", "Fix it", missing)
        self.state("0.1", "未通过", "Failed")
        self._tells("0.1", self.row("0.1"))
        self.see("wizard-0-missing")
        switches = {"facetoface": True, "iot_enabled": True}
        self.alipay(f"/platform/apps/{self.app['app_id']}", switches)
        if self.language != LANGUAGES[0]:
            # The first waits for it, the other comes back for it.
            self.page.reload()
        self.state("0.1", "已完成", "Done")
        self.page.locator('section[data-card="keys"] h2 button').click()
        for row in ("1.2", "2.2", "2.3"):
            self.state(row, "已完成", "Done")

    def by_hand(self) -> None:
        """What only somebody needs who uploads with Alipay's own tool stands aside, and is told."""
        self.next_is("3.3")
        self.page.get_by_text(
            self.say(
                "用支付宝开发者工具自己上传", "Upload it yourself with Alipay’s developer tool"
            )
        ).click()
        for row in ("2.4", "3.1", "3.2"):
            self.unfold(row)

    def review(self) -> None:
        """Half typed and left: it is kept. Then submitted, once."""
        line = self.next_is("4.1")
        first, *others = REVIEW.items()
        line.get_by_label(self.say(first[0], first[1][0])).fill(first[1][1])
        expect(
            line.get_by_text(self.say("已自动保存", "Saved automatically"), exact=True)
        ).to_be_visible()
        self.page.reload()
        line = self.next_is("4.1")
        expect(line.get_by_label(self.say(first[0], first[1][0]))).to_have_value(first[1][1])
        for chinese, (english, text) in others:
            line.get_by_label(self.say(chinese, english)).fill(text)
        self.see("wizard-4-review")
        self.press(*RUNS["4.1"], line)
        self.state("4.1", "进行中", "Running")
        self.until_submitted()
        passed = {"app_id": self.app["app_id"], "app_version": "1.0.0", "result": "passed"}
        self.alipay("/platform/reviews", passed)
        self.state("4.1", "已完成", "Done")

    def until_submitted(self) -> None:
        """The row runs from the click on; Alipay has it a moment later."""
        for _ in range(300):
            answer = httpx.get(f"{self.stack.admin}/platform/reviews", timeout=30, verify=NO_TLS)
            if any(one["app_id"] == self.app["app_id"] for one in answer.json()["reviews"]):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError("nothing was submitted")

    def release(self) -> None:
        """First to a tenth, which is shown as a tenth; then to everybody."""
        line = self.next_is("4.2")
        self.choose(line, self.say("灰度 10%", "10 %"))
        self.press(*RUNS["4.2"], line)
        line = self.row("4.2")
        expect(
            line.get_by_text(self.say("已发布给 10% 的设备", "Released to 10 % of the devices"))
        ).to_be_visible()
        self.choose(line, self.say("全部", "Everybody"))
        self.see("wizard-4-release")
        self.press(*RUNS["4.2"], line)
        self._over("4.2")

    def store(self) -> None:
        line = self.next_is("5.0")
        self.press("新建门店", "New store", line)
        asked = self.page.get_by_role("dialog")
        asked.get_by_label(self.say("门店名称", "Name")).fill(f"总店 {self.account.login}")
        asked.locator(".ant-modal-footer button.ant-btn-primary").click()
        self._over("5.0")

    def device(self) -> None:
        """Pushed to a device, which signs in with the store's code: only then it is ready."""
        self.not_ready()
        sn = f"QCF4{secrets.token_hex(5).upper()}"
        self.alipay("/platform/devices", {"app_id": self.app["app_id"], "sn": sn})
        line = self.next_is("5.1")
        line.get_by_label(self.say("设备编号，每行一个", "Device numbers, one a line")).fill(sn)
        self.press(*RUNS["5.1"], line)
        self._over("5.1")
        self.press("去设备页生成激活码", "Make a code on the devices page", self.next_is("5.2"))
        code = self.code()
        body = {"code": code, "sn": sn}
        httpx.post(
            f"{self.stack.public}/api/device/v1/enrol", json=body, timeout=30, verify=NO_TLS
        ).raise_for_status()
        self.page.goto("/onboarding")
        ready = self.say("全部就绪，设备可以收款了。", "All set: a device can take payments.")
        expect(self.page.get_by_text(ready)).to_be_visible()
        expect(self.page.get_by_text("100%")).to_be_visible()
        self.see("wizard-5-ready")

    def code(self) -> str:
        """An activation code for the only store, from the dialog that the wizard's link opens."""
        name = self.say("生成激活码", "New enrolment code")
        asked = self.page.get_by_role("dialog", name=name)
        asked.locator("button.ant-btn-primary").click()
        asked = self.page.get_by_role(
            "dialog", name=self.say("激活码已生成", "Enrolment code made")
        )
        return asked.locator(".figure.mono").inner_text().strip()

    def not_ready(self) -> None:
        """100 % and "ready" are said together, and not yet."""
        ready = self.say("全部就绪", "All set")
        expect(self.page.get_by_text(ready)).to_have_count(0)
        expect(self.page.get_by_text("100%")).to_have_count(0)

    def choose(self, line: Locator, share: str) -> None:
        line.get_by_role("combobox").click()
        self.page.get_by_title(share, exact=True).last.click()
