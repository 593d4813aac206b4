"""A request as it came over the wire: query and form merged, charset first, values untouched."""

import json
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesParser
from urllib.parse import unquote_to_bytes

UTF_8 = "utf-8"
GBK = "gb18030"
CHARSETS = {"utf-8": UTF_8, "utf8": UTF_8, "gbk": GBK, "gb2312": GBK, "gb18030": GBK}

Pairs = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Received:
    """Parameters decoded with the charset they name themselves."""

    params: dict[str, str] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    codec: str = UTF_8
    is_charset_known: bool = True
    host: str = ""


def urlencoded_pairs(raw: bytes) -> Pairs:
    """Percent-decoded to bytes, once; `+` is a space."""
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.replace(b"+", b" ").partition(b"=")
            pairs.append((_unquoted(name), _unquoted(value)))
    return pairs


def _unquoted(raw: bytes) -> bytes:
    return unquote_to_bytes(raw) if b"%" in raw else raw


def multipart_pairs(content_type: str, raw: bytes) -> Pairs:
    """Text parts only: uploaded files are not under the signature."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + raw)
    pairs = []
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes) and part.get_filename() is None:
            pairs.append((name.encode(), value))
    return pairs


def auth_code(params: dict[str, str]) -> str:
    """The buyer's code of a payment, before anything of the request is checked; "" where none can
    be read, for instance from encrypted content."""
    try:
        found = json.loads(params.get("biz_content", ""))
    except (ValueError, RecursionError):
        return ""
    code = found.get("auth_code") if isinstance(found, dict) else None
    return code if isinstance(code, str) else ""


def read(raw_query: bytes, content_type: str, body: bytes) -> Received:
    pairs = urlencoded_pairs(raw_query)
    if body:
        if content_type.lower().startswith("multipart/"):
            pairs += multipart_pairs(content_type, body)
        else:
            pairs += urlencoded_pairs(body)
    named = next((value for name, value in pairs if name == b"charset"), b"")
    codec = CHARSETS.get(named.decode("latin-1").strip().lower()) if named else UTF_8
    received = Received(codec=codec or UTF_8, is_charset_known=codec is not None)
    params = received.params
    for raw_name, raw_value in pairs:
        # Undecodable bytes become U+FFFD: the signature check then refuses the request.
        name = raw_name.decode(received.codec, "replace")
        value = raw_value.decode(received.codec, "replace")
        if params.setdefault(name, value) != value:
            received.conflicts.add(name)
    return received


def content_to_sign(params: dict[str, str], *, keeps_empty: bool) -> str:
    """Everything but `sign`; `sign_type` stays in for requests."""
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(params.items())
        if name != "sign" and (value or keeps_empty)
    )
