"""Service tokens: Ed25519 only, one audience, at most a minute (ASVS 9.1.2, 9.2.3)."""

import base64
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.errors import Forbidden, Unauthorized
from shared.tokens import TokenSigner, TokenVerifier


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture
def signer(key, clock):
    return TokenSigner("gateway-edge", pem(key), clock)


@pytest.fixture
def verifier(key, clock):
    return TokenVerifier("payment", {"gateway-edge": key.public_key().public_bytes_raw()}, clock)


def test_a_device_token_says_who_and_for_whom(signer, verifier):
    tenant, store = uuid4(), uuid4()
    token = signer.issue(
        "payment", kind="device", subject="d1", tenant_id=tenant, store_id=store, nonce="ab" * 16
    )
    caller = verifier.verify(token)
    assert (caller.kind, caller.subject, caller.tenant, caller.store_id, caller.nonce) == (
        "device",
        "d1",
        tenant,
        store,
        "ab" * 16,
    )
    with pytest.raises(Forbidden):
        caller.require("orders.read")


def test_tokens_without_a_nonce_are_reused_for_a_while(signer, clock):
    first = signer.issue("payment", kind="service", subject="gateway-edge")
    assert signer.issue("payment", kind="service", subject="gateway-edge") == first
    clock.advance(41)
    assert signer.issue("payment", kind="service", subject="gateway-edge") != first


def test_another_audience_is_refused(signer, verifier):
    with pytest.raises(Unauthorized):
        verifier.verify(signer.issue("order", kind="service", subject="x"))


def test_an_expired_token_is_refused_even_when_seen_before(signer, verifier, clock):
    token = signer.issue("payment", kind="service", subject="x")
    verifier.verify(token)
    clock.advance(61)
    with pytest.raises(Unauthorized):
        verifier.verify(token)


def test_an_unknown_issuer_is_refused(verifier, clock):
    stranger = TokenSigner("stranger", pem(Ed25519PrivateKey.generate()), clock)
    with pytest.raises(Unauthorized):
        verifier.verify(stranger.issue("payment", kind="service", subject="x"))


def test_a_known_name_with_another_key_is_refused(verifier, clock):
    forger = TokenSigner("gateway-edge", pem(Ed25519PrivateKey.generate()), clock)
    with pytest.raises(Unauthorized):
        verifier.verify(forger.issue("payment", kind="service", subject="x"))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_the_algorithm_is_not_the_tokens_to_choose(algorithm, key, verifier, clock):
    now = int(clock.now().timestamp())
    claims = {
        "iss": "gateway-edge",
        "aud": "payment",
        "iat": now,
        "exp": now + 30,
        "knd": "service",
        "sub": "x",
    }
    secret = "" if algorithm == "none" else key.public_key().public_bytes_raw()
    with pytest.raises(Unauthorized):
        verifier.verify(jwt.encode(claims, secret, algorithm=algorithm))


def test_a_token_may_not_outlive_a_minute(key, verifier, clock):
    now = int(clock.now().timestamp())
    claims = {
        "iss": "gateway-edge",
        "aud": "payment",
        "iat": now,
        "exp": now + 3600,
        "knd": "service",
        "sub": "x",
    }
    with pytest.raises(Unauthorized):
        verifier.verify(jwt.encode(claims, key, algorithm="EdDSA"))


def test_rubbish_is_refused(verifier):
    for token in ("", "a.b.c", "x" * 500):
        with pytest.raises(Unauthorized):
            verifier.verify(token)


@pytest.mark.parametrize("part", ["header", "payload"])
def test_a_token_of_deep_json_is_refused(verifier, key, clock, part):
    """Anybody can write one; only its issuer is read before the signature is looked at."""
    deep = b"[" * 200_000
    plain = {"header": b'{"alg":"EdDSA"}', "payload": b'{"iss":"gateway-edge"}'} | {part: deep}
    head, body = (
        base64.urlsafe_b64encode(plain[name]).rstrip(b"=").decode()
        for name in ("header", "payload")
    )
    with pytest.raises(Unauthorized):
        verifier.verify(f"{head}.{body}.AAAA")


def test_times_beyond_all_calendars_are_refused(verifier, key, clock):
    now = int(clock.now().timestamp())
    claims = {"aud": "payment", "iss": "gateway-edge", "knd": "user", "sub": "u", "iat": now}
    token = jwt.encode(claims | {"exp": now + 60, "stu": str(10**30)}, key, algorithm="EdDSA")
    with pytest.raises(Unauthorized):
        verifier.verify(token)
