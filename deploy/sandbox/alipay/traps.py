"""Ways in which an answer is wrong or merely awkward; each bends one finished envelope.

`Bent.shown` tells the truth that a client must reach: some of these must be refused, others are
valid answers on which careless cutters stumble.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.alipay import rsa2
from deploy.sandbox.alipay.apps import App
from deploy.sandbox.alipay.envelope import Envelope, Node, render


@dataclass(frozen=True, slots=True)
class Bending:
    """What a trap may use."""

    app: App
    stranger: rsa.RSAPrivateKey
    root: str
    node: Node
    codec: str
    cert_sn: str | None = None

    def envelope(self, node: bytes | None = None, root: str | None = None) -> Envelope:
        """A good one, signed over exactly the bytes sent."""
        sent = render(self.node, self.codec) if node is None else node
        return Envelope(root or self.root, sent, self.app.sign(sent), self.cert_sn)


Trap = Callable[[Bending], bytes]


def bad_signature(b: Bending) -> bytes:
    good = b.envelope()
    return replace(good, signature=b.app.sign(b"something else")).body()


def wrong_key(b: Bending) -> bytes:
    good = b.envelope()
    return replace(good, signature=rsa2.sign(b.stranger, good.node)).body()


def no_sign(b: Bending) -> bytes:
    return Envelope(b.root, render(b.node, b.codec), None, b.cert_sn).body()


def empty_sign(b: Bending) -> bytes:
    return Envelope(b.root, render(b.node, b.codec), "", b.cert_sn).body()


def junk_sign(b: Bending) -> bytes:
    return Envelope(b.root, render(b.node, b.codec), "*not base64*", b.cert_sn).body()


def tamper(b: Bending) -> bytes:
    """The last digit of the node changes after signing; a letter where there is no digit."""
    good = b.envelope()
    changed = bytearray(good.node)
    digits = [at for at, byte in enumerate(changed) if 48 <= byte <= 57]
    at = digits[-1] if digits else len(changed) - 2
    changed[at] = 48 + (changed[at] - 47) % 10
    return replace(good, node=bytes(changed)).body()


def error_response(b: Bending) -> bytes:
    return b.envelope(root="error_response").body()


def other_method(b: Bending) -> bytes:
    root = "alipay_trade_query_response"
    return b.envelope(
        root="alipay_trade_pay_response" if b.root == root else root
    ).body()  # fmt: skip


def other_order(b: Bending) -> bytes:
    """Signed, and about somebody else's order."""
    node = {**b.node, "out_trade_no": f"{str(b.node.get('out_trade_no', ''))[:60]}X"}
    return b.envelope(render(node, b.codec)).body()


def other_amount(b: Bending) -> bytes:
    return b.envelope(render({**b.node, "total_amount": "88888.88"}, b.codec)).body()


def spaces(b: Bending) -> bytes:
    """Inside the node, where they are signed, and around it, where they are not."""
    node = json.dumps(b.node, ensure_ascii=False, separators=(" , ", " : ")).encode(b.codec)
    good = b.envelope(node)
    head, tail = b'{ "' + good.root.encode() + b'" : ', b' , "sign" : "'
    return head + node + tail + (good.signature or "").encode() + b'" }\n'


def ascii_escapes(b: Bending) -> bytes:
    return b.envelope(render(b.node, b.codec, is_ascii=True)).body()


def plain_slash(b: Bending) -> bytes:
    return b.envelope(render({**b.node, "store_name": "a/b"}, b.codec, escapes_slash=False)).body()


def legacy_slash(b: Bending) -> bytes:
    r"""Signed with plain `/` while `\/` is sent, as old answers were."""
    sent = render({**b.node, "store_name": "a/b"}, b.codec)
    return Envelope(b.root, sent, b.app.sign(sent.replace(b"\\/", b"/")), b.cert_sn).body()


def nested_sign(b: Bending) -> bytes:
    node = {**b.node, "store_name": "x", "sign": "inner", "more": {"sign": "deeper"}}
    return b.envelope(render(node, b.codec)).body()


def brace_text(b: Bending) -> bytes:
    """Text that looks like the end of the node."""
    node = {**b.node, "store_name": '}{ "},"sign":"AAAA"} \\'}
    return b.envelope(render(node, b.codec)).body()


def decoy(b: Bending) -> bytes:
    """Before the node, a member whose text spells the node's own name."""
    good = b.envelope()
    text = json.dumps(f'"{b.root}":{{"code":"10000","msg":"Success"}}').encode()
    return b'{"notice":' + text + b"," + good.body()[1:]


def duplicate_root(b: Bending) -> bytes:
    """After the signed node, an unsigned one under the same name."""
    forged = render({**b.node, "code": "10000", "msg": "Success"}, b.codec)
    return b.envelope().body()[:-1] + b',"' + b.root.encode() + b'":' + forged + b"}"


def sign_first(b: Bending) -> bytes:
    good = b.envelope()
    sign = (good.signature or "").encode()
    return b'{"sign":"' + sign + b'","' + good.root.encode() + b'":' + good.node + b"}"


def cert_sn_between(b: Bending) -> bytes:
    """A certificate number, though the app is in key mode."""
    return replace(b.envelope(), cert_sn="0123456789abcdef0123456789abcdef").body()


def byte_order_mark(b: Bending) -> bytes:
    return b"\xef\xbb\xbf" + b.envelope().body()


def blank_lines(b: Bending) -> bytes:
    return b"\r\n\n" + b.envelope().body() + b"\n"


def cut_short(b: Bending) -> bytes:
    body = b.envelope().body()
    return body[: len(body) // 2]


def empty_body(b: Bending) -> bytes:
    return b""


def html_page(b: Bending) -> bytes:
    return b"<html><body>502 Bad Gateway</body></html>"


TRAPS: dict[str, tuple[Trap, str]] = {
    "bad_signature": (bad_signature, "answer signed over other bytes"),
    "wrong_key": (wrong_key, "answer signed with a key that is not this app's Alipay key"),
    "no_sign": (no_sign, "answer without sign"),
    "empty_sign": (empty_sign, "answer with an empty sign"),
    "junk_sign": (junk_sign, "answer whose sign is not base64"),
    "tamper": (tamper, "one byte of the answer changed after signing"),
    "error_response": (error_response, "valid answer under the root error_response"),
    "other_method": (other_method, "valid answer under another method's root"),
    "other_order": (other_order, "validly signed answer naming another out_trade_no"),
    "other_amount": (other_amount, "validly signed answer with another total_amount"),
    "spaces": (spaces, "valid answer with spaces in and around the node"),
    "ascii": (ascii_escapes, "valid answer with \\u escapes"),
    "plain_slash": (plain_slash, "valid answer with unescaped slashes"),
    "legacy_slash": (legacy_slash, "sends \\/ but signs /"),
    "nested_sign": (nested_sign, "valid answer with members named sign inside the node"),
    "brace_text": (brace_text, "valid answer whose text looks like the node's end"),
    "decoy": (decoy, "valid answer after a text that spells the node's name"),
    "duplicate_root": (duplicate_root, "an unsigned second node under the same name"),
    "sign_first": (sign_first, "valid answer with sign before the node"),
    "cert_sn": (cert_sn_between, "alipay_cert_sn between node and sign in key mode"),
    "bom": (byte_order_mark, "valid answer after a UTF-8 byte order mark"),
    "blank_lines": (blank_lines, "valid answer between blank lines"),
    "cut_short": (cut_short, "half of the answer"),
    "empty_body": (empty_body, "an empty body"),
    "html": (html_page, "an HTML page instead of JSON"),
}
