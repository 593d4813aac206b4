"""A new merchant's way through the setup wizard, on the pages alone: from the first sign-in to
"ready for a device". What happens at Alipay (upload, sign-up, review) is done at the sandbox."""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.fixtures.plain_http import NO_TLS, own_address
from tests.fixtures.processes import Stack

LANGUAGES = ("zh-CN", "en")
REVIEW = {
    "英文名称": ("English name", "Tea house"),
    "小程序简介": ("Short introduction", "刷脸付款，一步到位，省心省力"),
    "小程序描述": (
        "Description",
        "在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
    ),
    "客服电话": ("Service phone", "4000000000"),
    "版本描述": (
        "What is new",
        "首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
    ),
}


SAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "0.1": (
        ("同一个支付宝账号", "已开通则无需操作", "营业执照照片", "每日收款有限额", "门头照 1 张",
         "店铺地址", "联系人姓名、邮箱和手机"),
        ("with the same Alipay account", "there is nothing to do", "business licence",
         "A daily limit applies", "one photo of the shop sign", "the address",
         "a contact with e-mail and mobile"),
    ),
    "1.1": (
        ("必须是企业账号", "开发者中心 > 小程序", "收款始终进入该账号", "只决定返佣归谁"),
        ("must be an enterprise account", "developer centre > mini programs",
         "always lands in this account", "only decides who gets Alipay's rebate"),
    ),
    "1.3": (("多端发布支持",), ("multi-end release",)),
    "2.1": (("服务器域名白名单",), ("server domain whitelist",)),
    "2.4": (
        ("解压到一个新文件夹", "没有普通小程序代码包也可以刷脸支付", "优惠券和积分照常使用",
         "只是没有手机端商城"),
        ("unpack it into a new folder", "Face pay works without a package",
         "coupons and points stay usable", "only the shop on the phone is missing"),
    ),
    "3.1": (("Windows 或 Mac",), ("Windows or Mac",)),
    "3.2": (
        ("支付宝 IoT > 小程序", "支付宝扫码登录", "取消勾选", "成员管理"),
        ("Alipay IoT > mini program", "scanning", "un-tick both", "under members"),
    ),
}  # fmt: skip
"""what each row tells, by language: the sentences that the manual needs pages for"""


@dataclass(frozen=True)
class Account:
    """Who signs in, and what they are called."""

    login: str
    password: str
    merchant: str


@contextmanager
def operating(stack: Stack, login: str, password: str) -> Iterator[httpx.Client]:
    """An operator who has signed in and just entered the password again, over the API."""
    transport = httpx.HTTPTransport(local_address=own_address())
    base = f"{stack.public}/api/operator/v1"
    with httpx.Client(base_url=base, timeout=30, transport=transport) as client:
        for path, given in (
            ("/session", {"login": login, "password": password}),
            ("/session/step-up", {"password": password}),
        ):
            answer = client.post(path, json=given).raise_for_status()
            # The cookie is Secure and this is plain http on loopback: the jar would keep it back.
            client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
            client.cookies.clear()
            if token := answer.json().get("csrf_token"):
                client.headers["X-CSRF-Token"] = token
        yield client


def chosen(stack: Stack, client: httpx.Client, link: dict[str, str], password: str) -> None:
    """The password is chosen with a one-time link, by whoever it was handed to."""
    body = {"token": link["token"], "password": password}
    client.post(f"{stack.public}/api/public/v1/password", json=body).raise_for_status()


def new_merchant(stack: Stack, name: str) -> Account:
    """The operator makes it, over the API."""
    account = Account(f"new-{secrets.token_hex(4)}", secrets.token_urlsafe(18), name)
    operator = stack.info["demo"]["operator"]
    with operating(stack, operator["login"], operator["password"]) as client:
        made = client.post("/merchants", json={"name": name, "login": account.login})
        chosen(stack, client, made.raise_for_status().json()["link"], account.password)
    return account


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
    form.locator(".ant-modal-footer").get_by_role("button", name="关闭").click()
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

    def say(self, chinese: str, english: str) -> str:
        return chinese if self.language == "zh-CN" else english

    def press(self, chinese: str, english: str, within: Locator | None = None) -> None:
        place: Any = within or self.page
        place.get_by_role("button", name=self.say(chinese, english), exact=True).click()

    def alipay(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The other side: what a person does on Alipay's own pages, or Alipay itself does."""
        answer = httpx.post(
            f"{self.stack.admin}{path}", json=body, timeout=30, verify=NO_TLS
        ).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    # --- the way

    def to_ready(self) -> None:
        self.sign_in()
        self.open_wizard()
        self.mark("1.1", "企业账号已登录")
        self.bind()
        self.mark("1.3", "多端发布支持中已开通")
        self.check("2.2")
        self.check("2.3")
        self.face_to_face()
        self.run("2.1")
        for row in ("2.4", "3.1", "3.2"):
            self.mark(row)
        self.run("3.3")
        self.review()
        self.release()

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
        told = self.page.get_by_text(re.compile(rf"^{self.say('下一步：', 'Next: ')}{row} "))
        expect(told).to_be_visible()
        shown = self.page.locator("li.steps-row.next")
        if not shown.is_visible():
            self.page.get_by_role(
                "button", name=self.say("去下一步", "Go to the next step")
            ).first.click()
        expect(shown.locator(".no")).to_have_text(row)
        for words in SAYS.get(row, ((), ()))[LANGUAGES.index(self.language)]:
            expect(shown).to_contain_text(words)
        return shown

    def row(self, row: str) -> Locator:
        return self.page.locator("li.steps-row").filter(has=self.page.get_by_text(row, exact=True))

    def mark(self, row: str, note: str = "") -> None:
        line = self.next_is(row)
        if note:
            line.get_by_label(
                self.say("备注（谁在何时做了什么）", "Note: who did what, when")
            ).fill(note)
        self.press("标记为已完成", "Mark as done", line)
        expect(self.page.get_by_text(self._next_words(row))).to_have_count(0)

    def check(self, row: str) -> None:
        self.press("立即检查", "Check now", self.next_is(row))
        expect(self.page.get_by_text(self._next_words(row))).to_have_count(0)

    def run(self, row: str) -> None:
        line = self.next_is(row)
        self.see(f"wizard-{row[0]}-{row[2]}")
        self.press("替我完成", "Do it for me", line)
        expect(self.page.get_by_text(self._next_words(row))).to_have_count(0)

    def _next_words(self, row: str) -> re.Pattern[str]:
        return re.compile(rf"^{self.say('下一步：', 'Next: ')}{row} ")

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
        self.app = self.alipay("/apps", {"public_key": public, "mode": "key"})
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
        """Not signed up: the check says so and what to do; then Alipay has it."""
        switches = f"/platform/apps/{self.app['app_id']}"
        self.alipay(switches, {"facetoface": False})
        line = self.next_is("0.1")
        self.press("立即检查", "Check now", line)
        expect(
            self.row("0.1").get_by_text(self.say("尚未开通当面付", "has no face-to-face pay"))
        ).to_be_visible()
        self.see("wizard-0-missing")
        self.alipay(switches, {"facetoface": True, "iot_enabled": True})
        self.check("0.1")

    def review(self) -> None:
        line = self.next_is("4.1")
        for chinese, (english, text) in REVIEW.items():
            line.get_by_label(self.say(chinese, english)).fill(text)
        self.see("wizard-4-review")
        self.press("替我完成", "Do it for me", line)
        expect(self.row("4.1").get_by_text(self.say("进行中", "Running"))).to_be_visible()
        passed = {"app_id": self.app["app_id"], "app_version": "1.0.0", "result": "passed"}
        self.alipay("/platform/reviews", passed)

    def release(self) -> None:
        """First to a tenth, then to everybody."""
        line = self.next_is("4.2")
        self.choose(line, self.say("灰度 10%", "10 %"))
        self.press("替我完成", "Do it for me", line)
        line = self.row("4.2")
        expect(line.get_by_text("GRAY", exact=True)).to_be_attached()
        self.choose(line, self.say("全部", "Everybody"))
        self.see("wizard-4-release")
        self.press("替我完成", "Do it for me", line)
        ready = self.say("全部就绪，设备可以收款了。", "All set: a device can take payments.")
        expect(self.page.get_by_text(ready)).to_be_visible()
        self.see("wizard-5-ready")

    def choose(self, line: Locator, share: str) -> None:
        line.get_by_role("combobox").click()
        self.page.get_by_title(share, exact=True).last.click()
