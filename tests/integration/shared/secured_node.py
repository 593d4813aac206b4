"""A real Apache Kafka node that asks who one is: SCRAM, PLAIN and OAUTHBEARER with and without TLS,
and client certificates. Its authority and people are the test's own.

Tokens are unsecured ones (`alg: none`), which Kafka takes for tests only: what is shown is what our
side sends, and that the broker looks at it.
"""

import base64
import datetime
import json
import subprocess
import time
from dataclasses import dataclass
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from deploy.kafka.node import HOST, KafkaNode

PEOPLE = ("binding", "device", "payment", "campaign", "order", "gateway-edge", "gateway-egress")
SECURED = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=SASL_PLAINTEXT://{host}:{port},SASL_SSL://{host}:{tls},SSL://{host}:{mutual},\
CONTROLLER://{host}:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_PLAINTEXT
listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,\
CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
{jaas}
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+)$/$1/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class Authority:
    """Signs certificates; `folder` holds its own as ca.pem, and NAME.pem with key and certificate
    of everybody whom it knows."""

    def __init__(self, folder):
        self.folder = folder
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        root = self._signed(
            "test authority", self._key.public_key(), x509.BasicConstraints(True, None)
        )
        (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def issue(self, name):
        own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
        pem = serialization.Encoding.PEM
        key = own.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        leaf = self._signed(name, own.public_key(), names)
        file = self.folder / f"{name}.pem"
        file.write_bytes(key + leaf.public_bytes(pem))
        return file

    def _signed(self, subject, public, extension):
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_named(subject)).issuer_name(_named("test authority"))
            .public_key(public).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip


def _named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def token(name, lives_s=300):
    """What an identity provider would give to that process; already over when negative."""
    begun = time.time() + min(0, lives_s) - 60
    parts = {"alg": "none"}, {"sub": name, "iat": begun, "exp": time.time() + lives_s}
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(text.rstrip("=") for text in texts) + "."


@dataclass(frozen=True)
class SecuredNode(KafkaNode):
    """The node of `make kafka`, with other settings."""

    tls: int = 0
    mutual: int = 0

    def prepare(self, controller):
        (self.home / "log4j2.xml").write_text("<Configuration status='WARN'/>")
        common = "org.apache.kafka.common.security"
        words = " ".join(f'user_{name}="{name}-word"' for name in PEOPLE)
        modules = {
            "scram-sha-256": f"{common}.scram.ScramLoginModule required {ADMIN}",
            "scram-sha-512": f"{common}.scram.ScramLoginModule required {ADMIN}",
            "plain": f"{common}.plain.PlainLoginModule required {words}",
            "oauthbearer": f"{common}.oauthbearer.OAuthBearerLoginModule required"
            ' unsecuredLoginStringClaim_sub="admin"',
        }
        jaas = "\n".join(
            f"listener.name.{listener}.{mechanism}.sasl.jaas.config={module};"
            for listener in ("sasl_plaintext", "sasl_ssl")
            for mechanism, module in modules.items()
        )
        properties = self.home / "server.properties"
        properties.write_text(SECURED.format(
            host=HOST, port=self.port, tls=self.tls, mutual=self.mutual, controller=controller,
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


ADMIN = 'username="admin" password="admin-word"'


def run(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
