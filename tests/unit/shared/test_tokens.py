"""Service tokens: a key for each issuer and audience, in which only those two believe, for at most
a minute (docs/adr/0030; ASVS 9.1.2, 9.2.3)."""

import base64
import hashlib
import hmac
import json
from itertools import product
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from shared.contracts.pairs import PairKeys
from shared.errors import Forbidden, Unauthorized
from shared.keys.tokens import TokenVerifier
from tests.fixtures.tokens import AUDIENCE_OF, ISSUERS


def processes(**own):
    """name -> its keys; each knows all public keys. `own`: name -> private keys, newest first."""
    own = {name: [X25519PrivateKey.generate()] for name in ISSUERS} | own
    others = {name: [key.public_key() for key in keys] for name, keys in own.items()}
    return {name: PairKeys(name, keys, others) for name, keys in own.items()}


@pytest.fixture(scope="module")
def keys():
    return processes()


@pytest.fixture
def payment(keys, clock):
    return TokenVerifier("payment", keys["payment"], clock)


def text_under(pair, payload, version=b"1"):
    """The form of a token, written down a second time."""
    kid, secret = pair
    covered = version + b"." + kid + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
    mac = hashlib.blake2b(covered, key=secret, digest_size=16).hexdigest().encode()
    return (covered + b"." + mac).decode()


def pair_of(keys, sender, receiver):
    return next(keys[sender].secrets("token", sender, receiver))


@pytest.fixture
def issued(keys, clock):
    """issued("payment", kind="user", …): a token of the edge; claims can be replaced."""

    def make(receiver="payment", sender="gateway-edge", version=b"1", **claims):
        now = int(clock.now().timestamp())
        known = {
            "iss": sender, "aud": AUDIENCE_OF[receiver], "iat": now, "exp": now + 60,
            "knd": "user", "sub": "u",
        }  # fmt: skip
        payload = json.dumps(known | claims).encode()
        return text_under(pair_of(keys, sender, receiver), payload, version)

    return make


def test_both_ends_derive_the_same_from_the_same(clock):
    """Known keys give a known secret: HKDF-SHA256 over the exchanged key, with purpose, names and
    public keys. Processes of two versions have to agree on it."""
    edge = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    payment = X25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
    keys = processes(**{"gateway-edge": [edge], "payment": [payment]})
    info = b"damselfly token|gateway-edge|payment|"
    info += edge.public_key().public_bytes_raw() + payment.public_key().public_bytes_raw()
    extracted = hmac.digest(bytes(32), edge.exchange(payment.public_key()), "sha256")
    secret = hmac.digest(extracted, info + b"\x01", "sha256")
    expected = (hashlib.sha256(info).hexdigest()[:12].encode(), secret)
    assert list(keys["gateway-edge"].secrets("token", "gateway-edge", "payment")) == [expected]
    assert list(keys["payment"].secrets("token", "gateway-edge", "payment")) == [expected]
    assert expected[0] == b"07f22cf81b53"
    now = int(clock.now().timestamp())
    claims = f'{{"iss":"gateway-edge","aud":"payment","iat":{now},"exp":{now + 60},'
    claims += '"knd":"device","sub":"d1"}'
    caller = TokenVerifier("payment", keys["payment"], clock).verify(
        text_under(expected, claims.encode())
    )
    assert (caller.kind, caller.issuer, caller.subject) == ("device", "gateway-edge", "d1")


def test_purpose_and_direction_have_secrets_of_their_own(keys):
    binding, egress = keys["binding"], keys["gateway-egress"]
    there = list(binding.secrets("token", "binding", "gateway-egress"))
    back = list(binding.secrets("token", "gateway-egress", "binding"))
    events = list(binding.secrets("event mac", "binding", "gateway-egress"))
    assert len({secret for _, secret in there + back + events}) == 3
    assert list(egress.secrets("token", "binding", "gateway-egress")) == there


def believes(keys, receiver, token, clock):
    """Whether the MAC and the names in it were found right; that the issuer may not say it to
    everybody (Forbidden) is another test's."""
    try:
        TokenVerifier(AUDIENCE_OF[receiver], keys[receiver], clock).verify(token)
    except Unauthorized:
        return False
    except Forbidden:
        pass
    return True


def test_a_token_is_for_one_process_only(keys, issued, clock):
    """Every issuer, every audience, and everybody who could be shown the token instead."""
    for sender, receiver in product(ISSUERS, ISSUERS):
        if sender == receiver:
            continue
        token = issued(receiver, sender)
        believing = {name for name in ISSUERS if believes(keys, name, token, clock)}
        assert believing == {receiver}, (sender, receiver)


def test_with_all_its_secrets_a_process_forges_for_nobody_else(keys, issued, clock):
    """A receiver could write a token of another issuer, and would be the only one to believe it."""
    now = int(clock.now().timestamp())
    for forger in ISSUERS:
        peers = [name for name in ISSUERS if name != forger]
        held = [
            pair
            for peer in peers
            for ends in ((forger, peer), (peer, forger))
            for pair in keys[forger].secrets("token", *ends)
        ]
        for victim, issuer in product(peers, peers):
            claims = {"iss": issuer, "aud": AUDIENCE_OF[victim], "iat": now, "exp": now + 60}
            payload = json.dumps(claims | {"knd": "service", "sub": issuer}).encode()
            for pair in held:
                assert not believes(keys, victim, text_under(pair, payload), clock)


def test_an_issuer_is_not_its_own_audience(keys, clock):
    edge = keys["gateway-edge"]
    assert not TokenVerifier("gateway-edge", edge, clock)._keys.keys() & {
        kid for kid, _ in edge.secrets("token", "gateway-edge", "gateway-edge")
    }


def test_a_changed_byte_anywhere_is_refused(issued, payment):
    token = issued()
    payment.verify(token)
    for place in range(len(token)):
        for other in {"A", "0", ".", chr(ord(token[place]) ^ 1)} - {token[place]}:
            with pytest.raises(Unauthorized):
                payment.verify(token[:place] + other + token[place + 1 :])


def test_a_shorter_or_longer_token_is_refused(issued, payment):
    token = issued()
    for cut in range(len(token)):
        with pytest.raises(Unauthorized):
            payment.verify(token[:cut])
    for odd in (token[1:], token + "0", token + "=", token + ".", "." + token, " " + token):
        with pytest.raises(Unauthorized):
            payment.verify(odd)


@pytest.mark.parametrize(
    "token",
    ["", ".", "...", "1...", "1.0.0.0", "a.b.c", "x" * 500, "." * 16_000, "1." * 8_000,
     "é.ü.ß", "\x00.\x00.\x00", "1." + "b" * 10**6 + ".c", "\ud800.a.b"],
)  # fmt: skip
def test_rubbish_is_refused(token, payment):
    with pytest.raises(Unauthorized):
        payment.verify(token)


def test_a_token_has_a_greatest_length(keys, issued, payment):
    payment.verify(issued(nam="x" * 11_900))
    with pytest.raises(Unauthorized, match="no service token"):
        payment.verify(issued(nam="x" * 12_300))


@pytest.mark.parametrize("version", [b"", b"0", b"2", b"01", b"11", b"v1"])
def test_another_version_is_refused_although_its_mac_is_right(version, issued, payment):
    with pytest.raises(Unauthorized):
        payment.verify(issued(version=version))


def test_a_key_that_nobody_named_is_refused(clock, issued, payment):
    strangers = processes()
    token = issued()
    version, kid, payload, _ = token.split(".")
    theirs = pair_of(strangers, "gateway-edge", "payment")
    body = base64.urlsafe_b64decode(payload + "==")
    for pair in (theirs, (kid.encode(), theirs[1])):
        with pytest.raises(Unauthorized):
            payment.verify(text_under(pair, body))
    assert text_under((kid.encode(), b"k"), body).startswith(f"{version}.{kid}.{payload}.")


@pytest.mark.parametrize("shift", [-66, -61, 6, 60, 10**6])
def test_a_token_of_another_time_is_refused(shift, issued, payment, clock):
    now = int(clock.now().timestamp())
    with pytest.raises(Unauthorized):
        payment.verify(issued(iat=now + shift, exp=now + shift + 60))


def test_it_serves_for_a_minute_and_not_a_second_longer(issued, payment, clock):
    token, once = issued(), issued(non="ab" * 16)
    clock.advance(60)
    assert payment.verify(token).subject == payment.verify(once).subject == "u"
    clock.advance(1)
    for late in (token, once):
        with pytest.raises(Unauthorized, match="expired"):
            payment.verify(late)


def test_a_clock_may_be_some_seconds_ahead(issued, payment, clock):
    now = int(clock.now().timestamp())
    payment.verify(issued(iat=now + 5, exp=now + 65))
    with pytest.raises(Unauthorized, match="too long"):
        payment.verify(issued(exp=now + 61))


ODD = {
    "aud": ["order", "", ["payment"], ["payment", "order"], None, 7, {"payment": 1}],
    "iss": ["payment", "gateway-egress", "", ["gateway-edge"], None, 7, {}],
    "knd": [["user"], None, {"user": 1}, True, ""],
    "sub": [[], 7, None, {"a": 1}],
    "tid": ["x", 7, [], {}],
    "sto": ["x", 7],
    "sts": ["x", 7, ["x"]],
    "stu": ["9" * 40, "x", 7, [], "1e3", str(10**30)],
    "prm": [7, ["payments.read"]],
    "non": [7, {}],
    "act": ["x", 7],
    "nam": [7, ["x"]],
    "iat": ["now", True, None, 1e300, 1.5, -(10**18)],
    "exp": ["now", True, None, 1e300, 1.5, -1],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in ODD.items() for v in values])
def test_odd_claims_are_refused_under_a_right_mac(name, value, issued, payment):
    with pytest.raises((Unauthorized, Forbidden)):
        payment.verify(issued(**{name: value}))


@pytest.mark.parametrize("name", ["iss", "aud", "iat", "exp", "knd", "sub"])
def test_a_missing_claim_is_refused(name, keys, payment, clock):
    now = int(clock.now().timestamp())
    claims = {
        "iss": "gateway-edge", "aud": "payment", "iat": now, "exp": now + 60, "knd": "user",
        "sub": "u",
    }  # fmt: skip
    pair = pair_of(keys, "gateway-edge", "payment")
    payment.verify(text_under(pair, json.dumps(claims).encode()))
    del claims[name]
    with pytest.raises((Unauthorized, Forbidden)):
        payment.verify(text_under(pair, json.dumps(claims).encode()))


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"7", b"[]", b'"text"', b"{", b"\xff\xfe", b"[" * 5000 + b"]" * 5000,
     b'{"iss":' * 1400 + b"1" + b"}" * 1400, b'{"iss":NaN}'],
)  # fmt: skip
def test_a_payload_that_is_no_object_is_refused_under_a_right_mac(payload, keys, payment):
    with pytest.raises(Unauthorized):
        payment.verify(text_under(pair_of(keys, "gateway-edge", "payment"), payload))


def test_the_payload_is_read_after_the_mac(issued, payment, monkeypatch):
    """Anybody can write a payload; only the issuer's is parsed."""
    read = []
    monkeypatch.setattr("shared.keys.tokens.orjson.loads", lambda text: read.append(text) or {})
    forged = issued()[:-1]
    with pytest.raises(Unauthorized):
        payment.verify(forged + ("1" if issued()[-1] != "1" else "2"))
    assert not read


def test_macs_are_compared_in_constant_time(issued, payment, monkeypatch):
    compared, compare_digest = [], hmac.compare_digest

    def compare(one, other):
        compared.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr("shared.keys.tokens.hmac.compare_digest", compare)
    token = issued(non=uuid4().hex)
    payment.verify(token)
    assert [(one.decode(), other.decode()) for one, other in compared] == [(token[-32:],) * 2]
