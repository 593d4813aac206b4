"""Service tokens as they are issued: who may say what to whom, also while keys change."""

from itertools import pairwise, product
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.routing import ROUTES
from shared.contracts.pairs import PairKeys
from shared.errors import Forbidden, Unauthorized
from shared.keys.tokens import TokenSigner, TokenVerifier
from tests.fixtures.tokens import AUDIENCE_OF, ISSUERS


def test_a_device_token_says_who_and_for_whom(signer_for, verifier_for, clock):
    tenant, store = uuid4(), uuid4()
    token = signer_for("gateway-edge", clock).issue(
        "payment", kind="device", subject="d1", tenant_id=tenant, store_id=store, nonce="ab" * 16
    )
    caller = verifier_for("payment", clock).verify(token)
    assert (caller.kind, caller.issuer, caller.subject) == ("device", "gateway-edge", "d1")
    assert (caller.tenant, caller.store_id, caller.nonce) == (tenant, store, "ab" * 16)
    with pytest.raises(Forbidden):
        caller.require("orders.read")


def test_a_persons_token_says_everything_of_the_person(signer_for, verifier_for, clock):
    tenant, acting, stores = uuid4(), uuid4(), {uuid4() for _ in range(100)}
    until = clock.now().replace(microsecond=0)
    token = signer_for("gateway-edge", clock).issue(
        "order", kind="user", subject="u", tenant_id=tenant, session_id="s",
        permissions={"orders.read", "a.b"}, store_ids=stores, step_up_until=until,
        acting_id=acting, name="张伟 \"Z\" \U0001f600",
    )  # fmt: skip
    caller = verifier_for("order", clock).verify(token)
    assert caller.permissions == {"orders.read", "a.b"}
    assert (caller.store_ids, caller.step_up_until) == (stores, until)
    assert (caller.acting_id, caller.session_id) == (acting, "s")
    assert (caller.name, caller.nonce) == ('张伟 "Z" \U0001f600', None)


def test_tokens_without_a_nonce_are_reused_for_a_while(signer_for, clock):
    signer = signer_for("gateway-edge", clock)
    first = signer.issue("payment", kind="service", subject="gateway-edge")
    clock.advance(39)
    assert signer.issue("payment", kind="service", subject="gateway-edge") == first
    clock.advance(2)
    assert signer.issue("payment", kind="service", subject="gateway-edge") != first


def test_an_issuer_without_the_key_of_its_audience_says_so(clock):
    alone = PairKeys("gateway-edge", [X25519PrivateKey.generate()], {})
    with pytest.raises(ValueError, match="no key of gateway-egress"):
        TokenSigner(alone, clock).issue("egress", kind="service", subject="gateway-edge")


def test_no_request_is_refused_while_keys_change(clock):
    """Payment's key changes. Every process reads its files again at a time of its own, so in each
    step some have the files before it and some those after it."""
    old, new, edge_key, egress_key = (X25519PrivateKey.generate() for _ in range(4))

    def step(own, public):
        """Keys of the three processes, with these private keys of payment and public ones."""
        others = {
            "payment": [key.public_key() for key in public],
            "gateway-edge": [edge_key.public_key()],
            "gateway-egress": [egress_key.public_key()],
        }
        given = {"payment": own, "gateway-edge": [edge_key], "gateway-egress": [egress_key]}
        return {name: PairKeys(name, mine, others) for name, mine in given.items()}

    steps = [
        step([old], [old]), step([old], [new, old]), step([new, old], [new, old]),
        step([new, old], [new]), step([new], [new]),
    ]  # fmt: skip
    for before, after in pairwise(steps):
        for there, here in product((before, after), repeat=2):
            device = TokenSigner(there["gateway-edge"], clock).issue(
                "payment", kind="device", subject="d1"
            )
            assert TokenVerifier("payment", here["payment"], clock).verify(device)
            call = TokenSigner(there["payment"], clock).issue(
                "egress", kind="service", subject="payment"
            )
            assert TokenVerifier("egress", here["gateway-egress"], clock).verify(call)
    kept = TokenSigner(steps[0]["gateway-edge"], clock).issue(
        "payment", kind="device", subject="d1"
    )
    with pytest.raises(Unauthorized):
        TokenVerifier("payment", steps[4]["payment"], clock).verify(kept)


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
        except Unauthorized:
            assert AUDIENCE_OF[issuer] == audience, "nobody is its own audience"
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
