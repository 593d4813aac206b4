"""`python -m gateway.alipay` as scripts use it (interfaces.md §5), judged by a second hand.

The signatures and texts expected here are made with `cryptography` and the standard library only.
What genuine systems signed is in tests/conformance/test_vectors.py.
"""

import base64
import hashlib
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.alipay.protocol.cli import COMMANDS
from gateway.alipay.protocol.cli import answer as answer_of
from tests.fixtures.commands import Commands
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.authority import der_of, issue, pem_of

ROOT = Path(__file__).resolve().parents[2]
PARAMS = {"b": "2 & 3", "a": "测试", "empty": "", "sign_type": "RSA2", "sign": "old", "none": None}
CONTENT = "a=测试&b=2 & 3&sign_type=RSA2"


Run = Callable[..., Any]


@pytest.fixture
def run(command_line: Commands) -> Run:
    def call(command: str, given: Any, *, lines: bool = False, status: int | None = 0) -> Any:
        """The parsed output; `given` is JSON-encoded unless it is bytes."""
        if isinstance(given, bytes):
            stdin = given
        elif lines:
            stdin = "\n".join(json.dumps(item) for item in given).encode()
        else:
            stdin = json.dumps(given).encode()
        words = ("gateway.alipay", command, *(["--lines"] if lines else []))
        done = command_line(*words, stdin=stdin, env={"PATH": "", "PYTHONPATH": str(ROOT)})
        assert status is None or done.returncode == status, done.stderr
        if status == 2:
            assert not done.stdout
            return done.stderr
        assert not done.stderr, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return found if lines else found[0]

    return call


def by_hand(content: bytes, pair: RsaPair) -> str:
    signature = pair.private.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signature).decode()


def test_content_and_sign(run: Run, app_keys: RsaPair) -> None:
    assert run("content", {"params": PARAMS}) == {"content": CONTENT}
    expected = {"content": CONTENT, "sign": by_hand(CONTENT.encode(), app_keys)}
    pkcs8 = app_keys.private_pem.decode()
    spelled = [pkcs8, pkcs8.replace("\n", "\\n"), pkcs8.replace("\n", "\r\n"), app_keys.private_b64,
               app_keys.private_pkcs1_pem.decode()]  # fmt: skip
    items = [{"params": PARAMS, "private_key": key} for key in spelled]
    assert run("sign", items, lines=True) == [expected] * len(items)


def test_sign_in_the_charset_of_the_request(run: Run, app_keys: RsaPair) -> None:
    params = {"charset": "GBK", "subject": "测试"}
    signed = run("sign", {"params": params, "private_key": app_keys.private_b64})
    assert signed["sign"] == by_hand("charset=GBK&subject=测试".encode("gbk"), app_keys)


def notify(pair: RsaPair, *, kind: str = "pay") -> str:
    fields = {
        "app_id": "2021000000000001",
        "charset": "utf-8",
        "subject": "测试 + % & 😀",
        "x": "1",
    }
    signed = dict(fields) if kind == "pay" else {**fields, "sign_type": "RSA2"}
    content = "&".join(f"{name}={signed[name]}" for name in sorted(signed)).encode()
    return urlencode({**fields, "sign_type": "RSA2", "sign": by_hand(content, pair)})


def test_verify_notify(run: Run, alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    key = alipay_keys.public_b64
    good = notify(alipay_keys)
    b64 = base64.b64encode(good.encode()).decode()
    items = [
        {"body": good, "kind": "pay", "alipay_public_key": key},
        {"body": good, "alipay_public_key": alipay_keys.public_pem.decode()},
        {"body_b64": b64, "alipay_public_key": key,
         "content_type": "application/x-www-form-urlencoded; text/html; charset=utf-8"},
        {"body": notify(alipay_keys, kind="app"), "kind": "app", "alipay_public_key": key},
        {"body": good, "kind": "app", "alipay_public_key": key},
        {"body": notify(alipay_keys, kind="app"), "kind": "pay", "alipay_public_key": key},
        {"body": good + "&x=1", "alipay_public_key": key},
        {"body": good, "alipay_public_key": other_keys.public_b64},
        {"body": good, "alipay_public_key": key, "content_type": "application/json"},
        {"body": good.replace("RSA2", "RSA"), "alipay_public_key": key},
    ]  # fmt: skip
    told = run("verify-notify", items, lines=True, status=1)
    assert [item["valid"] for item in told] == [True] * 4 + [False] * 6
    assert [item["reason"] for item in told[4:]] == [
        "signature", "signature", "duplicate", "signature", "content_type", "sign_type",
    ]  # fmt: skip


def answer(pair: RsaPair, node: bytes, *, name: str = "alipay_trade_pay_response") -> str:
    body = b'{"%s":%s,"sign":"%s"}' % (name.encode(), node, by_hand(node, pair).encode())
    return base64.b64encode(body).decode()


def test_verify_response(run: Run, alipay_keys: RsaPair, other_keys: RsaPair) -> None:
    node = '{"code":"10000","a":"}\\"{","b":"测试","u":"https:\\/\\/x"}'.encode()
    method, key = "alipay.trade.pay", alipay_keys.public_b64

    def item(body_b64: str, method: str = method, key: str = key) -> dict[str, str]:
        return {"body_b64": body_b64, "method": method, "alipay_public_key": key}

    told = run("verify-response", item(answer(alipay_keys, node)))
    assert told == {
        "valid": True, "content_b64": base64.b64encode(node).decode(), "reason": "ok",
    }  # fmt: skip
    unsigned = base64.b64encode(b'{"alipay_trade_pay_response":{"code":"10000"}}').decode()
    bad = [
        item(answer(alipay_keys, node), "alipay.trade.query"),
        item(answer(alipay_keys, node), key=other_keys.public_b64),
        item(unsigned),
        item(base64.b64encode(b"<html>").decode()),
    ]
    told = run("verify-response", bad, lines=True, status=1)
    assert [item["valid"] for item in told] == [False] * 4
    assert [item["reason"] for item in told] == ["other_method", "signature", "no_sign", "not_json"]
    assert not [item for item in told if item["content_b64"]]


def test_the_text_that_was_signed_is_the_one_shown(run: Run, alipay_keys: RsaPair) -> None:
    """An answer whose slashes were escaped after signing: only the signed spelling comes out."""
    signed = b'{"u":"https://x"}'
    sent = signed.replace(b"/", b"\\/")
    body = b'{"alipay_trade_pay_response":%s,"sign":"%s"}' % (
        sent, by_hand(signed, alipay_keys).encode(),
    )  # fmt: skip
    told = run("verify-response", {
        "body_b64": base64.b64encode(body).decode(), "method": "alipay.trade.pay",
        "alipay_public_key": alipay_keys.public_b64,
    })  # fmt: skip
    assert base64.b64decode(told["content_b64"]) == signed


def key_spellings(pair: RsaPair) -> list[tuple[str, str, str]]:
    """(what was pasted, kind, format): PEM, bare, wrapped, CRLF, one line; all the same pair."""
    pkcs8 = pair.private_pem.decode()
    bare = "".join(line for line in pkcs8.splitlines() if "-" not in line)
    certificate = issue("x", pair.public, "x", pair.private, serial=1)
    private = [
        (pkcs8, "pkcs8"), (pkcs8.replace("\n", "\r\n"), "pkcs8"), (bare, "pkcs8"),
        (pkcs8.replace("\n", "\\n"), "pkcs8"), ("".join(pkcs8.splitlines()), "pkcs8"),
        ("\r\n".join(textwrap.wrap(bare, 64)), "pkcs8"), (f"\ufeff {bare}\n", "pkcs8"),
        (pair.private_pkcs1_pem.decode(), "pkcs1"), (pair.private_b64, "pkcs1"),
        ("\n".join(textwrap.wrap(pair.private_b64, 76)), "pkcs1"),
    ]  # fmt: skip
    return [
        *((text, "private", form) for text, form in private),
        (pair.public_pem.decode(), "public", "spki"),
        (pair.public_b64, "public", "spki"),
        ("\r\n".join(textwrap.wrap(pair.public_b64, 64)), "public", "spki"),
        (pem_of(certificate), "certificate", "x509"),
        (base64.b64encode(der_of(certificate)).decode(), "certificate", "x509"),
    ]


def test_key_info_in_every_spelling(run: Run, app_keys: RsaPair) -> None:
    fingerprint = hashlib.sha256(base64.b64decode(app_keys.public_b64)).hexdigest()
    spelled = key_spellings(app_keys)
    told = run("key-info", [{"key": text} for text, _, _ in spelled], lines=True)
    for (_, kind, form), item in zip(spelled, told, strict=True):
        assert item == {
            "kind": kind, "bits": 2048, "format": form, "fingerprint": fingerprint,
            "public_key": app_keys.public_b64,
        }  # fmt: skip


def test_only_public_facts_are_shown(run: Run, app_keys: RsaPair) -> None:
    """No 40-character slice of a private key in any answer, of a good key or a damaged one."""
    secret = app_keys.private_b64
    damaged = [secret, secret[:-60], secret[:800] + "AAAA" + secret[804:], secret + "!"]
    items = [{"params": {"a": "1"}, "private_key": key, "key": key} for key in damaged]
    for command in ("key-info", "sign", "content", "aes-enc", "cert-sn", "verify-notify"):
        told = json.dumps(run(command, items, lines=True, status=None))
        public = app_keys.public_b64
        slices = {secret[at : at + 40] for at in range(len(secret) - 39)}
        slices -= {public[at : at + 40] for at in range(len(public) - 39)}
        assert not [piece for piece in slices if piece in told]


def test_a_key_whose_numbers_do_not_fit_is_refused(run: Run, app_keys: RsaPair) -> None:
    """Whole in its frame, wrong in its numbers: the signature would be of no use to anybody."""
    numbers = app_keys.private.private_numbers()
    off = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d + 2, numbers.dmp1 + 2, numbers.dmq1, numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)  # fmt: skip
    told = run("key-info", {"key": RsaPair(off).private_b64}, status=1)
    assert told == {"error": "the key's numbers do not fit together"}


def test_aes(run: Run) -> None:
    key, text = "AAECAwQFBgcICQoLDA0ODw==", '{"out_trade_no":"T1","subject":"测试"}'
    cipher = "G7PYcjyAquhKW/Z/PmtCC9anZI58gbG8GWG+T8AntSJAGJKBHBrz/7IoJGO1LdCr"
    assert run("aes-enc", {"key": key, "text": text}) == {"text": cipher}
    assert run("aes-dec", {"key": key, "text": cipher}) == {"text": text}
    for broken in (cipher[:-4], "AAAA", "!"):
        assert "error" in run("aes-dec", {"key": key, "text": broken}, status=1)


def test_an_invalid_item_never_stops_the_batch(run: Run, app_keys: RsaPair) -> None:
    good = json.dumps({"params": {"a": "1"}, "private_key": app_keys.private_b64})
    broken = [
        "not json", "[]", "null", '{"params":{}}', '{"params":[],"private_key":"x"}',
        '{"params":{"a":1},"private_key":"x"}', '{"params":{},"private_key":"nonsense"}',
        '{"params":{"a":"\\ud800"},"private_key":' + json.dumps(app_keys.private_b64) + "}",
        "\ufffd", "[" * 5000,
    ]  # fmt: skip
    stdin = "\n".join([good, *broken, good]).encode()
    told = run("sign", stdin, lines=True, status=1)
    assert len(told) == len(broken) + 2
    assert "sign" in told[0]
    assert told[0] == told[-1]
    assert all(list(item) == ["error"] for item in told[1:-1])


MEMBERS = ("params", "private_key", "body", "body_b64", "kind", "content_type", "method", "pem",
           "alipay_public_key", "alipay_cert", "key", "text")  # fmt: skip
VALUES = (None, 1, True, "", "x", "é", "AAAA", [], ["a"], {}, {"a": 1}, {"a": "1"}, "pay", "\ud800")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_item_breaks_a_command(command: str, app_keys: RsaPair) -> None:
    good = {
        "params": {"a": "1"}, "private_key": app_keys.private_b64, "body": "a=1", "kind": "pay",
        "alipay_public_key": app_keys.public_b64, "key": app_keys.public_b64, "text": "x",
        "method": "alipay.trade.pay", "pem": "x",
    }  # fmt: skip
    items = [{**good, member: value} for member in MEMBERS for value in VALUES]
    for item in [*items, {}]:
        told, is_valid = answer_of(command, json.dumps(item))
        assert told
        assert is_valid is ("error" not in told and told.get("valid", True))


def test_a_refusal_does_not_repeat_a_private_key(run: Run, app_keys: RsaPair) -> None:
    cut_off = app_keys.private_b64[:-60]
    for command in ("sign", "key-info"):
        told = run(
            command, {"params": {"a": "1"}, "private_key": cut_off, "key": cut_off}, status=1
        )
        assert cut_off[:20] not in json.dumps(told)


def test_misuse(run: Run, command_line: Commands) -> None:
    for stdin in (b"", b"{", b"\xff"):
        assert run("content", stdin, status=2)
    assert "usage" in run("no-such-command", b"{}", status=2)
    done = command_line("gateway.alipay", "--help", env={"PATH": ""})
    assert done.returncode == 0
    for command in ("content", "sign", "verify-notify", "verify-response", "key-info", "cert-sn",
                    "root-cert-sn", "aes-enc", "aes-dec"):  # fmt: skip
        assert command in done.stdout


def test_a_thousand_items_in_one_process(run: Run, app_keys: RsaPair) -> None:
    items = [{"params": {"n": str(n)}} for n in range(1000)]
    told = run("content", items, lines=True)
    assert told == [{"content": f"n={n}"} for n in range(1000)]


@pytest.mark.parametrize("command", ["cert-sn", "root-cert-sn"])
def test_no_certificate_no_number(run: Run, command: str) -> None:
    for pem in ("", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"):
        assert "error" in run(command, {"pem": pem}, status=1)


@pytest.fixture(scope="module")
def leaf(app_keys: RsaPair, alipay_keys: RsaPair) -> str:
    """Alipay's certificate, followed by its issuer's, as the console hands it out."""
    issuer = issue("Class 2", app_keys.public, "Class 2", app_keys.private, serial=3, ca=True)
    return pem_of(
        issue("Alipay", alipay_keys.public, "Class 2", app_keys.private, serial=12), issuer
    )


def number(serial: int) -> str:
    text = f"CN=Class 2,OU=Certification Authority,O=Test Ant,C=CN{serial}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_certificate_numbers(run: Run, leaf: str) -> None:
    assert run("cert-sn", {"pem": leaf}) == {"sn": number(12)}
    assert run("root-cert-sn", {"pem": leaf}) == {"sn": f"{number(12)}_{number(3)}"}


def test_a_certificate_stands_for_its_key(
    run: Run, leaf: str, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    good = notify(alipay_keys)
    node = b'{"code":"10000"}'
    sign = by_hand(node, alipay_keys)
    plain = f'{{"alipay_trade_pay_response":{node.decode()},"sign":"{sign}"}}'
    named = plain.replace(',"sign"', f',"alipay_cert_sn":"{number(12)}","sign"')
    renewed = plain.replace(',"sign"', f',"alipay_cert_sn":"{number(13)}","sign"')
    forged = named.replace(sign, by_hand(node, other_keys))
    told = run("verify-notify", [{"body": good, "alipay_cert": leaf}], lines=True)
    assert told == [{"valid": True, "reason": "ok"}]
    items = [
        {"body": body, "method": "alipay.trade.pay", "alipay_cert": leaf}
        for body in (plain, named, renewed, forged)
    ]
    told = run("verify-response", items, lines=True, status=1)
    assert [item["reason"] for item in told] == ["ok", "ok", "cert_sn", "signature"]
    both = {**items[0], "alipay_public_key": alipay_keys.public_b64}
    neither = {"body": plain, "method": "alipay.trade.pay"}
    for item in (both, neither):
        told = run("verify-response", item, status=1)
        assert (told["valid"], told["reason"]) == (False, "bad_item")
        assert "exactly one of" in told["error"]


def test_encrypted_answers_are_shown_with_their_quotes(run: Run, alipay_keys: RsaPair) -> None:
    item = {
        "body_b64": answer(alipay_keys, b'"AAAA"'), "method": "alipay.trade.pay",
        "alipay_public_key": alipay_keys.public_b64,
    }  # fmt: skip
    told = run("verify-response", item)
    assert base64.b64decode(told["content_b64"]) == b'"AAAA"'


def test_a_byte_order_mark_is_no_part_of_the_first_item(run: Run) -> None:
    item = b'\xef\xbb\xbf{"params":{"a":"1"}}'
    assert run("content", item) == {"content": "a=1"}
    assert run("content", item + b"\r\n\n" + item[3:], lines=True) == [{"content": "a=1"}] * 2
