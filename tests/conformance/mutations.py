"""Every way we know to make a notice that must not be believed (reliability-security §5.8, §6;
sdk-compat §4), drawn by a seeded generator.

Two alterations are left out because no signature can show them: the four spare bits in the last
character before `==`, and neighbouring fields merged into one value (the edge refuses the second
where a business field is swallowed; `swallowed` below is that case).
"""

import base64
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.conformance.notices import FORM, AlipayKey, Fields, Told, content_of, form, sign

BUSINESS = ("out_trade_no", "total_amount", "seller_id", "trade_status", "trade_no", "app_id")
WRONG_TYPES = ("RSA", "rsa2", "RSA2 ", "SM2", "HMAC", "none", "0", "RSA256")
WRONG_CONTENT_TYPES = ("application/json", "text/xml", "multipart/form-data", "text/plain", "x")
WRONG_CHARSETS = ("utf-16", "utf-7", "latin1", "big5")
XML = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    b"<xml><sign>&e;</sign></xml>"
)


@dataclass(frozen=True)
class Delivery:
    """One post."""

    kind: str
    path: str
    body: bytes
    content_type: str = FORM
    is_replay: bool = False
    """the very bytes of a notice that was taken before: acknowledged, and nothing may happen"""


@dataclass(frozen=True)
class Notices:
    """The material: genuine notices of the attacked app, which have all been delivered once, the
    genuine ones of another merchant's app, and keys that an attacker might hold."""

    own: Sequence[tuple[Told, Fields]]
    """with the complete signed fields"""
    other: Sequence[tuple[Told, Fields]]
    key: AlipayKey
    stranger: RSAPrivateKey


class Forger:
    """`forge()` draws the next delivery; the same seed draws the same ones."""

    def __init__(self, notices: Notices, seed: int) -> None:
        self._notices = notices
        self._rng = random.Random(seed)
        self._kinds: list[Callable[[], Delivery]] = [
            self.changed, self.dropped, self.added, self.doubled, self.no_sign, self.broken_sign,
            self.flipped_sign, self.wrong_key, self.downgraded, self.wrong_type, self.other_family,
            self.cross_app, self.cross_route, self.swallowed, self.replayed, self.wrong_form,
            self.other_padding, self.pending_claim, self.noise,
        ]  # fmt: skip

    def forge(self) -> Delivery:
        return self._rng.choice(self._kinds)()

    def _one(self) -> tuple[Told, Fields]:
        told, fields = self._rng.choice(self._notices.own)
        return told, dict(fields)

    def _delivery(self, kind: str, told: Told, fields: Fields) -> Delivery:
        return Delivery(kind, told.path, form(fields))

    def changed(self) -> Delivery:
        """One character of one signed value."""
        told, fields = self._one()
        name = self._rng.choice([n for n in fields if n not in {"sign", "sign_type"} and fields[n]])
        value = fields[name]
        at = self._rng.randrange(len(value))
        other = self._rng.choice([c for c in "0123456789abcXYZ.- &=%+é" if c != value[at]])
        fields[name] = value[:at] + other + value[at + 1 :]
        return self._delivery("changed", told, fields)

    def dropped(self) -> Delivery:
        told, fields = self._one()
        del fields[self._rng.choice(list(fields))]
        return self._delivery("dropped", told, fields)

    def added(self) -> Delivery:
        """Refund members on a payment, or a field nobody knows: none is under the signature."""
        told, fields = self._one()
        name = self._rng.choice(["refund_fee", "out_biz_no", "gmt_refund", "zz", "passback_params"])
        fields[name] = fields.get(name, "") + self._rng.choice(["0.01", "1", "x"])
        return self._delivery("added", told, fields)

    def doubled(self) -> Delivery:
        """A name twice, plainly or spelled in percent escapes, before or behind the genuine one."""
        told, fields = self._one()
        name = self._rng.choice([*BUSINESS, "sign", "sign_type"])
        spelled = self._rng.choice([name, "".join(f"%{ord(c):02x}" for c in name)])
        extra = f"{spelled}={quote_plus(self._rng.choice([fields[name], 'x', '']))}".encode()
        pair = [form(fields), extra]
        self._rng.shuffle(pair)
        return Delivery("doubled", told.path, b"&".join(pair))

    def no_sign(self) -> Delivery:
        told, fields = self._one()
        fields["sign"] = ""
        if self._rng.random() < 0.5:
            del fields["sign"]
        return self._delivery("no_sign", told, fields)

    def broken_sign(self) -> Delivery:
        """What a lenient base64 reader would forgive."""
        told, fields = self._one()
        good = fields["sign"]
        fields["sign"] = self._rng.choice([
            good + "!!", good + "\n", " " + good, good[:-1], good[:-2],
            good.replace("+", " ", 1) + " ",
            good[:76] + "\r\n" + good[76:], good.replace("/", "_").replace("+", "-") + "=",
            "AAAA", "null", good + good, good + "====",
        ])  # fmt: skip
        return self._delivery("broken_sign", told, fields)

    def flipped_sign(self) -> Delivery:
        """One bit of the signature itself."""
        told, fields = self._one()
        raw = bytearray(base64.b64decode(fields["sign"]))
        raw[self._rng.randrange(len(raw))] ^= 1 << self._rng.randrange(8)
        fields["sign"] = base64.b64encode(raw).decode()
        return self._delivery("flipped_sign", told, fields)

    def wrong_key(self) -> Delivery:
        """Signed properly, by somebody else, over whatever he likes."""
        told, fields = self._one()
        fields["total_amount"] = f"{self._rng.randrange(1, 99999)}.00"
        fields["sign"] = sign(self._notices.stranger, content_of(fields))
        return self._delivery("wrong_key", told, fields)

    def downgraded(self) -> Delivery:
        """A weaker digest by Alipay's own key, whatever the message says of it."""
        told, fields = self._one()
        fields["sign"] = self._notices.key.sign(content_of(fields), hashes.SHA1())  # noqa: S303
        fields["sign_type"] = self._rng.choice(["RSA", "RSA2"])
        return self._delivery("downgraded", told, fields)

    def wrong_type(self) -> Delivery:
        """sign_type lies outside the signature: all else is genuine."""
        told, fields = self._one()
        fields["sign_type"] = self._rng.choice(WRONG_TYPES)
        return self._delivery("wrong_type", told, fields)

    def other_family(self) -> Delivery:
        """Signed as an app-gateway message, or sent to the door of those."""
        told, fields = self._one()
        if self._rng.random() < 0.5:
            content = content_of(fields, keeps_sign_type=True)
            fields["sign"] = self._notices.key.sign(content)
            return self._delivery("other_family", told, fields)
        path = told.path.replace("/notify/", "/messages/")
        return Delivery("other_family", path, form(fields))

    def cross_app(self) -> Delivery:
        """Another merchant's genuine notice at our address, and ours at theirs."""
        told, fields = self._one()
        other, theirs = self._rng.choice(self._notices.other)
        if self._rng.random() < 0.5:
            return Delivery("cross_app", told.path, form(theirs))
        return Delivery("cross_app", other.path, form(fields))

    def cross_route(self) -> Delivery:
        told, fields = self._one()
        path = self._rng.choice([
            told.path[:-1], told.path + "x", "/alipay/notify/", "/alipay/notify/a/b",
            "/alipay/notify/" + fields["app_id"], told.path[:15] + told.path[15:].swapcase(),
        ])  # fmt: skip
        return Delivery("cross_route", path, form(fields))

    def swallowed(self) -> Delivery:
        """A business field hidden at the end of its neighbour's value: the same signed text."""
        told, fields = self._one()
        names = sorted(n for n in fields if n not in {"sign", "sign_type"} and fields[n])
        at = self._rng.choice([i for i, n in enumerate(names) if n in BUSINESS and i > 0])
        before, name = names[at - 1], names[at]
        fields[before] = f"{fields[before]}&{name}={fields[name]}"
        del fields[name]
        return self._delivery("swallowed", told, fields)

    def replayed(self) -> Delivery:
        told, fields = self._one()
        return Delivery("replayed", told.path, form(fields), is_replay=True)

    def wrong_form(self) -> Delivery:
        """Another kind of body, another charset, too much of it."""
        told, fields = self._one()
        match self._rng.randrange(4):
            case 0:
                kind = self._rng.choice(WRONG_CONTENT_TYPES)
                return Delivery("wrong_form", told.path, form(fields), kind)
            case 1:
                fields["charset"] = self._rng.choice(WRONG_CHARSETS)
                return self._delivery("wrong_form", told, fields)
            case 2:
                return Delivery("wrong_form", told.path, self._rng.choice([XML, b"{}", b"[]"]))
            case _:
                fields["body"] = "x" * 66_000
                return self._delivery("wrong_form", told, fields)

    def other_padding(self) -> Delivery:
        """By the right key over the right text, in another signature scheme."""
        told, fields = self._one()
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
        raw = self._notices.key.private.sign(content_of(fields).encode(), scheme, hashes.SHA256())
        fields["sign"] = base64.b64encode(raw).decode()
        return self._delivery("other_padding", told, fields)

    def pending_claim(self) -> Delivery:
        """A new notice that says "paid" (or worse) of a payment, with somebody's old signature."""
        told, fields = self._one()
        fields["notify_id"] = f"{self._rng.randrange(10**33, 10**34)}"
        fields["trade_status"] = self._rng.choice(["TRADE_SUCCESS", "TRADE_CLOSED"])
        fields["out_trade_no"] = self._rng.choice(self._notices.own)[1]["out_trade_no"]
        return self._delivery("pending_claim", told, fields)

    def noise(self) -> Delivery:
        told, _ = self._one()
        body = self._rng.choice([
            b"", b"&", b"=", b"&&&=&", b"\xff\xfe\x00", b"sign=%ZZ&sign_type=RSA2", b"a" * 5000,
            b"sign_type=RSA2&sign=" + b"A" * 344, b"%00=%00&sign=x",
            b"&".join([b"a%d=1" % i for i in range(400)]),
            self._rng.randbytes(self._rng.randrange(1, 400)),
        ])  # fmt: skip
        return Delivery("noise", told.path, body)
