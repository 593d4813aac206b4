"""A page from elsewhere in a browser of this machine reaches the admin door and changes nothing."""

import json
from typing import Any

import pytest

from tests.unit.sandbox_alipay.merchant import Merchant

CHANGES = [
    ("POST", "faults", {"fault": "http_500"}),
    ("DELETE", "faults", None),
    ("POST", "apps", {}),
    ("POST", "clock", {"scale": 9}),
    ("POST", "platform/timing", {"build_s": 1, "audit_s": 1, "audit": "passed"}),
]
JSON = "application/json"


@pytest.mark.asyncio
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "-".join(change[:2]))
async def test_a_foreign_page_changes_nothing(
    merchant: Merchant, change: tuple[str, str, dict[str, Any] | None]
) -> None:
    """A simple request (text or a form) asks the browser for nothing before it is sent, and what
    it does is done although the page cannot read the answer."""
    verb, path, body = change
    await merchant.admin("POST", "clock", {"scale": 1})
    await merchant.admin("POST", "faults", {"fault": "delay", "app_id": "nobody"})
    before = [await merchant.admin("GET", what) for what in ("clock", "faults", "apps")]
    url, host = f"{merchant.base}/admin/{path}", merchant.base.removeprefix("http://")
    port = host.rpartition(":")[2]
    said = json.dumps(body).encode() if body is not None else None
    foreign = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": f"https://{host}"},
        {"Origin": f"http://{host}.evil.example"},
        {"Origin": f"http://localhost:{port}1"},
        {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": f"http://{host}", "Sec-Fetch-Site": "cross-site"},
    ]
    for kind in ("text/plain", "application/x-www-form-urlencoded", JSON):
        for headers in foreign:
            sent = {**headers, "Content-Type": kind}
            async with merchant.http.request(verb, url, data=said, headers=sent) as answer:
                assert answer.status == 403, sent
                assert (await answer.json())["schema"] == 1
    if body is not None:
        # A browser from before Origin was sent with forms says at least that it is one.
        for headers in ({"Sec-Fetch-Site": "none"}, {"User-Agent": "Mozilla/5.0 (X11)"}):
            sent = {**headers, "Content-Type": "text/plain"}
            async with merchant.http.request(verb, url, data=said, headers=sent) as answer:
                assert answer.status == 415, sent
    assert [await merchant.admin("GET", what) for what in ("clock", "faults", "apps")] == before


@pytest.mark.asyncio
async def test_its_own_page_and_tools_go_on(merchant: Merchant) -> None:
    """The page asks as browsers do; curl, urllib and aiohttp say no origin, and often a type that
    they did not choose."""
    url, port = f"{merchant.base}/admin/clock", merchant.base.rpartition(":")[2]
    own = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0", "Content-Type": JSON}
    for number, headers in enumerate((
        own | {"Origin": f"http://127.0.0.1:{port}"},
        own | {"Origin": f"http://localhost:{port}", "Host": f"LOCALHOST:{port}"},
        {"User-Agent": "curl/8.5.0", "Content-Type": "application/x-www-form-urlencoded"},
        {"User-Agent": "Python-urllib/3.11", "Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain; charset=utf-8"},
    ), 2):  # fmt: skip
        async with merchant.http.post(url, data=b'{"scale":%d}' % number, headers=headers) as found:
            assert (found.status, (await found.json())["scale"]) == (200, number), headers
    # Looking changes nothing, and a link leads here from elsewhere.
    async with merchant.http.get(url, headers={"Sec-Fetch-Site": "cross-site"}) as found:
        assert found.status == 200
