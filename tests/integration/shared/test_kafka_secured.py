"""A real Apache Kafka that asks who one is (SCRAM over TLS and without) and keeps topics apart.

Its access rules are the commands of docs/runbook.md, word by word. Needs a JVM: run by
`make test-kafka`.
"""

import asyncio
import datetime
import re
import shlex
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from deploy.kafka.node import HOST, Node
from shared import kafka
from shared.config import BaseConfig
from shared.errors import Unavailable
from shared.events.base import stamp
from shared.events.binding import StoreCreated
from tests.fixtures.postgres import free_port

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(180),
    pytest.mark.asyncio,
    # The node outlives the object that started it; it is stopped by its pid.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RUNBOOK = Path(__file__).parents[3] / "docs/runbook.md"
PEOPLE = ("binding", "device", "payment", "campaign", "order", "gateway-edge", "gateway-egress")
SECURED = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=SASL_PLAINTEXT://{host}:{port},SASL_SSL://{host}:{tls},CONTROLLER://{host}:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_PLAINTEXT
listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
{jaas}
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def certificates(folder):
    """A certificate authority of the test's own, and the broker's certificate from it."""

    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def pem(key):
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    now = datetime.datetime.now(datetime.UTC)
    authority, own = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in "ab")

    def signed(subject, public, extension):
        return (
            x509.CertificateBuilder()
            .subject_name(named(subject)).issuer_name(named("test authority"))
            .public_key(public).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(authority, hashes.SHA256())
        )  # fmt: skip

    root = signed("test authority", authority.public_key(), x509.BasicConstraints(True, None))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    leaf = signed("broker", own.public_key(), names)
    text = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.public_bytes(text))
    (folder / "broker.pem").write_bytes(pem(own) + leaf.public_bytes(text))


@dataclass(frozen=True)
class SecuredNode(Node):
    """The node of `make kafka`, with other settings."""

    tls: int = 0

    def prepare(self):
        (self.home / "log4j2.xml").write_text("<Configuration status='WARN'/>")
        jaas = "\n".join(
            f"listener.name.{name}.scram-sha-{bits}.sasl.jaas.config="
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            'username="admin" password="admin-word";'
            for name in ("sasl_plaintext", "sasl_ssl")
            for bits in (256, 512)
        )
        properties = self.home / "server.properties"
        properties.write_text(SECURED.format(
            host=HOST, port=self.port, tls=self.tls, controller=free_port(),
            folder=self.home, jaas=jaas,
        ))  # fmt: skip
        words = ["format", "-t", "A" * 22, "-c", str(properties)]
        for name in ("admin", *PEOPLE):
            for bits in (256, 512):
                words += ["--add-scram", f"SCRAM-SHA-{bits}=[name={name},password={name}-word]"]
        run(self.command("kafka.tools.StorageTool", *words))

    def _admin(self):
        from confluent_kafka.admin import AdminClient

        return AdminClient({
            "bootstrap.servers": self.bootstrap, "log_level": 0,
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "admin", "sasl.password": "admin-word",
        })  # fmt: skip


def run(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Started, with the topics, and with the access rules of the runbook."""
    usual = Node.from_environment()
    if usual.needs_jars:
        usual.bring()
    folder = tmp_path_factory.mktemp("secured")
    (folder / "lib").symlink_to(usual.home / "lib")
    certificates(folder)
    node = SecuredNode(folder, free_port(), free_port())
    node.start()
    (folder / "admin.properties").write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="admin" password="admin-word";\n'
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

    def make(name, *, password=None, tls=False, mechanism="SCRAM-SHA-512"):
        word = tmp_path / f"{name}.password"
        word.write_text(f"{password or name + '-word'}\n")
        config = BaseConfig(
            kafka_bootstrap=f"{HOST}:{secured.tls if tls else secured.port}",
            kafka_security_protocol="SASL_SSL" if tls else "SASL_PLAINTEXT",
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username=name,
            kafka_sasl_password_file=word,
            kafka_ssl_ca_file=secured.home / "ca.pem",
            service_key_file=service_keys.key_file(name),
            service_trust_file=service_keys.trust_file,
        )
        return kafka.broker(config, name)

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


@pytest.mark.parametrize(
    ("tls", "mechanism"),
    [(False, "SCRAM-SHA-512"), (False, "SCRAM-SHA-256"), (True, "SCRAM-SHA-512")],
)
async def test_signed_in_the_owner_is_heard(seen_by, clock, tls, mechanism):
    event = StoreCreated(**stamp(uuid4(), clock), store_id=uuid4(), name="一号店")
    binding = seen_by("binding", tls=tls, mechanism=mechanism)
    order = seen_by("order", tls=tls, mechanism=mechanism)
    await say(binding, event.topic, event.subject, event.encode())
    record = await hear(order, event.topic, event.subject, "order")
    assert order.keys.read(record.topic, record.key, record.value, record.headers) == event
    producer = kafka.Producer(binding)
    assert sum((await producer.end_offsets(event.topic)).values()) >= 1
    await producer.aclose()


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


async def test_a_wrong_password_and_a_broker_of_another_authority_are_refused(
    seen_by, tmp_path_factory
):
    with pytest.raises(Unavailable):
        await say(seen_by("binding", password="guess"), "binding.events", "key", b"{}")
    folder = tmp_path_factory.mktemp("other")
    certificates(folder)
    broker = seen_by("binding", tls=True)
    stranger = ssl.create_default_context(cafile=folder / "ca.pem")
    with pytest.raises(Unavailable):
        await say(
            replace(broker, security={**broker.security, "ssl_context": stranger}),
            "binding.events", "key", b"{}",
        )  # fmt: skip
