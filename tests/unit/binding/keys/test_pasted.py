"""The key reader: each spelling people paste is read, each wrong paste is named (S27, S29,
S129)."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from services.binding.keys import pasted as keys
from shared.errors import Problem
from shared.keys.rsa_keys import fingerprint_of
from tests.fixtures.keys import new_rsa_pair

PKCS8_RSA = re.compile(
    rb"0\x82..\x02\x01\x000\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", re.DOTALL
)
"""How each PKCS#8 RSA key begins (RFC 5958): its length is the key's own, version 0, the algorithm
1.2.840.113549.1.1.1."""


def b64(der):
    return base64.b64encode(der).decode()


def der_of(private, form=serialization.PrivateFormat.PKCS8):
    return private.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())


def wrapped(text, width=64, end="\n"):
    return end.join(text[at : at + width] for at in range(0, len(text), width))


PRIVATE_SPELLINGS = {
    "pem pkcs8": lambda k: k.private_pem.decode(),
    "pem pkcs1": lambda k: k.private_pkcs1_pem.decode(),
    "pem crlf": lambda k: k.private_pem.decode().replace("\n", "\r\n"),
    "pem literal \\n": lambda k: k.private_pem.decode().replace("\n", "\\n"),
    "pem literal \\r\\n": lambda k: k.private_pem.decode().replace("\n", "\\r\\n"),
    "pem doubly escaped": lambda k: k.private_pem.decode().replace("\n", "\\\\n"),
    "pem in one line": lambda k: k.private_pem.decode().replace("\n", ""),
    "pem with spaces for breaks": lambda k: k.private_pem.decode().replace("\n", " "),
    "pem without its end line": lambda k: k.private_pem.decode().split("-----END")[0],
    "bare pkcs1": lambda k: k.private_b64,
    "bare pkcs8": lambda k: b64(der_of(k.private)),
    "bare wrapped": lambda k: wrapped(k.private_b64),
    "bare wrapped crlf": lambda k: wrapped(k.private_b64, 76, "\r\n"),
    "bare without padding": lambda k: b64(der_of(k.private)).rstrip("="),
    "framed by blanks": lambda k: f"\n\t  {k.private_b64} \u3000\n",
    "byte order mark": lambda k: "\ufeff" + k.private_b64,
    "zero width spaces": lambda k: wrapped(k.private_b64, 80, "\u200b"),
    "no-break spaces": lambda k: wrapped(k.private_b64, 80, "\u00a0"),
    "quoted": lambda k: f'"{k.private_b64}"',
    "quoted by an office program": lambda k: f"“{k.private_b64}”",
}


@pytest.mark.parametrize("spelling", PRIVATE_SPELLINGS)
def test_a_private_key_in_any_spelling(app_keys, spelling):
    found = keys.read_private_key(PRIVATE_SPELLINGS[spelling](app_keys))
    assert found.pkcs8 == der_of(app_keys.private)
    assert PKCS8_RSA.match(found.pkcs8)
    assert found.public.spki == app_keys.public_b64
    assert found.public.bits == 2048
    assert re.fullmatch(r"[0-9a-f]{64}", found.public.fingerprint)


PUBLIC_SPELLINGS = {
    "bare": lambda k: k.public_b64,
    "pem": lambda k: k.public_pem.decode(),
    "pem crlf": lambda k: k.public_pem.decode().replace("\n", "\r\n"),
    "bare wrapped": lambda k: wrapped(k.public_b64),
    "literal \\n": lambda k: wrapped(k.public_b64, 64, "\\n"),
    "byte order mark": lambda k: "\ufeff" + k.public_b64,
    "pkcs1 pem": lambda k: k.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.PKCS1
    ).decode(),
}


@pytest.mark.parametrize("spelling", PUBLIC_SPELLINGS)
def test_alipays_key_in_any_spelling(alipay_keys, spelling):
    found = keys.read_alipay_key(PUBLIC_SPELLINGS[spelling](alipay_keys), ())
    assert found.spki == alipay_keys.public_b64
    assert found.fingerprint == fingerprint_of(found.spki)


@pytest.fixture(scope="module")
def certificate(app_keys):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(app_keys.public)
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=900))
        .sign(app_keys.private, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def pastes(app_keys, other_keys, certificate):
    """name -> (what was pasted into the private field, verdict)."""
    private = app_keys.private
    locked = serialization.BestAvailableEncryption(b"secret")
    encrypted, pkcs8 = (
        private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, locked)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
    )
    old_locked = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, locked
    )
    openssh = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    elliptic = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    bare = app_keys.private_b64
    return {
        "nothing": ("", keys.KeyEmpty),
        "blanks": (" \r\n\u3000\ufeff", keys.KeyEmpty),
        "a header alone": ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", keys.KeyEmpty),
        "own public key": (app_keys.public_b64, keys.PublicKeyAsPrivate),
        "public pem": (app_keys.public_pem.decode(), keys.PublicKeyAsPrivate),
        "public key under a private header": (
            f"-----BEGIN RSA PRIVATE KEY-----\n{app_keys.public_b64}\n"
            "-----END RSA PRIVATE KEY-----",
            keys.PublicKeyAsPrivate,
        ),
        "certificate pem": (
            f"-----BEGIN CERTIFICATE-----\n{wrapped(b64(certificate))}\n-----END CERTIFICATE-----",
            keys.CertificateAsKey,
        ),
        "bare certificate": (b64(certificate), keys.CertificateAsKey),
        "encrypted pem": (encrypted.decode(), keys.KeyEncrypted),
        "old encrypted pem": (old_locked.decode(), keys.KeyEncrypted),
        "bare encrypted": (b64(pkcs8), keys.KeyEncrypted),
        "openssh": (openssh.decode(), keys.KeyUnreadable),
        "both keys": (
            app_keys.private_pem.decode() + app_keys.public_pem.decode(),
            keys.SeveralKeys,
        ),
        "end cut off": (bare[:1200], keys.KeyTruncated),
        "pem cut off": (app_keys.private_pem.decode()[:900], keys.KeyTruncated),
        "start cut off": (bare[8:], keys.KeyUnreadable),
        "a label in front": (f"应用私钥：{bare}", keys.KeyUnreadable),
        "a word": ("hello", keys.KeyUnreadable),
        "an app id": ("2021000000000001", keys.KeyUnreadable),
        "a letter lost": (bare[:700] + bare[701:], keys.KeyTruncated),
        "two digits swapped": (_swapped(app_keys), keys.KeyInconsistent),
        "half of another key": (_mixed(app_keys, other_keys), keys.KeyInconsistent),
        "1024 bits": (b64(der_of(short)), keys.KeyTooShort),
        "elliptic": (b64(der_of(elliptic)), keys.KeyNotRsa),
        "edwards": (b64(der_of(edwards)), keys.KeyNotRsa),
        "a book": ("A" * 20_000, keys.KeyTooLarge),
    }


PASTES = (
    "nothing", "blanks", "a header alone", "own public key", "public pem",
    "public key under a private header", "certificate pem", "bare certificate", "encrypted pem",
    "old encrypted pem", "bare encrypted", "openssh", "both keys", "end cut off", "pem cut off",
    "start cut off", "a label in front", "a word", "an app id", "a letter lost",
    "two digits swapped", "half of another key", "1024 bits", "elliptic", "edwards", "a book",
)  # fmt: skip


def _integer(value):
    body = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + _length(len(body)) + body


def _length(size):
    if size < 128:
        return bytes([size])
    body = size.to_bytes(1 if size < 256 else 2, "big")  # a longer one is no DER
    return bytes([0x80 | len(body)]) + body


def _pkcs1(*numbers):
    body = b"".join(_integer(number) for number in numbers)
    return b64(b"\x30" + _length(len(body)) + body)


def _numbers(pair):
    n = pair.private.private_numbers()
    return [0, n.public_numbers.n, n.public_numbers.e, n.d, n.p, n.q, n.dmp1, n.dmq1, n.iqmp]


def _swapped(pair):
    """A well-formed key with one wrong digit in its private exponent."""
    numbers = _numbers(pair)
    numbers[3] ^= 1 << 100
    return _pkcs1(*numbers)


def _mixed(pair, other):
    """The modulus of one key, the primes of another."""
    numbers, foreign = _numbers(pair), _numbers(other)
    return _pkcs1(*numbers[:3], *foreign[3:])


def test_every_wrong_paste_is_tried(pastes):
    assert set(PASTES) == set(pastes)


@pytest.mark.parametrize("name", PASTES)
def test_a_wrong_paste_is_named(pastes, name):
    text, verdict = pastes[name]
    with pytest.raises(keys.KeyRefused) as caught:
        keys.read_private_key(text)
    assert type(caught.value) is verdict
    body = caught.value.body()
    assert body["status"] == 422
    assert body["errors"][0]["pointer"] == "/app_private_key"
    assert_silent(caught.value, text)


def assert_silent(problem, text):
    """No error text, nor what hangs on the exception, holds any of the input."""
    said = f"{problem.body()} {problem!r} {problem.__cause__!r}"
    compact = re.sub(r"\s", "", text)
    for at in range(0, len(compact) - 24, 8):
        assert compact[at : at + 24] not in said
    assert problem.__suppress_context__ or problem.__context__ is None


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("private_b64", keys.PrivateKeyAsPublic),
        ("private_pem", keys.PrivateKeyAsPublic),
        ("private_pkcs1_pem", keys.PrivateKeyAsPublic),
        ("public_b64", keys.OwnPublicKey),
        ("public_pem", keys.OwnPublicKey),
    ],
)
def test_mixed_up_fields(app_keys, name, verdict):
    """S29: what belongs into the one field was pasted into the other."""
    text = getattr(app_keys, name)
    text = text.decode() if isinstance(text, bytes) else text
    with pytest.raises(verdict) as caught:
        keys.read_keys(app_keys.private_b64, text, ())
    assert caught.value.body()["errors"][0]["pointer"] == "/alipay_public_key"
    assert_silent(caught.value, text)


def test_wrong_pastes_for_alipays_key(certificate):
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    whole = new_rsa_pair().public_b64
    for text, verdict in (
        ("", keys.KeyEmpty),
        (b64(certificate), keys.CertificateAsKey),
        (b64(short.public_bytes(*spki)), keys.KeyTooShort),
        (b64(curve.public_bytes(*spki)), keys.KeyNotRsa),
        (whole[:300], keys.KeyTruncated),
        (whole[4:], keys.KeyUnreadable),
    ):
        with pytest.raises(keys.KeyRefused) as caught:
            keys.read_alipay_key(text, ())
        assert type(caught.value) is verdict


def test_an_older_own_key_counts_as_own(app_keys, other_keys):
    with pytest.raises(keys.OwnPublicKey):
        keys.read_keys(app_keys.private_b64, other_keys.public_b64, [other_keys.public_b64])


def test_larger_keys_are_welcome():
    pair = new_rsa_pair(3072)
    assert keys.read_private_key(pair.private_b64).public.bits == 3072


def test_the_private_half_does_not_show(app_keys):
    found = keys.read_private_key(app_keys.private_b64)
    assert "pkcs8" not in repr(found)


@given(st.one_of(st.text(), st.binary().map(b64), st.text("MIEvgQ+/=-BEGIN \n", max_size=300)))
def test_anything_else_is_refused_in_silence(text):
    for read in (keys.read_private_key, lambda pasted: keys.read_alipay_key(pasted, ())):
        with pytest.raises(Problem) as caught:
            read(text)
        assert isinstance(caught.value, keys.KeyRefused)
