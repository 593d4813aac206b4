"""Answers that are wrong, or valid but awkward to read; each is made from one finished envelope.

A client must refuse the wrong ones, and must read the awkward ones although a careless parser fails
on them (`test_fault_answers.py` lists which is which).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.alipay.apps.registry import Signer
from deploy.sandbox.alipay.wire import rsa2
from deploy.sandbox.alipay.wire.envelope import Envelope, Node, render, sealed


@dataclass(frozen=True, slots=True)
class AnswerBuilder:
    """Builds the bodies of one answer. With an `aes_key` the node is encrypted."""

    signer: Signer
    unrelated_key: rsa.RSAPrivateKey
    root: str
    node: Node
    codec: str
    aes_key: bytes | None = None

    def sent(self, node: Node | None = None, **how: bool) -> bytes:
        """The node's bytes as they go out."""
        codec = self.codec if self.aes_key is None else "utf-8"
        return sealed(render(self.node if node is None else node, codec, **how), self.aes_key)

    def envelope(self, node: bytes | None = None, root: str | None = None) -> Envelope:
        """A good one, signed over exactly the bytes sent."""
        sent = self.sent() if node is None else node
        return Envelope(root or self.root, sent, self.signer.sign(sent), self.signer.cert_sn)

    def unsigned(self, sign: str | None) -> bytes:
        return Envelope(self.root, self.sent(), sign, self.signer.cert_sn).body()


Trap = Callable[[AnswerBuilder], bytes]
FORGED = {"code": "10000", "msg": "Success", "total_amount": "88888.88"}
NO_SUCH_SN = "0123456789abcdef0123456789abcdef"


def bad_signature(b: AnswerBuilder) -> bytes:
    good = b.envelope()
    return replace(good, signature=b.signer.sign(b"something else")).body()


def wrong_key(b: AnswerBuilder) -> bytes:
    good = b.envelope()
    return replace(good, signature=rsa2.sign(b.unrelated_key, good.node)).body()


def no_sign(b: AnswerBuilder) -> bytes:
    return b.unsigned(None)


def empty_sign(b: AnswerBuilder) -> bytes:
    return b.unsigned("")


def junk_sign(b: AnswerBuilder) -> bytes:
    return b.unsigned("*not base64*")


def tamper(b: AnswerBuilder) -> bytes:
    """The last digit of the node changes after signing; a letter where there is no digit."""
    good = b.envelope()
    changed = bytearray(good.node)
    digits = [at for at, byte in enumerate(changed) if 48 <= byte <= 57]
    at = digits[-1] if digits else len(changed) - 2
    changed[at] = 48 + (changed[at] - 47) % 10
    return replace(good, node=bytes(changed)).body()


def error_response(b: AnswerBuilder) -> bytes:
    return b.envelope(root="error_response").body()


def null_response(b: AnswerBuilder) -> bytes:
    return b.envelope(root="null_response").body()


def other_method(b: AnswerBuilder) -> bytes:
    root = "alipay_trade_query_response"
    return b.envelope(
        root="alipay_trade_pay_response" if b.root == root else root
    ).body()  # fmt: skip


def other_order(b: AnswerBuilder) -> bytes:
    """Signed, and about somebody else's order."""
    node = {**b.node, "out_trade_no": f"{str(b.node.get('out_trade_no', ''))[:60]}X"}
    return b.envelope(b.sent(node)).body()


def other_amount(b: AnswerBuilder) -> bytes:
    return b.envelope(b.sent({**b.node, "total_amount": "88888.88"})).body()


def spaces(b: AnswerBuilder) -> bytes:
    """Inside the node, where they are signed, and around it, where they are not."""
    text = json.dumps(b.node, ensure_ascii=False, separators=(" , ", " : "))
    good = b.envelope(sealed(text.encode(b.codec), b.aes_key))
    parts = [b'{ "' + good.root.encode() + b'" : ' + good.node]
    if good.cert_sn is not None:
        parts.append(b'"alipay_cert_sn" : "' + good.cert_sn.encode() + b'"')
    parts.append(b'"sign" : "' + (good.signature or "").encode() + b'" }\n')
    return b" , ".join(parts)


def ascii_escapes(b: AnswerBuilder) -> bytes:
    return b.envelope(b.sent({**b.node, "store_name": "咖啡"}, is_ascii=True)).body()


def unicode_text(b: AnswerBuilder) -> bytes:
    return b.envelope(b.sent({**b.node, "store_name": "咖啡 🙂 👩‍🍳 \u2028"})).body()


def escaped_slash(b: AnswerBuilder) -> bytes:
    return b.envelope(b.sent({**b.node, "store_name": "https://a/b"})).body()


def plain_slash(b: AnswerBuilder) -> bytes:
    return b.envelope(b.sent({**b.node, "store_name": "a/b"}, escapes_slash=False)).body()


def legacy_slash(b: AnswerBuilder) -> bytes:
    r"""Signed with plain `/` while `\/` is sent, as old answers were."""
    sent = b.sent({**b.node, "store_name": "a/b"})
    signature = b.signer.sign(sent.replace(b"\\/", b"/"))
    return replace(b.envelope(sent), signature=signature).body()


def sign_escaped(b: AnswerBuilder) -> bytes:
    good = b.envelope()
    return replace(good, signature=(good.signature or "").replace("/", "\\/")).body()


def shuffled(b: AnswerBuilder) -> bytes:
    return b.envelope(b.sent(dict(reversed(b.node.items())))).body()


def gbk(b: AnswerBuilder) -> bytes:
    """Whatever charset the request names and the answer announces."""
    text = render({**b.node, "store_name": "咖啡店"}, "gb18030")
    return b.envelope(sealed(text, b.aes_key)).body()


def nested_sign(b: AnswerBuilder) -> bytes:
    node = {**b.node, "store_name": "x", "sign": "inner", "more": {"sign": "deeper"}}
    return b.envelope(b.sent(node)).body()


def brace_text(b: AnswerBuilder) -> bytes:
    """Text that looks like the end of the node."""
    node = {**b.node, "store_name": '}{ "},"sign":"AAAA"} \\'}
    return b.envelope(b.sent(node)).body()


def decoy(b: AnswerBuilder) -> bytes:
    """Before the node, a member whose text spells the node's own name."""
    good = b.envelope()
    text = json.dumps(f'"{b.root}":{{"code":"10000","msg":"Success"}}').encode()
    return b'{"notice":' + text + b"," + good.body()[1:]


def prefix_decoy(b: AnswerBuilder) -> bytes:
    """Before the node, an unsigned member whose name ends in the node's own."""
    return (
        b'{"x_' + b.root.encode() + b'":' + render(FORGED, b.codec) + b"," + b.envelope().body()[1:]
    )


def nested_decoy(b: AnswerBuilder) -> bytes:
    """Before the node, one of the same name, deeper."""
    inner = b'{"' + b.root.encode() + b'":' + render(FORGED, b.codec) + b"}"
    return b'{"notice":' + inner + b"," + b.envelope().body()[1:]


def duplicate_root(b: AnswerBuilder) -> bytes:
    """After the signed node, an unsigned one under the same name."""
    forged = render({**b.node, **FORGED}, b.codec)
    return b.envelope().body()[:-1] + b',"' + b.root.encode() + b'":' + forged + b"}"


def duplicate_first(b: AnswerBuilder) -> bytes:
    """Before the signed node, an unsigned one under the same name."""
    forged = render({**b.node, **FORGED}, b.codec)
    return b'{"' + b.root.encode() + b'":' + forged + b"," + b.envelope().body()[1:]


def sign_first(b: AnswerBuilder) -> bytes:
    good = b.envelope()
    sign = (good.signature or "").encode()
    tail = replace(good, signature=None).body()[1:]
    return b'{"sign":"' + sign + b'",' + tail


def cert_sn_between(b: AnswerBuilder) -> bytes:
    """In certificate mode that is as it should be."""
    good = b.envelope()
    return replace(good, cert_sn=good.cert_sn or NO_SUCH_SN).body()


def cert_sn_after_sign(b: AnswerBuilder) -> bytes:
    good = b.envelope()
    sn = (good.cert_sn or NO_SUCH_SN).encode()
    return replace(good, cert_sn=None).body()[:-1] + b',"alipay_cert_sn":"' + sn + b'"}'


def no_cert_sn(b: AnswerBuilder) -> bytes:
    return replace(b.envelope(), cert_sn=None).body()


def unknown_cert_sn(b: AnswerBuilder) -> bytes:
    return replace(b.envelope(), cert_sn=NO_SUCH_SN).body()


def byte_order_mark(b: AnswerBuilder) -> bytes:
    return b"\xef\xbb\xbf" + b.envelope().body()


def blank_lines(b: AnswerBuilder) -> bytes:
    return b"\r\n\n" + b.envelope().body() + b"\n"


def cut_short(b: AnswerBuilder) -> bytes:
    body = b.envelope().body()
    return body[: len(body) // 2]


def empty_body(b: AnswerBuilder) -> bytes:
    return b""


def html_page(b: AnswerBuilder) -> bytes:
    return b"<html><body>502 Bad Gateway</body></html>"


TRAPS: dict[str, tuple[Trap, str]] = {
    "bad_signature": (bad_signature, "answer signed over other bytes"),
    "wrong_key": (wrong_key, "answer signed with a key that is not this app's Alipay key"),
    "no_sign": (no_sign, "answer without sign"),
    "empty_sign": (empty_sign, "answer with an empty sign"),
    "junk_sign": (junk_sign, "answer whose sign is not base64"),
    "sign_escaped": (sign_escaped, "valid answer whose sign spells / as \\/"),
    "tamper": (tamper, "one byte of the answer changed after signing"),
    "error_response": (error_response, "valid answer, signed, under the root error_response"),
    "null_response": (null_response, "valid answer, signed, under the root null_response"),
    "other_method": (other_method, "valid answer under another method's root"),
    "other_order": (other_order, "validly signed answer naming another out_trade_no"),
    "other_amount": (other_amount, "validly signed answer with another total_amount"),
    "spaces": (spaces, "valid answer with spaces in and around the node"),
    "ascii": (ascii_escapes, "valid answer with \\u escapes"),
    "unicode": (unicode_text, "valid answer with Chinese, emoji and a line separator as they are"),
    "escaped_slash": (escaped_slash, "valid answer with a text whose slashes are escaped"),
    "plain_slash": (plain_slash, "valid answer with unescaped slashes"),
    "legacy_slash": (legacy_slash, "sends \\/ but signs /"),
    "gbk": (gbk, "valid answer in GBK bytes, whatever charset was asked for"),
    "shuffled": (shuffled, "valid answer whose members come in reversed order"),
    "nested_sign": (nested_sign, "valid answer with members named sign inside the node"),
    "brace_text": (brace_text, "valid answer whose text looks like the node's end"),
    "decoy": (decoy, "valid answer after a text that spells the node's name"),
    "prefix_decoy": (prefix_decoy, "valid answer after an unsigned member x_<node's name>"),
    "nested_decoy": (nested_decoy, "valid answer after an unsigned node of its name, deeper"),
    "duplicate_root": (duplicate_root, "after the node, an unsigned one under the same name"),
    "duplicate_first": (duplicate_first, "before the node, an unsigned one under the same name"),
    "sign_first": (sign_first, "valid answer with sign before the node"),
    "cert_sn": (cert_sn_between, "alipay_cert_sn between node and sign also in key mode"),
    "cert_sn_after_sign": (cert_sn_after_sign, "valid answer with alipay_cert_sn after sign"),
    "no_cert_sn": (no_cert_sn, "valid answer without alipay_cert_sn in certificate mode"),
    "unknown_cert_sn": (unknown_cert_sn, "alipay_cert_sn of a certificate that does not exist"),
    "bom": (byte_order_mark, "valid answer after a UTF-8 byte order mark"),
    "blank_lines": (blank_lines, "valid answer between blank lines"),
    "cut_short": (cut_short, "half of the answer"),
    "empty_body": (empty_body, "an empty body"),
    "html": (html_page, "an HTML page instead of JSON"),
}
