"""A second cutter, independent of ours: it never parses values (sdk-compat.md §4).

It walks the bytes and counts brackets outside strings, as Alipay's Java client does.
"""

import json
from typing import Any

from gateway.alipay.protocol.canonical import BadResponse, cut_response

METHOD, NODE = "alipay.trade.pay", b"alipay_trade_pay_response"


def by_brackets(body: bytes) -> dict[bytes, list[bytes]]:
    """Top-level name -> the raw texts of its values; for bodies that are JSON objects."""
    found: dict[bytes, list[bytes]] = {}
    depth, at, start = 0, 0, 0
    name, awaits_value = b"", False
    while at < len(body):
        byte = body[at : at + 1]
        if byte == b'"':
            end = at + 1
            while body[end : end + 1] != b'"':
                end += 2 if body[end : end + 1] == b"\\" else 1
            if depth == 1 and not awaits_value:
                name = body[at + 1 : end]
            at = end
        elif byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
        if (byte == b"," and depth == 1) or (byte == b"}" and depth == 0):
            if awaits_value:
                found.setdefault(name, []).append(body[start:at].strip(b" \t\r\n"))
            awaits_value = False
        elif byte == b":" and depth == 1 and not awaits_value:
            awaits_value, start = True, at + 1
        at += 1
    return found


def _constant(word: str) -> Any:
    raise ValueError(word)


def reference(body: bytes) -> bytes | None:
    """The text that the signature of an answer to METHOD covers, or None for a body to refuse."""
    try:
        body = body.removeprefix(b"\xef\xbb\xbf")
        document = json.loads(body.decode(), strict=False, parse_constant=_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    members = by_brackets(body)
    nodes = [name for name in members if name.endswith(b"_response")]
    if any(len(values) > 1 or b"\\" in name for name, values in members.items()) or len(nodes) != 1:
        return None
    if nodes[0] not in (NODE, b"error_response", b"null_response"):
        return None
    if any(members.get(name, [b'"'])[0][:1] != b'"' for name in (b"sign", b"alipay_cert_sn")):
        return None
    text = members[nodes[0]][0]
    return text if text[:1] in (b"{", b'"') else None


def ours(body: bytes) -> bytes | None:
    try:
        return cut_response(body, METHOD).content
    except BadResponse:
        return None


def agree(body: bytes) -> bool:
    """Whether the body was accepted; fails where the two differ."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False  # the reference knows no GBK; those bodies have tests of their own
    found = ours(body)
    assert found == reference(body), body
    return found is not None
