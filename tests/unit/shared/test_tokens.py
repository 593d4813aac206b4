"""Service tokens: Ed25519 only, one audience, at most a minute (ASVS 9.1.2, 9.2.3)."""

import base64
import json
from itertools import product
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.routing import ROUTES
from shared.contracts.pairs import PairKeys
from shared.errors import Forbidden, Unauthorized
from shared.keys.tokens import TokenSigner, TokenVerifier
from tests.fixtures.tokens import ISSUERS


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
    keys = PairKeys("payment", [X25519PrivateKey.generate()], {})
    return TokenVerifier(
        "payment", keys, clock, {"gateway-edge": key.public_key().public_bytes_raw()}
    )


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


def test_tokens_without_a_nonce_are_alike_within_a_second(signer, clock):
    first = signer.issue("payment", kind="service", subject="gateway-edge")
    assert signer.issue("payment", kind="service", subject="gateway-edge") == first
    clock.advance(1)
    assert signer.issue("payment", kind="service", subject="gateway-edge") != first


def test_another_audience_is_refused(signer, verifier):
    with pytest.raises(Unauthorized):
        verifier.verify(signer.issue("order", kind="service", subject="gateway-edge"))


def test_an_expired_token_is_refused_even_when_seen_before(signer, verifier, clock):
    token = signer.issue("payment", kind="service", subject="gateway-edge")
    verifier.verify(token)
    clock.advance(61)
    with pytest.raises(Unauthorized):
        verifier.verify(token)


def test_an_unknown_issuer_is_refused(verifier, clock):
    stranger = TokenSigner("stranger", pem(Ed25519PrivateKey.generate()), clock)
    with pytest.raises(Unauthorized):
        verifier.verify(stranger.issue("payment", kind="service", subject="gateway-edge"))


def test_a_known_name_with_another_key_is_refused(verifier, clock):
    forger = TokenSigner("gateway-edge", pem(Ed25519PrivateKey.generate()), clock)
    with pytest.raises(Unauthorized):
        verifier.verify(forger.issue("payment", kind="service", subject="gateway-edge"))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_the_algorithm_is_not_the_tokens_to_choose(algorithm, key, verifier, clock):
    now = int(clock.now().timestamp())
    claims = {
        "iss": "gateway-edge",
        "aud": "payment",
        "iat": now,
        "exp": now + 30,
        "knd": "service",
        "sub": "gateway-edge",
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
        "sub": "gateway-edge",
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


# Who may speak as whom to whom, written down a second time: nothing here is taken from the code.
ALLOWED = {
    *(("gateway-edge", "user", to) for to in ("binding", "device", "payment", "campaign", "order")),
    *(("gateway-edge", "device", to) for to in ("device", "payment", "campaign")),
    ("gateway-edge", "pos", "order"),
    *(("gateway-edge", "service", to) for to in ("binding", "device", "payment")),
    ("gateway-egress", "service", "binding"),
    ("binding", "service", "egress"),
    ("payment", "service", "egress"),
    ("device", "service", "egress"),
}
KINDS = ("user", "device", "pos", "service", "consumer", "admin", "")
AUDIENCES = ("binding", "device", "payment", "campaign", "order", "egress", "gateway-edge")


def test_who_may_speak_as_whom_to_whom(signer_for, verifier_for):
    """All issuers, kinds and audiences: order cannot speak as a person, the egress not as a
    device, payment not to binding."""
    believed = set()
    for issuer, kind, audience in product(ISSUERS, KINDS, AUDIENCES):
        token = signer_for(issuer).issue(audience, kind=kind, subject=issuer, tenant_id=uuid4())
        try:
            believed.add((verifier_for(audience).verify(token).issuer, kind, audience))
        except Forbidden:
            continue
    assert believed == ALLOWED


def test_every_route_of_the_edge_is_one_the_edge_may_speak_on():
    for route in ROUTES:
        kind = "service" if route.audience == "public" else route.audience
        assert ("gateway-edge", kind, route.service) in ALLOWED, route.prefix


@pytest.mark.parametrize("issuer", ["gateway-edge", "gateway-egress"])
def test_a_service_speaks_as_itself_only(issuer, signer_for, verifier_for):
    token = signer_for(issuer).issue("binding", kind="service", subject="payment")
    with pytest.raises(Forbidden):
        verifier_for("binding").verify(token)


ODD = {
    "aud": [["payment"], ["payment", "order"], None, 7, {"payment": 1}],
    "iss": [["gateway-edge"], None, 7, {}],
    "knd": [["user"], None, {"user": 1}, True],
    "sub": [[], 7, None, {"a": 1}],
    "tid": ["x", 7, [], {}],
    "sto": ["x", 7],
    "sts": ["x", 7, ["x"]],
    "stu": ["9" * 40, "x", 7, [], "1e3"],
    "prm": [7, ["payments.read"]],
    "non": [7, {}],
    "act": ["x", 7],
    "nam": [7, ["x"]],
    "iat": ["now", True, None, 1e300, 10**400],
    "exp": ["now", True, None, 1e300, -1],
    "nbf": [10**12, "x"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in ODD.items() for v in values])
def test_odd_claims_are_refused_although_well_signed(name, value, key, verifier, clock):
    now = int(clock.now().timestamp())
    claims = {"iss": "gateway-edge", "aud": "payment", "iat": now, "exp": now + 30}
    claims |= {"knd": "user", "sub": "u", name: value}
    # Signed by hand: the library would refuse to make some of these.
    signed = jwt.api_jws.encode(json.dumps(claims).encode(), key, algorithm="EdDSA")
    with pytest.raises((Unauthorized, Forbidden)):
        verifier.verify(signed)


@pytest.mark.parametrize("deep", ["[" * 5000 + "]" * 5000, '{"iss":' * 1400 + "1" + "}" * 1400])
def test_deep_json_in_a_token_is_refused(deep, key, verifier):
    signed = jwt.api_jws.encode(deep.encode(), key, algorithm="EdDSA")
    with pytest.raises(Unauthorized):
        verifier.verify(signed)
    with pytest.raises(Unauthorized):
        verifier.verify(f"{signed.split('.')[1]}.{signed.split('.')[1]}.AAAA")


def test_a_token_of_any_length_or_alphabet_is_refused(verifier):
    for token in ("é.ü.ß", "a." + "b" * 10**6 + ".c", "\x00.\x00.\x00"):
        with pytest.raises(Unauthorized):
            verifier.verify(token)
