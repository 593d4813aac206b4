"""Marks of events: who may say what to whom, over everything an event is, and while keys change."""

import base64
import json
from itertools import product

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from shared.consumer import Handlers
from shared.contracts.events.macs import EventKeys, Unproven
from tests.fixtures.tokens import ISSUERS

# Who hears what, written down a second time.
CONSUMERS = {
    "binding.events": {
        "campaign", "device", "order", "payment", "gateway-edge", "gateway-egress"
    },
    "campaign.events": {"binding"},
    "device.events": {"binding", "gateway-edge"},
    "payment.events": {"binding", "campaign", "order"},
}  # fmt: skip
KEY, VALUE = b"7c1d", b'{"type":"x"}'


@pytest.fixture
def keys(service_keys):
    return {
        name: EventKeys.from_files(name, service_keys.key_file(name), service_keys.trust_file)
        for name in ISSUERS
    }


def test_only_the_owner_speaks_and_only_its_hearers_believe(keys):
    believed = set()
    for (name, own), topic in product(keys.items(), CONSUMERS):
        try:
            headers = own.marks(topic, KEY, VALUE)
        except ValueError:
            continue
        believed |= {
            (name, topic, consumer)
            for consumer, theirs in keys.items()
            if theirs.proves(topic, KEY, VALUE, headers)
        }
    assert believed == {
        (topic.partition(".")[0], topic, consumer)
        for topic in CONSUMERS
        for consumer in CONSUMERS[topic]
    }


@pytest.mark.parametrize("service", ["binding", "campaign", "device", "order", "payment"])
def test_who_has_a_handler_is_among_the_hearers(service):
    module = __import__(f"services.{service}.consumers", fromlist=["handlers"])
    handlers: Handlers = module.handlers
    topics = {topic for room in handlers.rooms for topic in room.topics}
    assert topics
    missing = {topic for topic in topics if service not in CONSUMERS[topic]}
    assert not missing, f"{service} must stand in CONSUMERS, in macs.py and in this file"


def test_a_hearer_cannot_forge_for_another_hearer(keys):
    """Order knows what payment and order share; with it, it can fool itself only."""
    headers = keys["payment"].marks("payment.events", KEY, VALUE)
    (mine,) = [mark for name, mark in headers if name == "mac-order"]
    for consumer in ("binding", "campaign"):
        assert not keys[consumer].proves("payment.events", KEY, VALUE, [(f"mac-{consumer}", mine)])
    with pytest.raises(ValueError, match="does not speak"):
        keys["order"].marks("payment.events", KEY, VALUE)


@pytest.mark.parametrize(
    "changed",
    [
        ("payment.events.parked", KEY, VALUE), ("device.events", KEY, VALUE),
        ("payment.events", b"7c1e", VALUE), ("payment.events", KEY, VALUE + b" "),
        ("payment.events", KEY + VALUE[:1], VALUE[1:]), ("payment.events", None, KEY + VALUE),
        ("payment.events", KEY, None), ("payment.events2", KEY, VALUE),
    ],
)  # fmt: skip
def test_the_mark_covers_topic_key_and_document(keys, changed):
    headers = keys["payment"].marks("payment.events", KEY, VALUE)
    assert keys["order"].proves("payment.events", KEY, VALUE, headers)
    assert not keys["order"].proves(*changed, headers)
    with pytest.raises(Unproven):
        keys["order"].read(*changed, headers)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("mac-order", b"")],
        [("mac-order", None)],
        [("mac-order", b"a:b")],
        [("mac-order", b":")],
    ],
)
def test_no_mark_is_no_proof(keys, headers):
    assert not keys["order"].proves("payment.events", KEY, VALUE, headers)


def test_the_same_event_is_marked_alike(keys):
    """Said again after the broker lost its memory, it is the same to the byte."""
    first = keys["payment"].marks("payment.events", KEY, VALUE)
    assert keys["payment"].marks("payment.events", KEY, VALUE) == first


def files(folder, **own):
    """A key file per name, its X25519 keys in that order; and what a trust file says of them."""
    folder.mkdir(exist_ok=True)
    trust = {}
    for name, keys in own.items():
        pems = [
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            for key in keys
        ]
        (folder / f"{name}.pem").write_bytes(b"".join(pems))
        trust[f"events:{name}"] = [
            base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in keys
        ]
    (folder / "trust.json").write_text(json.dumps(trust))

    def read(name):
        return EventKeys.from_files(name, folder / f"{name}.pem", folder / "trust.json")

    return read


def test_keys_change_while_events_are_under_way(tmp_path):
    """New keys join, old ones stay for what was said before, then they end."""
    old, new, order_old, order_new = (X25519PrivateKey.generate() for _ in range(4))
    topic = "payment.events"
    before = files(tmp_path / "1", payment=[old], order=[order_old])
    said_before = before("payment").marks(topic, KEY, VALUE)
    both = files(tmp_path / "2", payment=[new, old], order=[order_new, order_old])
    said_now = both("payment").marks(topic, KEY, VALUE)
    assert both("order").proves(topic, KEY, VALUE, said_before)
    assert both("order").proves(topic, KEY, VALUE, said_now)
    after = files(tmp_path / "3", payment=[new], order=[order_new])
    assert after("order").proves(topic, KEY, VALUE, said_now)
    assert not after("order").proves(topic, KEY, VALUE, said_before)
    # A consumer that was not yet given the new key file still hears what is said meanwhile.
    late = EventKeys.from_files("order", tmp_path / "1" / "order.pem", tmp_path / "2/trust.json")
    assert late.proves(topic, KEY, VALUE, said_now)


def test_a_key_file_without_a_key_for_events_is_refused(tmp_path, service_keys):
    pem = service_keys.key_file("order").read_text()
    (tmp_path / "old.pem").write_text(pem[: pem.index("-----END") + 25])
    with pytest.raises(ValueError, match="no X25519 key"):
        EventKeys.from_files("order", tmp_path / "old.pem", service_keys.trust_file)
