"""Cutting the signed bytes out of an answer, and nothing else (pitfalls 3, 4, 14, 24; F15)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alipay.protocol.canonical import BadResponse, cut_response, parse_content, signed_texts

PAY = "alipay.trade.pay"
NODE = b'"alipay_trade_pay_response"'


def cut(body: bytes, method: str = PAY) -> bytes:
    return cut_response(body, method).content


def refused(body: bytes, method: str = PAY) -> str:
    with pytest.raises(BadResponse) as caught:
        cut_response(body, method)
    return caught.value.reason


@pytest.mark.parametrize(
    "value",
    [
        b"{}",
        b'{"code":"10000"}',
        b'{ "code" : "10000",\n\t"x": [1, {"y": null}] }',
        b'{"a":"}","b":"{","c":"\\"}{"}',
        b'{"a":"\\\\","b":"\\\\\\""}',
        b'{"sign":"inner","alipay_trade_pay_response":{"code":"1"}}',
        b'{"text":"\\"},\\"sign\\":\\"AAAA"}',
        b'{"qr":"https:\\/\\/qr.alipay.com\\/x"}',
        b'{"u":"\\u6d4b","\xe6\xb5\x8b":"\xf0\x9f\x98\x80"}',
        b'"BASE64+ciphertext\\/=="',
    ],
)
@pytest.mark.parametrize(
    "frame",
    [
        b'{%s:%s,"sign":"S"}',
        b'{"sign":"S",%s:%s}',
        b'{%s : %s ,\n "alipay_cert_sn":"01","sign" : "S" }\n',
        b'\xef\xbb\xbf{%s:%s,"sign":"S"}',
        b'\r\n {%s:%s,"x":{"alipay_trade_query_response":1},"sign":"S"}',
    ],
)
def test_the_value_is_cut_to_the_byte(frame: bytes, value: bytes) -> None:
    found = cut_response(frame % (NODE, value), PAY)
    assert (found.content, found.sign, found.is_fault_node) == (value, "S", False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{}", "not_json"),
        (b"null", "not_json"),
        (b"[1]", "not_json"),
        (b"<html>502</html>", "not_json"),
        (b'{"sign":"S"}', "no_node"),
        (b"{%s:null}" % NODE, "bad_node"),
        (b"{%s:[{}]}" % NODE, "bad_node"),
        (b"{%s:1}" % NODE, "bad_node"),
        (b'{%s:{"a":1}' % NODE, "not_json"),
        (b'{%s:{"a":1}}}' % NODE, "not_json"),
        (b'{%s:{"a":1}},{"sign":"S"}' % NODE, "not_json"),
        (b'{%s:{"a":NaN}}' % NODE, "not_json"),
        (b"{%s:{'a':1}}" % NODE, "not_json"),
        (b'{%s:{"a":1},}' % NODE, "not_json"),
        (b'{%s:{"a":1},%s:{"a":1}}' % (NODE, NODE), "duplicate_member"),
        (b'{%s:{},"sign":"S","sign":"T"}' % NODE, "duplicate_member"),
        (b'{%s:{},"alipay_trade_\\u0070ay_response":{"code":"10000"}}' % NODE, "escaped_name"),
        (b'{%s:{},"error_response":{}}' % NODE, "several_nodes"),
        (b'{%s:{},"alipay_trade_query_response":{}}' % NODE, "several_nodes"),
        (b'{"alipay_trade_query_response":{"code":"10000"},"sign":"S"}', "other_method"),
        (b'{"x_alipay_trade_pay_response":{"code":"10000"},"sign":"S"}', "other_method"),
        (b'{"data":{%s:{"code":"10000"}},"sign":"S"}' % NODE, "no_node"),
        (b'{%s:{},"sign":1}' % NODE, "bad_sign"),
        (b'{%s:{},"sign":null}' % NODE, "bad_sign"),
        (b"{%s:{}}" % NODE + b" " * 1024 * 1024, "too_large"),
        (b"{%s:%s{}%s}" % (NODE, b'{"a":' * 100000, b"}" * 100000), "not_json"),
        (b'{%s:{"a":%s}}' % (NODE, b"9" * 5000), "not_json"),
        (b"{%s:{}}\xff\xff" % NODE, "charset"),
    ],
)
def test_everything_else_is_refused(body: bytes, reason: str) -> None:
    assert refused(body) == reason


@pytest.mark.parametrize("root", ["error_response", "null_response"])
def test_fault_nodes_are_marked(root: str) -> None:
    found = cut_response(b'{"%s":{"code":"40002"}}' % root.encode(), PAY)
    assert (found.is_fault_node, found.sign, found.node) == (True, "", root)


def test_gbk_bytes_are_cut_to_the_byte() -> None:
    """smartwalle/alipay PR#257; the last byte of 誠 is that of a backslash in GBK."""
    content = '{"code":"20000","sub_msg":"系統繁忙誠"}'.encode("gbk")
    assert b'\\"' in content
    found = cut_response(b"{%s:%s}" % (NODE, content), PAY)
    assert found.content == content
    assert parse_content(found.content, found.encoding)["sub_msg"] == "系統繁忙誠"


def test_slashes_have_two_spellings_and_the_verified_one_is_read() -> None:
    found = cut_response(b'{%s:{"u":"a\\/b"},"sign":"S"}' % NODE, PAY)
    sent, unescaped = signed_texts(found)
    assert (sent, unescaped) == (b'{"u":"a\\/b"}', b'{"u":"a/b"}')
    assert list(signed_texts(cut_response(b'{%s:{"u":"a/b"}}' % NODE, PAY))) == [b'{"u":"a/b"}']


def test_a_spelling_that_changes_the_meaning_is_not_read_as_the_other() -> None:
    r"""`\\/` is a backslash and a slash; without one backslash it would be an escaped slash."""
    found = cut_response(b'{%s:{"u":"a\\\\/b"},"sign":"S"}' % NODE, PAY)
    sent, other = signed_texts(found)
    assert parse_content(sent, "utf-8") == {"u": "a\\/b"}
    assert parse_content(other, "utf-8") == {"u": "a/b"}


def test_ciphertext_is_not_read_as_members() -> None:
    with pytest.raises(BadResponse, match="encrypted"):
        parse_content(b'"abc"', "utf-8")


JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(
    node=st.dictionaries(st.text(max_size=8), JSON_TEXT, max_size=5),
    others=st.dictionaries(
        st.text(max_size=12).filter(lambda name: not name.endswith("_response")), JSON_TEXT
    ),
    ascii_only=st.booleans(),
    spread=st.sampled_from([None, 0, 2]),
    first=st.booleans(),
)
def test_any_answer_is_cut_where_json_says(
    node: dict, others: dict, ascii_only: bool, spread: int | None, first: bool
) -> None:
    """Whatever surrounds it and whatever it holds: the cut is the value's own text."""

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, indent=spread)

    try:
        content = text(node).encode()
        members = [
            (text(n), text(v)) for n, v in others.items() if n not in ("sign", "alipay_cert_sn")
        ]
        framed = [('"alipay_trade_pay_response"', text(node)), ('"sign"', '"S"')]
        pairs = framed + members if first else members + framed
        body = ("{" + ",".join(f"{n}:{v}" for n, v in pairs) + "}").encode()
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be sent as UTF-8
    if any("\\" in name for name, _ in members):
        assert refused(body) == "escaped_name"
        return
    assert cut(body) == content
    assert parse_content(cut(body), "utf-8") == node


@given(st.binary(max_size=60), st.integers(0, 200))
def test_damage_never_yields_another_text(noise: bytes, place: int) -> None:
    """Bytes pushed in anywhere: refused, or the value is still the value at that place."""
    body = b'{%s:{"code":"10000","a":"b"},"sign":"S"}' % NODE
    place %= len(body)
    damaged = body[:place] + noise + body[place:]
    try:
        found = cut_response(damaged, PAY)
    except BadResponse:
        return
    assert found.content in damaged
    assert damaged.count(found.content) >= 1
