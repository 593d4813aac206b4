"""An answer on the wire: the node first, then the certificate number, then the signature."""

import json
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.alipay.wire import aes

Node = dict[str, Any]

_MESSAGES = {
    "10000": "Success",
    "10003": " order success pay inprocess",  # the leading space is Alipay's own
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a body before they are joined, so that a fault can change any of them."""

    root: str
    node: bytes
    signature: str | None
    cert_sn: str | None = None

    def body(self) -> bytes:
        parts = [b'{"', self.root.encode(), b'":', self.node]
        if self.cert_sn is not None:
            parts += [b',"alipay_cert_sn":"', self.cert_sn.encode(), b'"']
        if self.signature is not None:
            parts += [b',"sign":"', self.signature.encode(), b'"']
        return b"".join([*parts, b"}"])


def answer(code: str, sub_code: str = "", sub_msg: str = "", **fields: Any) -> Node:
    """A node: code and msg first, then the refusal, then the business fields."""
    node: Node = {"code": code, "msg": _MESSAGES.get(code, "")}
    if sub_code:
        node["sub_code"] = sub_code
        node["sub_msg"] = sub_msg
    node.update(fields)
    return node


def is_done(node: Node) -> bool:
    """Paid or in process; everything else is a failure."""
    return node.get("code") in {"10000", "10003"}


def success(**fields: Any) -> Node:
    return answer("10000", **fields)


def root_of(method: str) -> str:
    """`error_response` only where no method can be read."""
    is_readable = method.isascii() and method.replace(".", "").replace("_", "").isalnum()
    return f"{method.replace('.', '_')}_response" if is_readable else "error_response"


def render(node: Node, codec: str, *, is_ascii: bool = False, escapes_slash: bool = True) -> bytes:
    """Compact JSON with `\\/`, as the open platform writes it, in the request's charset."""
    text = json.dumps(node, ensure_ascii=is_ascii, separators=(",", ":"))
    if escapes_slash:
        text = text.replace("/", "\\/")
    try:
        return text.encode(codec)
    except UnicodeEncodeError:  # a lone surrogate that came in as an escape
        return render(node, codec, is_ascii=True, escapes_slash=escapes_slash)


def sealed(node: bytes, aes_key: bytes | None) -> bytes:
    """Encrypted, it is one JSON string; its two quotes are under the signature."""
    return node if aes_key is None else b'"' + aes.encrypt(aes_key, node) + b'"'
