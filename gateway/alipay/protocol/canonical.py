"""The three byte strings that Alipay's RSA2 covers: a request, a response, a notification.

Pure: bytes in, bytes out, no key and no network. Everything works on the bytes that were sent;
nothing is serialised again before it was verified (alipay-protocol.md §1.2, §2.2, §3.3).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecoder, JSONEncoder
from typing import Any, Literal, NoReturn
from urllib.parse import unquote_to_bytes

RESPONSE_BYTES_MAX = 1024 * 1024
NOTIFY_BYTES_MAX = 64 * 1024
FIELDS_MAX = 256
FORM_TYPE = "application/x-www-form-urlencoded"

Kind = Literal["pay", "app"]
"""`pay`: trade notices and the old authorisation message; the signature does not cover sign_type.
`app`: app-gateway messages; it does."""

_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030",
              "gb18030": "gb18030"}  # fmt: skip
_ENCODER = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BLANKS = " \t\r\n"
_FAULT_NODES = frozenset({"error_response", "null_response"})
"""Root members of a response when the gateway failed before the method; never a success."""


class BadResponse(ValueError):
    """The response has no signed text that can be cut out; `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadForm(ValueError):
    """The notification is not a form that a signature can cover; `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# --- request ---------------------------------------------------------------------------------


def request_content(params: Mapping[str, str]) -> str:
    """The string to sign: all non-empty parameters but `sign` (sign_type stays), sorted, raw."""
    return "&".join(
        f"{name}={params[name]}" for name in sorted(params) if params[name] and name != "sign"
    )


def encoding_of(charset: str) -> str:
    """The codec for a declared charset; LookupError for one that this protocol does not use."""
    return _ENCODINGS[charset.strip().lower()]


# --- response ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """The signed part of a response, exactly as it arrived."""

    node: str
    """name of the root member: the method's, or one of the fault nodes"""
    content: bytes
    encoding: str
    """of the content, derived from its bytes alone"""
    sign: str
    """empty when the response is not signed"""
    cert_sn: str
    is_fault_node: bool


def node_name(method: str) -> str:
    """alipay.trade.pay -> alipay_trade_pay_response."""
    return method.replace(".", "_") + "_response"


def cut_response(body: bytes, method: str) -> Cut:
    """The bytes from the node's first brace (or quote) to its last, found at the top level only.

    Refuses a repeated top-level name, a node of another method, and two nodes: with each of them,
    one text could be verified and another one read.
    """
    if len(body) > RESPONSE_BYTES_MAX:
        raise BadResponse("too_large")
    text, encoding = _decoded(body)
    members = _top_level(text)
    wanted = node_name(method)
    nodes = [name for name in members if name.endswith("_response")]
    if len(nodes) != 1:
        raise BadResponse("several_nodes" if nodes else "no_node")
    node = nodes[0]
    if node != wanted and node not in _FAULT_NODES:
        raise BadResponse("other_method")
    start, stop, value = members[node]
    if not isinstance(value, dict | str):
        raise BadResponse("bad_node")
    content = text[start:stop].encode(encoding)
    return Cut(
        node=node,
        content=content,
        encoding=_encoding_of_content(content),
        sign=_text_member(members, "sign"),
        cert_sn=_text_member(members, "alipay_cert_sn"),
        is_fault_node=node != wanted,
    )


def signed_texts(cut: Cut) -> Iterator[bytes]:
    r"""The texts that the signature may cover: the text as sent, or the text before its slashes
    were escaped as `\/` (as Alipay's Java client does). Parse the one that verifies."""
    yield cut.content
    if rb"\/" in cut.content:
        # As text, because in GBK the byte of a backslash may be half of a character before a slash.
        sent = cut.content.decode(cut.encoding)
        unescaped = sent.replace(r"\/", "/")
        if unescaped != sent:
            yield unescaped.encode(cut.encoding)


def parse_content(content: bytes, encoding: str) -> dict[str, Any]:
    """The members of a verified text; BadResponse when it is no JSON object (or is encrypted)."""
    value = _parsed_json(content, encoding)
    if not isinstance(value, dict):
        raise BadResponse("encrypted")
    return value


def parse_text(content: bytes, encoding: str) -> str:
    """The ciphertext within a verified JSON string; BadResponse when it is no string."""
    value = _parsed_json(content, encoding)
    if not isinstance(value, str):
        raise BadResponse("not_encrypted")
    return value


def _parsed_json(content: bytes, encoding: str) -> Any:
    try:
        return _DECODER.decode(content.decode(encoding))
    except (ValueError, RecursionError) as error:
        raise BadResponse("not_json") from error


def _decoded(body: bytes) -> tuple[str, str]:
    # Some fault responses are GBK whatever charset was requested. A GBK character may end in
    # the byte of a backslash, so such a body is cut as text and the very bytes are restored.
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        text = body.decode("gb18030")
    except UnicodeDecodeError:
        raise BadResponse("charset") from None
    if text.encode("gb18030") != body:
        raise BadResponse("charset")
    return text, "gb18030"


def _encoding_of_content(content: bytes) -> str:
    # Only the signed bytes decide the encoding. Otherwise a stray byte outside the signature
    # could make signed UTF-8 be read as GBK: as other characters, some of which hide an escape.
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _constant(_word: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = JSONDecoder(strict=False, parse_constant=_constant)


def _top_level(text: str) -> dict[str, tuple[int, int, Any]]:
    """name -> (start, stop, value) of each member of the outermost object."""
    members: dict[str, tuple[int, int, Any]] = {}
    try:
        at = _expect(text, _after_blanks(text, 1 if text.startswith("\ufeff") else 0), "{")
        while True:
            at = _after_blanks(text, at)
            if text[at] != '"':
                raise BadResponse("not_json")
            name, stop = _DECODER.raw_decode(text, at)
            if "\\" in text[at:stop]:
                raise BadResponse("escaped_name")
            if name in members:
                raise BadResponse("duplicate_member")
            start = _after_blanks(text, _expect(text, _after_blanks(text, stop), ":"))
            value, stop = _DECODER.raw_decode(text, start)
            members[name] = (start, stop, value)
            at = _after_blanks(text, stop)
            if text[at] == "}":
                break
            at = _expect(text, at, ",")
        if _after_blanks(text, at + 1) != len(text):
            raise BadResponse("not_json")
    except BadResponse:
        raise
    except (ValueError, IndexError, RecursionError) as error:
        raise BadResponse("not_json") from error
    return members


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    if text[at] != mark:
        raise BadResponse("not_json")
    return at + 1


def _text_member(members: Mapping[str, tuple[int, int, Any]], name: str) -> str:
    if name not in members:
        return ""
    value = members[name][2]
    if not isinstance(value, str):
        raise BadResponse(f"bad_{name}")
    return value


# --- notification ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """A notification's fields as bytes, percent-decoded exactly once, in the order of arrival."""

    fields: Mapping[bytes, bytes]
    encoding: str

    def text(self, name: str) -> str:
        """One field as text; absent and present-but-empty are the same."""
        return self._decoded(self.fields.get(name.encode(), b""))

    def texts(self) -> dict[str, str]:
        """Every non-empty field."""
        present = [(name, value) for name, value in self.fields.items() if value]
        try:
            return {
                name.decode(self.encoding): value.decode(self.encoding) for name, value in present
            }
        except UnicodeDecodeError:
            return {self._decoded(name): self._decoded(value) for name, value in present}

    def _decoded(self, raw: bytes) -> str:
        # The declared charset first; the others serve for notices in GBK that declare utf-8.
        # The signature covers the bytes, so this affects only how they are read.
        for encoding in dict.fromkeys((self.encoding, "utf-8", "gb18030")):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise BadForm("undecodable")


def read_form(body: bytes, content_type: str | None = None) -> Form:
    """The raw body as fields. `content_type`, if given, must be a form's. What Alipay sends after
    the first semicolon is malformed, and is therefore only searched for a charset.
    """
    if len(body) > NOTIFY_BYTES_MAX:
        raise BadForm("too_large")
    if content_type is not None:
        _check_content_type(content_type)
    fields: dict[bytes, bytes] = {}
    for pair in body.strip(b"\r\n").split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = _unquoted(raw_name)
        if not name or b"=" in name or b"&" in name:
            # Such a name could look like the separator between two other fields.
            raise BadForm("malformed")
        if name in fields:
            raise BadForm("duplicate")
        fields[name] = _unquoted(raw_value)
        if len(fields) > FIELDS_MAX:
            raise BadForm("too_many_fields")
    if not fields:
        raise BadForm("malformed")
    declared = fields.get(b"charset", b"") or b"utf-8"
    try:
        encoding = encoding_of(declared.decode("latin-1"))
    except LookupError:
        raise BadForm("charset") from None
    return Form(fields, encoding)


def _unquoted(raw: bytes) -> bytes:
    # Most names and many values are plain; checking costs a tenth of unquoting.
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unquote_to_bytes(raw) if b"%" in raw else raw


def _check_content_type(content_type: str) -> None:
    family, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if family != FORM_TYPE:
        raise BadForm("content_type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \"'") not in _ENCODINGS:
            raise BadForm("charset")


def notify_contents(fields: Mapping[bytes, bytes], kind: Kind) -> tuple[bytes, ...]:
    """The texts that the signature may cover: without empty values, or with them (some signers).
    The endpoint determines the kind; one kind is never tried after the other."""
    left_out = {b"sign", b"alipay_cert_sn"}
    if kind == "pay":
        left_out.add(b"sign_type")
    kept = sorted((name, value) for name, value in fields.items() if name not in left_out)
    without_empty = b"&".join(name + b"=" + value for name, value in kept if value)
    if all(value for _, value in kept):
        return (without_empty,)
    return without_empty, b"&".join(name + b"=" + value for name, value in kept)


def json_text(value: Mapping[str, Any]) -> str:
    """Compact JSON text as it is signed and sent; it is never serialised again."""
    return _ENCODER.encode(value)
