"""The sandbox as a part of the product: the console leads to it, it gives an app to bind with one
click or by hand, and it speaks both languages; all by what the pages say."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.conftest import LAN_NAME, Open, context_of
from tests.browser.people import Account, entered, new_merchant
from tests.browser.walk import LANGUAGES, Walk, confirm_password
from tests.browser.watched import LEVELS
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.processes import Stack


def axe(page: Page) -> list[str]:
    """WCAG 2.2 A and AA, on the sandbox's page, which is another site than the console."""
    page.evaluate(chromium.axe())
    asked = {"runOnly": LEVELS, "resultTypes": ["violations"]}
    found = page.evaluate("(asked) => axe.run(asked)", asked)
    return [
        f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]
    ]


def newcomer(window: Open, stack: Stack, language: str) -> tuple[Walk, Account]:
    account = new_merchant(stack, f"沙箱 {language}")
    state = entered(stack, account.login, account.password)
    walk = Walk(window(state, language=language).page, stack, account, language)
    return walk, account


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_app_with_one_click(window: Open, stack: Stack, language: str) -> None:
    """Without having generated a pair, and without a word typed: then it is saved and live."""
    walk, account = newcomer(window, stack, language)
    page = walk.page
    page.goto("/miniprogram")
    walk.press("给我一个沙箱应用", "Give me a sandbox app")
    title = walk.say("请再次输入密码", "Please enter your password again")
    confirm_password(page, account.password, title)
    app_id = page.get_by_label(walk.say("小程序 AppID", "Mini-program AppID"))
    expect(app_id).to_have_value(re.compile(r"^2021\d{12}$"))
    doctor = page.get_by_role("region", name=walk.say("密钥医生", "Key doctor"))
    expect(doctor.get_by_text(walk.say("可以保存", "Ready to save"))).to_be_visible()
    walk.press("保存绑定", "Save the binding")
    expect(page.get_by_text(walk.say("绑定已保存", "Binding saved"))).to_be_visible()
    walk.press("联机检测", "Live check")
    ring = page.get_by_role("region", name=walk.say("现用密钥", "Key in use"))
    expect(ring.locator("li.ok")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_banner_to_an_app_by_hand(
    window: Open, browser: Browser, stack: Stack, language: str
) -> None:
    """The banner's link leads to the sandbox's own page; there a public key is given, and three
    values come back. Then again what is no key."""
    walk, account = newcomer(window, stack, language)
    walk.page.goto("/miniprogram")
    walk.press("生成 2048 位密钥对", "Generate a 2048-bit pair")
    title = walk.say("请再次输入密码", "Please enter your password again")
    confirm_password(walk.page, account.password, title)
    name = walk.say("应用公钥（上传给支付宝）", "Application public key (for Alipay)")
    public = walk.page.get_by_role("region", name=name, exact=True).inner_text().strip()
    walk.page.get_by_text(walk.say("如何获取密钥？", "How do I get the keys?")).click()
    assert axe(walk.page) == []
    banner = walk.page.locator("output.ribbon").get_by_role("link")
    address = str(banner.get_attribute("href"))
    context = context_of(
        browser, stack, permissions=["clipboard-read", "clipboard-write"], locale=language
    )
    page = context.new_page()
    try:
        page.goto(address)
        page.get_by_role("tab", name=walk.say("开放平台", "Open platform")).click()
        key = page.get_by_label(
            re.compile(walk.say("应用公钥（由", "Application public key \\(made"))
        )
        give = page.get_by_role("button", name=walk.say("新建应用", "New app"))
        key.fill("hello")
        give.click()
        told = walk.say("这不是 RSA 公钥", "This is no RSA public key")
        expect(page.get_by_role("alert").get_by_text(told)).to_be_visible()
        assert axe(page) == []
        key.fill(public)
        give.click()
        answer = page.locator(".answer")
        expect(answer).to_be_visible()
        values = answer.locator("code").all_inner_texts()
        assert re.fullmatch(r"2021\d{12}", values[0])
        assert re.fullmatch(r"2088\d{12}", values[1])
        assert axe(page) == []
        copy = walk.say("复制 支付宝公钥", "Copy Alipay public key")
        answer.get_by_role("button", name=copy).click()
        assert page.evaluate("navigator.clipboard.readText()") == values[2]
    finally:
        context.close()


def test_switches_in_chinese(browser: Browser, stack: Stack) -> None:
    context = context_of(browser, stack, viewport={"width": 390, "height": 844}, locale="zh-CN")
    page = context.new_page()
    try:
        page.goto(f"{stack.info['sandbox']['alipay']['page']}#switches")
        choice = page.locator("select[name=fault]")
        choice.select_option("drop_answer")
        expect(choice.locator("option:checked")).to_have_text("答复丢失 drop_answer")
        expect(page.get_by_text("事情全部办完，但不回答就断开")).to_be_visible()
        assert axe(page) == []
    finally:
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_wizards_ways_to_alipay_lead_to_the_sandbox(
    window: Open, stack: Stack, language: str
) -> None:
    walk, _ = newcomer(window, stack, language)
    walk.page.goto("/onboarding")
    walk.page.locator("h1").first.wait_for()
    go = walk.page.get_by_role("link", name=walk.say("前往沙箱支付宝", "Go to the sandbox Alipay"))
    go.first.wait_for()
    page = stack.info["sandbox"]["alipay"]["page"]
    assert all(str(link.get_attribute("href")).startswith(page) for link in go.all())
    assert walk.page.locator("a[href*='alipay.com']").count() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_own_app_is_marked_among_all(browser: Browser, stack: Stack, language: str) -> None:
    """Where the wizard's link leads: the first card is that app, says so, and says when a review
    ends by itself; the devices that are shipped are that app's."""
    known = httpx.get(f"{stack.admin}/platform/apps", timeout=30, verify=NO_TLS).json()
    app_id = known["apps"][0]["app_id"]
    context = context_of(browser, stack, locale=language)
    page = context.new_page()
    try:
        page.goto(f"{stack.info['sandbox']['alipay']['page']}#platform/{app_id}")
        marked = page.locator("section.card", has_text=app_id)
        mine = "您的应用" if language == "zh-CN" else "Your app"
        expect(marked.get_by_text(mine, exact=True)).to_be_visible()
        expect(page.get_by_text(mine, exact=True)).to_have_count(1)
        expect(page.locator("section.card").first).to_contain_text(app_id)
        assert axe(page) == []
        page.get_by_role("tab", name="设备" if language == "zh-CN" else "Devices").click()
        expect(page.locator("select")).to_have_value(app_id)
    finally:
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_http_under_a_name_of_the_network(browser: Browser, stack: Stack, language: str) -> None:
    """A browser keeps no sign-in there: it is said before a password is typed, with a way on."""
    context = browser.new_context(locale=language)
    try:
        context.add_init_script(f"localStorage.setItem('damselfly.language', '{language}')")
        page = context.new_page()
        page.goto(f"http://{LAN_NAME}:{stack.port}/")
        title = "请换一个地址打开" if language == "zh-CN" else "Please open another address"
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator("input[type=password]")).to_have_count(0)
        assert axe(page) == []
        page.get_by_role("link", name=f"127.0.0.1:{stack.port}").click()
        expect(page.locator("input[type=password]")).to_be_visible()
    finally:
        context.close()
