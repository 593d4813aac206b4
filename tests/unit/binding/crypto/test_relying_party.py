"""Under which name and origin browsers may use passkeys, by the public address; what is too odd to
be an answer; and that the library costs nobody anything who has none."""

import subprocess
import sys

import pytest

from services.binding.crypto.relying_party import (
    Assertion,
    PasskeyRefused,
    challenge_in,
    of_url,
    verify_assertion,
)
from tests.fixtures.authenticator import b64


@pytest.mark.parametrize(
    ("address", "rp_id", "origin"),
    [
        ("https://pay.tea.example", "pay.tea.example", "https://pay.tea.example"),
        ("https://Pay.Tea.example/", "pay.tea.example", "https://pay.tea.example"),
        ("https://pay.tea.example:443/x", "pay.tea.example", "https://pay.tea.example"),
        ("https://pay.tea.example:8443", "pay.tea.example", "https://pay.tea.example:8443"),
        ("https://例子.测试", "xn--fsqu00a.xn--0zwm56d", "https://xn--fsqu00a.xn--0zwm56d"),
        ("http://127.0.0.1:8080", "localhost", "http://localhost:8080"),
        ("http://[::1]:8080", "localhost", "http://localhost:8080"),
        ("http://localhost", "localhost", "http://localhost"),
    ],
)
def test_the_name_is_that_of_the_public_address(address, rp_id, origin):
    party = of_url(address)
    assert (party.rp_id, party.origin) == (rp_id, origin)


@pytest.mark.parametrize(
    "address",
    [
        "http://pay.tea.example",
        "https://10.0.0.5",
        "https://[2001:db8::5]",
        "",
        "pay.tea.example",
        "http://localhost.evil.example",
    ],
)
def test_elsewhere_no_browser_offers_them(address):
    assert of_url(address) is None


@pytest.mark.parametrize(
    "told",
    ["", "!", "AAAAA", b64(b"{}"), b64(b"[]"), b64(b'{"challenge": null}'), b64(b"\xff"),
     b64(b'{"challenge": "!"}'), b64(b"[" * 1500), b64(b"1")],
)  # fmt: skip
def test_what_names_no_challenge(told):
    assert challenge_in(told) is None


def test_bytes_of_any_kind_are_refused_and_no_fault():
    party = of_url("https://pay.tea.example")
    for odd in ("AAAA", "A", b64(bytes(300))):
        with pytest.raises(PasskeyRefused):
            verify_assertion(
                party, b"", Assertion(odd, odd, odd, odd), handle=bytes(16), public_key=b"\xa0"
            )


@pytest.mark.parametrize(
    "process", ["services.binding.app", "services.binding.worker", "gateway.edge"]
)
def test_no_process_starts_with_the_library(process):
    code = (
        f"import {process}, sys; assert not {{'webauthn', 'OpenSSL', 'cbor2'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
