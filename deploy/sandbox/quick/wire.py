"""What arrives at gateway.do and what leaves it: parameters in, a signed node out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from deploy.sandbox.quick import rsa

CODECS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030"}
MESSAGES = {
    "10000": "Success",
    "10003": " order success pay inprocess",
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40006": "Insufficient Permissions",
}


class Ambiguous(Exception):
    """One name came with two values."""


class Refused(Exception):
    def __init__(self, code: str, sub_code: str, sub_msg: str, *, signed: bool = True) -> None:
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code
        self.sub_msg = sub_msg
        self.signed = signed


def merged(query: str, body: bytes) -> tuple[dict[str, str], str]:
    pairs: list[tuple[bytes, bytes]] = []
    for part in (*query.encode("latin-1", "replace").split(b"&"), *body.strip().split(b"&")):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_plain(name), _plain(value)))
    declared = next((value for name, value in pairs if name == b"charset"), b"utf-8")
    codec = CODECS.get(declared.decode("latin-1").strip().lower())
    if codec is None:
        raise Refused("40002", "isv.invalid-charset", "字符集错误")
    params: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode(codec, "replace"), value.decode(codec, "replace")
        if params.setdefault(key, text) != text:
            raise Ambiguous(key)
    return params, codec


def _plain(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def check_signature(params: Mapping[str, str], codec: str, key: RSAPublicKey) -> str:
    signature = params.get("sign", "")
    for rule, keep_empty in (("skip_empty", False), ("keep_empty", True)):
        content = rsa.content(params, ("sign",), keep_empty=keep_empty)
        if rsa.verifies(content.encode(codec), signature, key):
            return rule
    ours = rsa.content(params, ("sign",), keep_empty=False).replace("&", "&amp;")
    raise Refused("40002", "isv.invalid-signature", f"验签出错，待验签字符串为：{ours}"[:1000])


@dataclass
class Answer:
    code: str = "10000"
    sub_code: str = ""
    sub_msg: str = ""
    members: dict[str, Any] = field(default_factory=dict)
    signed: bool = True

    def node(self) -> dict[str, Any]:
        head: dict[str, Any] = {"code": self.code, "msg": MESSAGES[self.code]}
        if self.sub_code:
            head |= {"sub_code": self.sub_code, "sub_msg": self.sub_msg or self.sub_code}
        return head | self.members


def render(
    answer: Answer, method: str, codec: str, key: RSAPrivateKey, bends: frozenset[str]
) -> bytes:
    members = answer.node()
    if "nested_sign" in bends:
        members["ext"] = {"sign": "decoy"}
    separators = (", ", ": ") if "spaces" in bends else (",", ":")
    text = json.dumps(members, ensure_ascii=False, separators=separators).replace("/", "\\/")
    raw = text.encode("gb18030" if "gbk_sub_msg" in bends else codec)
    signer = rsa.new_key() if "wrong_key" in bends else key
    signature = rsa.sign(raw, signer)
    if "bad_signature" in bends:
        signature = ("A" if signature[0] != "A" else "B") + signature[1:]
    if "tamper" in bends:
        raw = raw.replace(b'"msg":"', b'"msg":"!', 1)
    name = "error_response" if "error_root" in bends else method.replace(".", "_") + "_response"
    root = b'{"' + name.encode() + b'":' + raw
    if not answer.signed or "no_sign" in bends or "unsigned_error" in bends:
        return root + b"}"
    return root + b',"sign":"' + signature.encode() + b'"}'
