"""The door: how requests may arrive, in which order they are checked, how answers look."""

import asyncio
import io
import json
from urllib.parse import quote, urlencode

import pytest

from tests.unit.sandbox_alipay.merchant import (
    Merchant,
    bar_code,
    content_of,
    cut,
    is_signed,
    new_no,
    sign_with,
)

pytestmark = pytest.mark.asyncio

QUERY = "alipay.trade.query"
QUERY_ROOT = "alipay_trade_query_response"


async def test_get_with_everything_in_the_query(merchant: Merchant) -> None:
    params = merchant.signed(QUERY, {"out_trade_no": new_no()})
    async with merchant.http.get(f"{merchant.base}/gateway.do", params=params) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html;charset=utf-8"
        assert answer.headers["trace_id"]
        node = merchant.read(QUERY, await answer.read())
    assert (node["code"], node["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")


async def test_post_with_everything_in_the_form(merchant: Merchant) -> None:
    params = merchant.signed(QUERY, {"out_trade_no": new_no()}, alipay_sdk="x-1", zz="+ & = % é")
    url = f"{merchant.base}/gateway.do"
    async with merchant.http.post(url, data=params) as answer:
        assert merchant.read(QUERY, await answer.read())["code"] == "40004"


async def test_multipart(merchant: Merchant) -> None:
    import aiohttp

    form = aiohttp.FormData(default_to_multipart=True)
    params = merchant.signed(QUERY, {"out_trade_no": new_no(), "note": "测试"})
    for name, value in params.items():
        form.add_field(name, value)
    async with merchant.http.post(f"{merchant.base}/gateway.do", data=form) as answer:
        assert merchant.read(QUERY, await answer.read())["code"] == "40004"


async def test_absolute_form_target(merchant: Merchant) -> None:
    """The official Python SDK always sends one."""
    host, _, port = merchant.base.removeprefix("http://").partition(":")
    query = urlencode(merchant.signed(QUERY, {"out_trade_no": new_no()}))
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET {merchant.base}/gateway.do?{query} HTTP/1.1\r\nHost: {host}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert merchant.read(QUERY, body)["code"] == "40004"


async def test_absolute_form_target_with_a_form(merchant: Merchant) -> None:
    host, _, port = merchant.base.removeprefix("http://").partition(":")
    params = merchant.signed(QUERY, {"out_trade_no": new_no()})
    biz = urlencode({"biz_content": params.pop("biz_content")})
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST http://sandbox.example/gateway.do?{urlencode(params)} HTTP/1.1\r\n"
        f"Host: sandbox.example\r\nContent-Length: {len(biz)}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded;charset=utf-8\r\n\r\n{biz}".encode()
    )
    raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert merchant.read(QUERY, raw.partition(b"\r\n\r\n")[2])["code"] == "40004"


async def test_long_requests(merchant: Merchant) -> None:
    """Everything in the query, as fzlee's library does it; and a body with a picture in it."""
    params = merchant.signed(QUERY, {"out_trade_no": new_no(), "note": "x" * 20_000})
    async with merchant.http.get(f"{merchant.base}/gateway.do", params=params) as answer:
        assert merchant.read(QUERY, await answer.read())["code"] == "40004"
    params = merchant.signed(QUERY, {"out_trade_no": new_no(), "note": "x" * 3_000_000})
    form = io.BytesIO(urlencode(params).encode())
    async with merchant.http.post(f"{merchant.base}/gateway.do", data=form) as answer:
        assert merchant.read(QUERY, await answer.read())["code"] == "40004"


async def test_plus_percent_and_blanks(merchant: Merchant) -> None:
    """`+` is a space, %2B a plus, and nothing is trimmed."""
    biz = {"out_trade_no": new_no()}
    params = merchant.signed(QUERY, biz, zz=" a b+c ", yy="%2B", xx="\t\u3000")
    form = urlencode(params)
    assert "zz=+a+b%2Bc+" in form
    for text in (form, form.replace("+", "%20")):
        url = f"{merchant.base}/gateway.do"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with merchant.http.post(url, data=text, headers=headers) as answer:
            assert merchant.read(QUERY, await answer.read())["code"] == "40004"
    (entry, _) = (await merchant.admin("GET", f"requests?app_id={merchant.app_id}"))["requests"]
    assert [entry["fields"][name] for name in ("zz", "yy", "xx")] == [" a b+c ", "%2B", "\t\u3000"]
    assert entry["content_rule"] == "skip_empty"


@pytest.mark.parametrize(
    "changes", [{"format": "json"}, {"format": ""}, {"format": None}, {"charset": None}]
)
async def test_what_may_be_missing(merchant: Merchant, changes: dict[str, str | None]) -> None:
    params = merchant.signed(QUERY, {"out_trade_no": new_no()})
    del params["sign"]
    params = {k: v for k, v in {**params, **changes}.items() if v is not None}
    params["sign"] = sign_with(merchant.key, content_of(params).encode())
    _, body = await merchant.post(params)
    assert merchant.read(QUERY, body)["code"] == "40004"


async def test_the_same_name_in_query_and_form(merchant: Merchant) -> None:
    """gopay sends charset twice: one value is one parameter, two values are an attack."""
    params = merchant.signed(QUERY, {"out_trade_no": new_no()})
    for charset, code in (("utf-8", "40004"), ("gbk", "40002")):
        url = f"{merchant.base}/gateway.do?charset={charset}"
        async with merchant.http.post(url, data=params) as answer:
            body = await answer.read()
        node = json.loads(body.decode("gb18030" if charset == "gbk" else "utf-8"))[QUERY_ROOT]
        assert node["code"] == code
    assert node["sub_code"] == "isv.suspected-attack"


@pytest.mark.parametrize("charset", ["GBK", "gbk", "UTF-8"])
async def test_charsets(merchant: Merchant, charset: str) -> None:
    codec = "gbk" if charset.lower() == "gbk" else "utf-8"
    biz = merchant.order(new_no(), subject="测试 咖啡", store_id="店")
    params = merchant.signed("alipay.trade.pay", biz, charset=charset)
    params["sign"] = sign_with(merchant.key, content_of(params).encode(codec))
    url = f"{merchant.base}/gateway.do"
    body = "&".join(f"{k}={quote(v.encode(codec), safe='')}" for k, v in params.items())
    async with merchant.http.post(url, data=body) as answer:
        raw = await answer.read()
        assert answer.headers["Content-Type"].lower() == f"text/html;charset={charset.lower()}"
    document = json.loads(raw.decode(codec))
    node = raw[raw.index(b":{") + 1 : raw.index(b',"sign":')]
    assert is_signed(merchant.alipay_public_key, node, document["sign"])
    assert document["alipay_trade_pay_response"]["store_name"] == "店"
    trade = await merchant.admin("GET", f"trades/{biz['out_trade_no']}")
    assert trade["subject"] == "测试 咖啡"


@pytest.mark.parametrize("is_kept", [True, False])
async def test_empty_values(merchant: Merchant, is_kept: bool) -> None:
    """Node and Python sign `name=`, Java and Go leave it out."""
    no = new_no()
    params = merchant.signed(QUERY, {"out_trade_no": no})
    del params["sign"]
    params["return_url"] = ""
    signed = {k: v for k, v in params.items() if v or is_kept}
    params["sign"] = sign_with(merchant.key, content_of(signed).encode())
    _, body = await merchant.post(params)
    assert merchant.read(QUERY, body)["code"] == "40004"
    log = await merchant.admin("GET", f"requests?out_trade_no={no}")
    assert log["requests"][0]["content_rule"] == ("keep_empty" if is_kept else "skip_empty")


async def test_a_bad_signature_is_answered_signed(merchant: Merchant) -> None:
    params = merchant.signed(QUERY, {"out_trade_no": "A&B<"})
    params["timestamp"] = "2026-11-23 20:30:01"
    _, body = await merchant.post(params)
    node = merchant.read(QUERY, body)
    assert (node["code"], node["sub_code"]) == ("40002", "isv.invalid-signature")
    assert "&amp;method=alipay.trade.query&amp;" in node["sub_msg"]
    assert "sign_type=RSA2" in node["sub_msg"]


async def test_order_of_checks(merchant: Merchant) -> None:
    """app_id, required parameters, sign_type, signature, method, token, biz_content."""
    good = merchant.signed(QUERY, "{")
    good["app_auth_token"] = "t"
    good["method"] = "alipay.no.such"
    good["sign_type"] = "RSA"
    told = []
    steps = [
        ({"app_id": "2021000000000000", "version": ""}, ""),
        ({"version": ""}, ""),
        ({}, ""),
        ({"sign_type": "RSA2"}, "AAAA"),
        ({"sign_type": "RSA2"}, ""),
        ({"sign_type": "RSA2", "method": QUERY}, ""),
        ({"sign_type": "RSA2", "method": QUERY, "app_auth_token": ""}, ""),
    ]
    for changes, sign in steps:
        params = {k: v for k, v in {**good, **changes}.items() if v}
        params["sign"] = sign or sign_with(merchant.key, content_of(params).encode())
        _, body = await merchant.post(params)
        document = json.loads(body)
        root = params["method"].replace(".", "_") + "_response"
        told.append(document[root]["sub_code"])
        assert ("sign" in document) == (told[-1] != "isv.invalid-app-id")
        if "sign" in document:
            node, signature = cut(body, root)
            assert is_signed(merchant.alipay_public_key, node, str(signature))
    assert told == [
        "isv.invalid-app-id",
        "isv.missing-version",
        "isv.invalid-signature-type",
        "isv.invalid-signature",
        "isv.invalid-method",
        "aop.invalid-app-auth-token",
        "isv.illegal-json",
    ]


@pytest.mark.parametrize("name", ["app_id", "method", "sign", "sign_type", "timestamp", "version"])
async def test_required_parameters(merchant: Merchant, name: str) -> None:
    params = merchant.signed(QUERY, {"out_trade_no": new_no()})
    del params[name]
    _, body = await merchant.post(params)
    root = "error_response" if name == "method" else QUERY_ROOT
    node = json.loads(body)[root]
    assert node["code"] == "40001"
    assert node["sub_code"].startswith("isv.missing-")


@pytest.mark.parametrize(
    ("name", "value", "sub_code"),
    [
        ("format", "xml", "isv.invalid-format"),
        ("charset", "big5", "isv.invalid-charset"),
        ("timestamp", "2026-02-30 00:00:00", "isv.invalid-timestamp"),
        ("timestamp", "now", "isv.invalid-timestamp"),
        ("version", "2.0", "isv.invalid-parameter"),
        ("encrypt_type", "DES", "isv.invalid-encrypt-type"),
        ("encrypt_type", "AES", "isv.invalid-encrypt"),
        ("app_cert_sn", "0" * 32, "isv.app-cert-not-exist"),
        ("alipay_root_cert_sn", "0" * 32, "isv.invalid-alipay-root-cert-sn"),
        ("biz_content", "[]", "isv.illegal-json"),
        ("biz_content", "[" * 5000, "isv.illegal-json"),
    ],
)
async def test_spellings(merchant: Merchant, name: str, value: str, sub_code: str) -> None:
    _, body = await merchant.post(merchant.signed(QUERY, "{}", **{name: value}))
    assert merchant.read(QUERY, body)["sub_code"] == sub_code


async def test_slashes_are_escaped(merchant: Merchant) -> None:
    _, body = await merchant.post(merchant.signed(QUERY, {"out_trade_no": "a/b"}))
    assert b'"a\\/b"' in body


async def test_junk_is_not_a_crash(merchant: Merchant) -> None:
    for target, body in (
        ("?app_id=%ZZ&method=\xff", b"\xff\xfe=%"),
        ("?=&&&=", b"a" * 100),
        ('?method=a"b', b""),
        (f"?app_id={merchant.app_id}&charset=%00", b""),
    ):
        url = f"{merchant.base}/gateway.do{target}"
        async with merchant.http.post(url, data=body) as answer:
            assert answer.status == 200
            json.loads(await answer.read())


async def test_requests_are_logged_as_received(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, auth_code=bar_code(), subject="a+b & 50% 🙂")
    _, _ = await merchant.post({**merchant.signed(QUERY, {"out_trade_no": no}), "sign": "AAAA"})
    path = f"requests?app_id={merchant.app_id}"
    first, second = (await merchant.admin("GET", path))["requests"]
    assert first["verdict"] == "accepted"
    assert first["code"] == "10000"
    assert first["raw_body"].startswith("biz_content=%7B")
    assert json.loads(first["fields"]["biz_content"])["subject"] == "a+b & 50% 🙂"
    assert second["verdict"] == "isv.invalid-signature"
    only = (await merchant.admin("GET", path + "&method=alipay.trade.query"))["requests"]
    assert [entry["seq"] for entry in only] == [second["seq"]]
