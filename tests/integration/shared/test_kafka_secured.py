"""A real Apache Kafka that asks who one is (each SASL mechanism over TLS and without, and client
certificates) and keeps topics apart.

Its access rules are the commands of docs/runbook.md, word by word. Needs a JVM: run by
`make test-kafka`.
"""

import asyncio
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.kafka.node import HOST, KafkaNode
from shared import kafka
from shared.config import BaseConfig
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from shared.errors import Unavailable
from tests.fixtures.postgres import free_port
from tests.integration.shared.secured_node import ADMIN, PEOPLE, Authority, SecuredNode, run, token

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(180),
    pytest.mark.asyncio,
    # The node outlives the object that started it; it is stopped by its pid.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RUNBOOK = Path(__file__).parents[3] / "docs/runbook.md"
SASL_WAYS = [
    (False, "SCRAM-SHA-512"), (False, "SCRAM-SHA-256"), (True, "SCRAM-SHA-512"),
    (False, "PLAIN"), (True, "PLAIN"), (False, "OAUTHBEARER"), (True, "OAUTHBEARER"),
]  # fmt: skip


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Started, with the topics, and with the access rules of the runbook."""
    usual = KafkaNode.from_environment()
    if usual.needs_jars:
        usual.bring()
    folder = tmp_path_factory.mktemp("secured")
    (folder / "lib").symlink_to(usual.home / "lib")
    authority = Authority(folder)
    for name in ("broker", "nobody", *PEOPLE):
        authority.issue(name)
    node = SecuredNode(folder, free_port(), free_port(), free_port())
    node.start()
    (folder / "admin.properties").write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required"
        f" {ADMIN};\n"
    )
    commands = re.findall(r"^kafka-acls .*(?:\\\n.*)*", RUNBOOK.read_text(), re.MULTILINE)
    assert len(commands) >= 10
    where = {"BROKER": node.bootstrap, "admin.properties": str(folder / "admin.properties")}

    def allow(command):
        words = shlex.split(command.replace("\\\n", " "))[1:]
        words = [where.get(word, word) for word in words]
        run(node.command("org.apache.kafka.tools.AclCommand", *words))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(allow, commands))
    yield node
    node.stop()


@pytest.fixture
def seen_by(secured, service_keys, tmp_path):
    """seen_by("order"): the broker as that process's settings say it, signed in as itself."""

    def make(name, *, secret=None, tls=False, mechanism="SCRAM-SHA-512", **settings):
        file = tmp_path / f"{name}.secret"
        is_token = mechanism == "OAUTHBEARER"
        told = token(name) if is_token else f"{name}-word"
        file.write_text(f"{told if secret is None else secret}\n")
        usual = {
            "kafka_bootstrap": f"{HOST}:{secured.tls if tls else secured.port}",
            "kafka_security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
            "kafka_sasl_mechanism": mechanism,
            "kafka_sasl_username": name,
            "kafka_sasl_token_file" if is_token else "kafka_sasl_password_file": file,
            "kafka_ssl_ca_file": secured.home / "ca.pem",
            "service_key_file": service_keys.key_file(name),
            "service_trust_file": service_keys.trust_file,
        }
        return kafka.broker(BaseConfig(**{**usual, **settings}), name)

    return make


@pytest.fixture
def certified(secured, seen_by):
    """certified("order"): the same, by a client certificate instead of a password."""

    def make(name, *, file=None, **settings):
        file = file or secured.home / f"{name}.pem"
        return seen_by(name, **{
            "kafka_bootstrap": f"{HOST}:{secured.mutual}", "kafka_security_protocol": "SSL",
            "kafka_ssl_cert_file": file, "kafka_ssl_key_file": file, **settings,
        })  # fmt: skip

    return make


async def say(broker, topic, key, value, headers=None):
    producer = kafka.Producer(broker)
    try:
        return await producer.send_batch(topic, [(key, value)], headers)
    finally:
        await producer.aclose()


async def hear(broker, topic, key, group):
    """The record of that key, read as a member of that group."""
    client = kafka.reader(
        broker, topic, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        async with asyncio.timeout(40):
            await client.start()
            while True:
                for records in (await kafka.polled(client)).values():
                    for record in records:
                        if record.key == key.encode():
                            await client.commit()
                            return record
    finally:
        await kafka.close(client)


async def told(binding, order, clock):
    """One event all the way, in all that the clients do there."""
    event = StoreCreated(**stamp(uuid4(), clock), store_id=uuid4(), name="一号店")
    await say(binding, event.topic, event.subject, event.encode())
    record = await hear(order, event.topic, event.subject, "order")
    assert order.keys.read(record.topic, record.key, record.value, record.headers) == event
    producer = kafka.Producer(binding)
    assert sum((await producer.end_offsets(event.topic)).values()) >= 1
    await producer.aclose()


@pytest.mark.parametrize(("tls", "mechanism"), SASL_WAYS)
async def test_signed_in_the_owner_is_heard(seen_by, clock, tls, mechanism):
    ways = {"tls": tls, "mechanism": mechanism}
    await told(seen_by("binding", **ways), seen_by("order", **ways), clock)


async def test_a_client_certificate_signs_in(certified, clock):
    await told(certified("binding"), certified("order"), clock)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("order", "payment.events"), ("payment", "binding.events"), ("campaign", "payment.events"),
        ("gateway-edge", "binding.events"), ("gateway-egress", "device.events"),
        ("order", "device.events.parked"), ("device", "binding.events"),
    ],
)  # fmt: skip
async def test_nobody_writes_to_anothers_topic(seen_by, name, topic):
    with pytest.raises(Unavailable, match=r"(Topic|Cluster)AuthorizationFailed"):
        await say(seen_by(name), topic, "key", b"{}", ())


@pytest.mark.parametrize(
    ("name", "topic"), [("order", "device.events"), ("device", "payment.events")]
)
async def test_nobody_reads_what_is_not_said_to_him(seen_by, name, topic):
    with pytest.raises((kafka.KafkaError, TimeoutError)):
        await hear(seen_by(name), topic, "key", name)


async def test_a_hearer_parks_what_it_cannot_digest(seen_by):
    assert await say(seen_by("order"), "payment.events.parked", "key", b"odd", ())
    assert await say(seen_by("binding"), "device.events.parked", "key", b"odd", ())


async def refused(broker, match="KafkaConnectionError"):
    with pytest.raises(Unavailable, match=match):
        await say(broker, "binding.events", "key", b"{}")


@pytest.mark.parametrize(
    ("mechanism", "secret"),
    [
        ("SCRAM-SHA-512", "guess"), ("PLAIN", "guess"), ("PLAIN", "order-word"), ("PLAIN", ""),
        ("OAUTHBEARER", ""),
    ],
)  # fmt: skip
async def test_a_wrong_secret_is_refused(seen_by, mechanism, secret):
    await refused(seen_by("binding", mechanism=mechanism, secret=secret))


async def test_the_name_in_the_token_counts(seen_by):
    """Not the one in the settings: order's token does not write where binding may."""
    broker = seen_by("binding", mechanism="OAUTHBEARER", secret=token("order"))
    await refused(broker, r"(Topic|Cluster)AuthorizationFailed")


async def test_the_token_is_read_anew_for_each_connection(seen_by, tmp_path):
    """One that is over is followed by a fresh one in the same file, without a restart. aiokafka
    takes the broker's "invalid_token" for an agreement and waits: hence the other error."""
    broker = seen_by("binding", mechanism="OAUTHBEARER", secret=token("binding", -90))
    await refused(broker, "TimeoutError|KafkaConnectionError")
    (tmp_path / "binding.secret").write_text(token("binding"))
    assert await say(broker, "binding.events", "key", b"{}")
    (tmp_path / "binding.secret").unlink()
    await refused(broker)


async def test_who_shows_no_certificate_or_a_strange_one_is_refused(certified, tmp_path, secured):
    no_file = {"kafka_ssl_cert_file": None, "kafka_ssl_key_file": None}
    await refused(certified("binding", **no_file))
    await refused(certified("binding", file=Authority(tmp_path).issue("binding")))
    # Genuine, and of somebody who may write nowhere.
    broker = certified("binding", file=secured.home / "nobody.pem")
    await refused(broker, r"(Topic|Cluster)AuthorizationFailed")


async def test_a_broker_of_another_authority_is_refused(seen_by, certified, tmp_path):
    Authority(tmp_path)
    strange = {"kafka_ssl_ca_file": tmp_path / "ca.pem"}
    await refused(seen_by("binding", tls=True, **strange))
    await refused(seen_by("binding", tls=True, mechanism="PLAIN", **strange))
    await refused(certified("binding", **strange))
