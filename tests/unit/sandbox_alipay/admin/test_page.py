"""The sandbox's own page: it stands alone, and its script has a word for everything it says."""

import re

import pytest

from tests.unit.sandbox_alipay.conftest import ROOT
from tests.unit.sandbox_alipay.merchant import Merchant, new_no

pytestmark = pytest.mark.asyncio

FOLDER = ROOT / "deploy" / "sandbox" / "alipay" / "admin" / "pagefiles"
SWITCH = re.compile(r"  (\w+): \[('.+', '.+)'\],$")
FILES = {
    "/": "text/html",
    "/admin/page": "text/html",
    "/page.css": "text/css",
    "/page.js": "text/javascript",
    "/page-words.js": "text/javascript",
    "/page-faults.js": "text/javascript",
    "/page-keys.js": "text/javascript",
    "/page.svg": "image/svg+xml",
}


@pytest.mark.parametrize(("path", "kind"), FILES.items())
async def test_files_and_their_policy(merchant: Merchant, path: str, kind: str) -> None:
    async with merchant.http.get(merchant.base + path) as answer:
        assert (answer.status, answer.content_type) == (200, kind)
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"<script(?![^>]*src=)|<style|\son[a-z]+=|\sstyle=", text) is None
    addresses = set(re.findall(r"https?://[^\s\"'<>`)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    async with merchant.http.post(merchant.base + path) as answer:
        assert answer.status in {404, 405}


async def test_both_languages_say_the_same_things() -> None:
    """Every word that the page asks for is there twice."""
    halves = (FOLDER / "page-words.js").read_text().split("\n  en: {")
    assert len(halves) == 2
    chinese, english = (set(re.findall(r"(\w+): ['\"]", half)) for half in halves)
    assert chinese == english
    names = ("page.js", "page-keys.js", "index.html")
    script = "".join((FOLDER / name).read_text() for name in names)
    asked = set(re.findall(r"\bw\('(\w+)'\)|data-word=\"(\w+)\"|empty\('(\w+)'", script))
    assert {next(filter(None, found)) for found in asked} <= chinese


async def test_every_switch_has_a_chinese_name_and_help(merchant: Merchant) -> None:
    kinds = {one["fault"] for one in (await merchant.admin("GET", "faults/kinds"))["kinds"]}
    lines = (FOLDER / "page-faults.js").read_text().splitlines()
    told = dict(found.groups() for line in lines if (found := SWITCH.match(line)))
    assert told.keys() == kinds
    assert all(re.search("[\u4e00-\u9fff]", text) for text in told.values())


async def test_the_newest_trades(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no)
    found = await merchant.admin("GET", "platform/trades")
    assert found["trades"][0]["out_trade_no"] == no
    assert found["total"] >= 1
