"""Published answers, notices, certificates and ciphertexts come out as their owners say.

They are data of public repositories and not ours to copy: ALIPAY_VECTORS names the folder. Without
it nothing here is collected; the same rules are proven with keys of our own in tests/unit/gateway.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.canonical import (
    Kind,
    cut_response,
    node_name,
    notify_contents,
    read_form,
    request_content,
)
from gateway.alipay.protocol.cli import KINDS, answer
from gateway.alipay.protocol.keys import BadKey, read_public
from gateway.alipay.protocol.rsa2 import verify

FOLDER = os.environ.get("ALIPAY_VECTORS", "")
__test__ = bool(FOLDER)

Entry = dict[str, Any]
RSA2 = "RSA2"
OTHER_METHOD = "alipay.trade.orderinfo.sync"


def entries(
    name: str, wanted: Callable[[Entry], bool] = lambda _entry: True
) -> pytest.MarkDecorator:
    """Each wanted entry of a file as a case of its own, named as the file names it."""
    found = json.loads((Path(FOLDER) / name).read_text("utf-8")) if FOLDER else []
    chosen = [entry for entry in found if wanted(entry)]
    return pytest.mark.parametrize("entry", chosen, ids=[entry["id"] for entry in chosen])


def told(command: str, item: Entry) -> Entry:
    """What the signing CLI says about one item."""
    return answer(command, json.dumps(item))[0]


def keys_of(entry: Entry) -> list[Entry]:
    """The entry's key as the CLI takes it: the public key, the certificate, or each of both."""
    names = {"public_key_pem": "alipay_public_key", "cert_pem": "alipay_cert"}
    return [{ours: entry[theirs]} for theirs, ours in names.items() if entry.get(theirs)]


def matches(content: bytes, entry: Entry) -> bool:
    digest = hashlib.sha256(content).hexdigest()[:16]
    return (digest, len(content)) == (entry["content_sha256_16"], entry["content_len"])


@entries("responses.json")
def test_an_answer_is_valid_exactly_where_it_should_be(entry: Entry) -> None:
    assert node_name(entry["method"]) == entry["node_name"]
    cut = cut_response(base64.b64decode(entry["body_b64"]), entry["method"])
    assert matches(cut.content, entry)
    assert cut.sign == entry["sign"]
    for key in keys_of(entry):
        item = {"body_b64": entry["body_b64"], "method": entry["method"], **key}
        verdict = told("verify-response", item)
        assert verdict["valid"] is entry["expect"]
        shown = base64.b64decode(verdict["content_b64"])
        assert shown == (cut.content if entry["expect"] else b"")
        other = told("verify-response", {**item, "method": OTHER_METHOD})
        assert (other["valid"], other["reason"]) == (False, "other_method")


@entries("responses.json", lambda entry: entry["expect"])
def test_no_changed_byte_of_an_answer_is_valid(entry: Entry) -> None:
    body = base64.b64decode(entry["body_b64"])
    cut = cut_response(body, entry["method"])
    start = body.index(cut.content)
    for place in range(start, start + len(cut.content), 7):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        item = {"body_b64": base64.b64encode(changed).decode(), "method": entry["method"]}
        assert not told("verify-response", {**item, **keys_of(entry)[0]})["valid"]


def other_kind(kind: str) -> Kind:
    return "app" if KINDS[kind] == "pay" else "pay"


@entries("notifies.json", lambda entry: entry["sign_type"] == RSA2)
def test_a_notice_is_valid_under_its_own_kind_only(entry: Entry) -> None:
    form = read_form(entry["form"].encode())
    assert any(matches(text, entry) for text in notify_contents(form.fields, KINDS[entry["kind"]]))
    # The algorithm is never guessed: a form that does not say RSA2 is refused, whoever signed it.
    expected = entry["expect"] and form.text("sign_type") == RSA2
    for key in keys_of(entry):
        item = {"body": entry["form"], "kind": entry["kind"], **key}
        assert told("verify-notify", item)["valid"] is expected
        assert not told("verify-notify", {**item, "kind": other_kind(entry["kind"])})["valid"]


@entries("notifies.json", lambda entry: entry["sign_type"] != RSA2)
def test_a_notice_under_sha1_is_refused(entry: Entry) -> None:
    for key in keys_of(entry):
        for kind in KINDS:
            item = {"body": entry["form"], "kind": kind, **key}
            assert not told("verify-notify", item)["valid"]


@entries("merchant_params.json")
def test_parameters_that_merchants_signed(entry: Entry) -> None:
    content = request_content(entry["params"]).encode()
    assert matches(content, entry)
    assert told("content", {"params": entry["params"]})["content"].encode() == content
    try:
        key = read_public(entry["public_key_pem"])
    except BadKey:
        assert entry["sign_type"] != RSA2
        return
    expected = entry["expect"] and entry["sign_type"] == RSA2
    assert verify(content, entry["sign"], key) is expected


@entries("cutters.json")
def test_the_signed_bytes_of_an_answer(entry: Entry) -> None:
    cut = cut_response(base64.b64decode(entry["body_b64"]), entry["method"])
    assert cut.node == entry["node"]
    assert cut.content == base64.b64decode(entry["expected_cut_b64"])


@entries("certs.json")
def test_certificate_numbers(entry: Entry) -> None:
    is_root = "expected_root_sn" in entry
    command = "root-cert-sn" if is_root else "cert-sn"
    found = told(command, {"pem": entry["pem"]})
    expected = {"sn": entry["expected_root_sn" if is_root else "expected_sn"]}
    assert found == expected or (entry["judge"] == "no-crash" and list(found) == ["error"])


@entries("aes.json")
def test_ciphertexts_both_ways(entry: Entry) -> None:
    key, plain, ciphertext = entry["key_b64"], entry["plaintext"], entry["ciphertext_b64"]
    assert told("aes-enc", {"key": key, "text": plain}) == {"text": ciphertext}
    assert told("aes-dec", {"key": key, "text": ciphertext}) == {"text": plain}
    assert aes.decrypt(key, ciphertext) == plain


def test_every_file_has_cases() -> None:
    """A folder that is empty or renamed must not pass as proven."""
    names = ("responses", "notifies", "merchant_params", "cutters", "certs", "aes")
    for name in names:
        assert json.loads((Path(FOLDER) / f"{name}.json").read_text("utf-8")), name
