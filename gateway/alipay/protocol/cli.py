"""The signing CLI (interfaces.md §5): the gateway's own protocol code, with JSON from stdin.

Exit 0: everything valid; 1: something invalid; 2: misuse. It uses no network and no database, and
no output contains a private key.
"""

import argparse
import base64
import binascii
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.canonical import (
    BadForm,
    BadResponse,
    Kind,
    cut_response,
    encoding_of,
    parse_content,
    read_form,
    request_content,
)
from gateway.alipay.protocol.keys import (
    BadKey,
    cert_sn,
    read_key,
    read_private,
    read_public,
    root_cert_sn,
)
from gateway.alipay.protocol.rsa2 import sign
from gateway.alipay.protocol.verify import check_notify, check_response

Item = Mapping[str, Any]

OK, INVALID, MISUSE = 0, 1, 2
KINDS: Mapping[str, Kind] = {"pay": "pay", "app": "app", "return": "pay"}
"""A page return is a query string, signed like a trade notice."""
KEYS_KEPT = 64

# A batch repeats its keys.
_private = lru_cache(maxsize=KEYS_KEPT)(read_private)
_public = lru_cache(maxsize=KEYS_KEPT)(read_public)


class BadItem(ValueError):
    """An item lacks a member, or a member has the wrong shape."""


OUR_WORDS = (BadItem, BadResponse, BadForm, BadKey, aes.BadAesKey, aes.BadCiphertext)


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise BadItem(f"{name}: a string is needed")
    return value


def _params(item: Item) -> dict[str, str]:
    params = item.get("params")
    if not isinstance(params, dict):
        raise BadItem("params: an object is needed")
    # Null means absent. Any other value that is not a string is refused, because clients write it
    # as text in different ways.
    found = {name: value for name, value in params.items() if value is not None}
    for name, value in found.items():
        if not isinstance(value, str):
            raise BadItem(f"params.{name}: only strings are signed")
    return found


def _body(item: Item, name: str = "body") -> bytes:
    if f"{name}_b64" in item:
        try:
            return base64.b64decode(_text(item, f"{name}_b64"), validate=True)
        except binascii.Error:
            raise BadItem(f"{name}_b64: not base64") from None
    return _text(item, name).encode()


def _alipay_key(item: Item) -> tuple[RSAPublicKey, str]:
    """Alipay's public key and, in certificate mode, the certificate's number."""
    given = [name for name in ("alipay_public_key", "alipay_cert") if item.get(name)]
    if len(given) != 1:
        raise BadItem("exactly one of alipay_public_key and alipay_cert is needed")
    text = _text(item, given[0])
    if given[0] == "alipay_public_key":
        return _public(text), ""
    return _public(text), cert_sn(text)


def content(item: Item) -> dict[str, Any]:
    """The string to sign."""
    return {"content": request_content(_params(item))}


def signing(item: Item) -> dict[str, Any]:
    """The string to sign, and its signature by an application's private key."""
    params = _params(item)
    text = request_content(params)
    key = _private(_text(item, "private_key"))
    try:
        signed = text.encode(encoding_of(params.get("charset", "") or "utf-8"))
    except LookupError:
        raise BadItem("params.charset: utf-8 or gbk") from None
    return {"content": text, "sign": sign(signed, key)}


def verify_notify(item: Item) -> dict[str, Any]:
    """Whether a notification of the given kind verifies."""
    known = KINDS.get(_text(item, "kind") if "kind" in item else "pay")
    if known is None:
        raise BadItem("kind: pay or app")
    key, _ = _alipay_key(item)
    content_type = item.get("content_type")
    if content_type is not None and not isinstance(content_type, str):
        raise BadItem("content_type: a string is needed")
    try:
        form = read_form(_body(item), content_type)
        form.texts()
        reason = check_notify(form, known, (key,)).reason
    except BadForm as error:
        reason = error.reason
    return {"valid": reason == "ok", "reason": reason}


def verify_response(item: Item) -> dict[str, Any]:
    """Whether a response to `method` verifies, and the exact bytes that were signed."""
    key, number = _alipay_key(item)
    try:
        cut = cut_response(_body(item), _text(item, "method"))
        verdict = check_response(cut, (key,), (number,) if number else ())
        if verdict.is_valid and not verdict.content.startswith(b'"'):
            parse_content(verdict.content, cut.encoding)
        reason, signed = verdict.reason, verdict.content
    except BadResponse as error:
        reason, signed = error.reason, b""
    shown = base64.b64encode(signed).decode() if reason == "ok" else ""
    return {"valid": reason == "ok", "content_b64": shown, "reason": reason}


def key_info(item: Item) -> dict[str, Any]:
    """The kind and facts of a pasted key; of a private key only the public half is shown."""
    key = read_key(_text(item, "key"))
    return {
        "kind": key.kind,
        "bits": key.facts.bits,
        "format": key.format,
        "fingerprint": key.facts.fingerprint,
        "public_key": key.facts.spki,
    }


def _cert_sn(item: Item) -> dict[str, Any]:
    return {"sn": cert_sn(_text(item, "pem"))}


def _root_cert_sn(item: Item) -> dict[str, Any]:
    return {"sn": root_cert_sn(_text(item, "pem"))}


def _aes_enc(item: Item) -> dict[str, Any]:
    return {"text": aes.encrypt(_text(item, "key"), _text(item, "text"))}


def _aes_dec(item: Item) -> dict[str, Any]:
    return {"text": aes.decrypt(_text(item, "key"), _text(item, "text"))}


COMMANDS: Mapping[str, tuple[Callable[[Item], dict[str, Any]], str]] = {
    "content": (content, "the string to sign of {params}"),
    "sign": (signing, "content and signature of {params, private_key}"),
    "verify-notify": (verify_notify, "verdict on {body|body_b64, kind, alipay_public_key|…}"),
    "verify-response": (verify_response, "verdict on {body_b64, method, alipay_public_key|…}"),
    "key-info": (key_info, "what the pasted {key} is"),
    "cert-sn": (_cert_sn, "number of the first certificate in {pem}"),
    "root-cert-sn": (_root_cert_sn, "numbers of the RSA roots in {pem}"),
    "aes-enc": (_aes_enc, "AES ciphertext of {key, text}"),
    "aes-dec": (_aes_dec, "text behind {key, text}"),
}


def answer(command: str, line: str) -> tuple[dict[str, Any], bool]:
    """The result of one item and whether it is valid; for a bad item `error` has the reason."""
    try:
        item = json.loads(line)
        if not isinstance(item, dict):
            raise BadItem("an object is needed")
        result = COMMANDS[command][0](item)
    except (ValueError, RecursionError) as error:
        # Only texts of ours, because a library's message may quote the pasted text.
        said = str(error) if isinstance(error, OUR_WORDS) else "not readable"
        refusal: dict[str, Any] = {"error": said}
        if command.startswith("verify-"):
            refusal = {"valid": False, "reason": "bad_item", **refusal}
        return refusal, False
    return result, result.get("valid", True) is True


def main(
    arguments: Sequence[str] | None = None,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> int:
    """Runs one command over stdin; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.alipay",
        description="Signs and verifies as the gateway does. JSON on stdin, JSON on stdout.",
        epilog="\n".join(f"{name:16} {what}" for name, (_, what) in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=tuple(COMMANDS))
    parser.add_argument("--lines", action="store_true", help="one object per line, in and out")
    options = parser.parse_args(arguments)
    source, sink = stdin or sys.stdin.buffer, stdout or sys.stdout.buffer

    def put(result: dict[str, Any]) -> None:
        text = json.dumps(result, ensure_ascii=False)
        sink.write(text.encode("utf-8", "backslashreplace") + b"\n")

    if not options.lines:
        try:
            text = source.read().decode("utf-8-sig")
            json.loads(text)
        except (ValueError, RecursionError):
            sys.stderr.write("stdin is not one JSON object\n")
            return MISUSE
        result, is_valid = answer(options.command, text)
        put(result)
        return OK if is_valid else INVALID
    status = OK
    for number, line in enumerate(source):
        text = line.decode("utf-8", "replace")
        if number == 0:
            text = text.removeprefix("\ufeff")
        if not text.strip():
            continue
        result, is_valid = answer(options.command, text)
        put(result)
        if not is_valid:
            status = INVALID
    sink.flush()
    return status
