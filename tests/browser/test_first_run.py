"""The first page of a new installation: a real edge and a real binding on a database that nobody
has used, and a person with the setup code (login and first-run of the console)."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.watched import Watched
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.postgres import ServiceDatabase, die_with_parent, free_port, in_thread
from tests.fixtures.processes import ROOT
from tests.fixtures.tokens import ServiceKeys

START_LIMIT_S = 90
AWAY = ("DEVICE", "PAYMENT", "CAMPAIGN", "ORDER")
PASSWORD = "correct horse battery staple"
WORDS = {
    "zh-CN": {
        "title": "初始化平台", "code": "安装码", "login": "账号", "password": "密码",
        "repeat": "再输入一次", "go": "创建并登录", "menu": "主菜单",
        "wrong": "安装码不正确", "over": "平台已有管理员，请直接登录。", "enter": "登录",
    },
    "en": {
        "title": "Set up the platform", "code": "Setup code", "login": "Login",
        "password": "Password", "repeat": "Repeat the new password",
        "go": "Create and sign in", "menu": "Main menu",
        "wrong": "The setup code is not right",
        "over": "The platform already has an administrator; please sign in.", "enter": "Sign in",
    },
}  # fmt: skip


@dataclass
class Fresh:
    """A new installation."""

    public: str
    code_file: Path


def _started(
    module: str, role: str, port: int, settings: dict[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module, role],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{port}", **settings},
        stdout=subprocess.DEVNULL, preexec_fn=die_with_parent,  # noqa: PLW1509
    )  # fmt: skip


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        assert process.poll() is None, "it ended"
        try:
            if httpx.get(url, verify=NO_TLS).status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline
        time.sleep(0.1)


@dataclass
class Place:
    """Where a new installation is: its settings, and the edge in front of it."""

    binding: int
    edge: int
    common: dict[str, str]


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=40)


@pytest.fixture(scope="module")
def place(built: None, service_keys: ServiceKeys, kek_file: Path) -> Iterator[Place]:
    """The edge. No broker, so it keeps nothing in mind for long."""
    edge, binding = free_port(), free_port()
    common = {
        "PUBLIC_URL": f"http://127.0.0.1:{edge}", "KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "SERVICE_TRUST_FILE": str(service_keys.trust_file), "KEK_FILE": str(kek_file),
        **{f"{name}_URL": "http://127.0.0.1:9" for name in AWAY},
        "BINDING_URL": f"http://127.0.0.1:{binding}",
    }  # fmt: skip
    key = str(service_keys.key_file("gateway-edge"))
    process = _started("gateway", "edge", edge, {**common, "SERVICE_KEY_FILE": key})
    try:
        _wait(f"http://127.0.0.1:{edge}/livez", process)
        yield Place(binding, edge, common)
    finally:
        _ended(process)


@pytest.fixture
def fresh(
    place: Place,
    service_db: Callable[[str], ServiceDatabase],
    service_keys: ServiceKeys,
    tmp_path: Path,
) -> Iterator[Fresh]:
    """Binding, as on its first day, and the edge: nothing else is needed to sign in."""
    database = service_db("binding")
    in_thread(lambda: asyncio.run(database.truncate()))
    code_file = tmp_path / "setup-code"
    settings = {
        **place.common, "DATABASE_URL_BINDING": database.app_url,
        "DATABASE_SYSTEM_URL_BINDING": database.system_url, "SETUP_CODE_FILE": str(code_file),
        "SERVICE_KEY_FILE": str(service_keys.key_file("binding")),
    }  # fmt: skip
    process = _started("services.binding", "api", place.binding, settings)
    try:
        _wait(f"http://127.0.0.1:{place.binding}/readyz", process)
        yield Fresh(f"http://127.0.0.1:{place.edge}", code_file)
    finally:
        _ended(process)


def _open(browser: Browser, fresh: Fresh, language: str, width: int, refused: str) -> Watched:
    context = browser.new_context(
        base_url=fresh.public, reduced_motion="reduce", color_scheme="light", timezone_id="UTC",
        locale="zh-CN", viewport={"width": width, "height": 900},
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    return Watched(context, fresh.public, language, (refused,))


def _fill(opened: Watched, words: dict[str, str], code: str) -> None:
    page = opened.page
    page.get_by_label(words["code"], exact=True).fill(code)
    page.get_by_label(words["login"], exact=True).fill("ada@ops")
    page.get_by_label(words["password"], exact=True).fill(PASSWORD)
    page.get_by_label(words["repeat"], exact=True).fill(PASSWORD)
    page.get_by_role("button", name=words["go"], exact=True).click()


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1440), ("en", 390)])
def test_the_first_operator(browser: Browser, fresh: Fresh, language: str, width: int) -> None:
    """From an empty platform to the operator's console with what one file on the machine says; the
    page is good in light and dark, a wrong code is named, a second visitor is sent to sign in."""
    words = WORDS[language]
    opened = _open(browser, fresh, language, width, "binding.setup_code_wrong")
    late = _open(browser, fresh, language, width, "binding.first_run_over")
    for one in (opened, late):
        page = one.go("/")
        expect(page.get_by_role("heading", name=words["title"])).to_be_visible()
    for scheme in ("light", "dark"):
        opened.paint(scheme)
        assert opened.axe(only_colours=scheme == "dark") == []
    assert not opened.is_wider_than_the_window()

    code = fresh.code_file.read_text().strip()
    _fill(opened, words, "x" * 32)
    expect(opened.page.get_by_text(words["wrong"])).to_be_visible()
    assert opened.axe() == []
    assert code not in opened.page.content()
    _fill(opened, words, code)
    if width > 600:
        opened.page.get_by_role("navigation", name=words["menu"]).wait_for()
    opened.page.wait_for_url("**/merchants")
    assert not fresh.code_file.exists()

    _fill(late, words, code)
    expect(late.page.get_by_text(words["over"])).to_be_visible()
    expect(late.page.get_by_role("button", name=words["enter"], exact=True)).to_be_visible()
    assert late.axe() == []
    for one in (opened, late):
        faults = one.faults()
        one.page.context.close()
        assert not faults


def test_a_platform_with_an_operator_says_so(window: Callable[..., Watched]) -> None:
    """With the local stack there is one from the start."""
    for language, words in WORDS.items():
        opened = window(language=language)
        page = opened.go("/first-run")
        expect(page.get_by_text(words["over"])).to_be_visible()
        expect(page.get_by_role("button", name=words["enter"], exact=True)).to_be_visible()
        assert opened.axe() == []
