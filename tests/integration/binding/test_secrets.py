"""A canary: a private key goes in by every door, right and wrong, and comes out of none.

The API runs as its own process, so that its whole output can be read.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from shared.clock import SystemClock
from tests.fixtures.keys import new_rsa_pair
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.postgres import die_with_parent, free_port
from tests.integration.binding.conftest import APP_ID, PASSWORD, SELLER_ID

COMMAND = [sys.executable, "-m", "services.binding"]
SLICE = 40
PART = SLICE // 2


class Canary:
    """All slices of a private key, in each spelling that could be written somewhere."""

    def __init__(self, pair):
        der = [
            pair.private.private_bytes(
                serialization.Encoding.DER, form, serialization.NoEncryption()
            )
            for form in (
                serialization.PrivateFormat.PKCS8,
                serialization.PrivateFormat.TraditionalOpenSSL,
            )
        ]
        pems = [pair.private_pem, pair.private_pkcs1_pem]
        texts = [re.sub(r"-----.*?-----|\s", "", pem.decode()) for pem in pems]
        texts += [raw.hex() for raw in der] + [raw.decode("latin-1") for raw in der]
        numbers = pair.private.private_numbers()
        texts += [str(numbers.d), str(numbers.p), str(numbers.q)]
        # The public half is inside the private one, and may be shown.
        public = pair.public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1
        )
        shown = [pair.public_b64, public.hex(), public.decode("latin-1")]
        self._slices = slices(*texts) - slices(*shown)
        # The modulus once more, as base64 falls when it stands where PKCS#1 and PKCS#8 put it.
        modulus = public[4 + 4 : 4 + 4 + 257]
        for raw, text in zip(der, texts, strict=False):
            at = raw.index(modulus)
            first, last = at * 4 // 3, (at + len(modulus)) * 4 // 3
            self._slices -= slices(text[first : last + 1])
        self._parts = {part for known in self._slices for part in slices(known, size=PART)}

    def in_text(self, text):
        compact = re.sub(r"\s|\\[nr]", "", text)
        return any(map(self._is_in, (text, compact)))

    def _is_in(self, text):
        """A slice, wherever it stands, covers one of the parts that the text is cut into: only
        around a part of the key every slice is looked at."""
        for at in range(0, len(text), PART):
            if text[at : at + PART] in self._parts:
                around = text[max(0, at - SLICE) : at + PART + SLICE]
                if slices(around) & self._slices:
                    return True
        return False


def slices(*texts, size=SLICE):
    return {text[at : at + size] for text in texts for at in range(len(text) - size + 1)}


def test_the_canary_sings():
    """The detector finds what it is made for, and the public half does not set it off."""
    pair = new_rsa_pair()
    canary = Canary(pair)
    text = pair.private_pem.decode()
    body = pair.private_b64
    assert canary.in_text(f"x{text}y")
    assert canary.in_text(body[-60:])
    assert canary.in_text(json.dumps(body[700:760]))
    assert not canary.in_text(pair.public_b64)
    assert not canary.in_text(pair.public_pem.decode())


@pytest.fixture
def settings(binding, kek_file, service_keys):
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL_BINDING": binding.database.app_url,
        "DATABASE_SYSTEM_URL_BINDING": binding.database.system_url,
        "KEK_FILE": str(kek_file),
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "SERVICE_KEY_FILE": str(service_keys.key_file("binding")),
        "SERVICE_TRUST_FILE": str(service_keys.trust_file),
        "LOG_LEVEL": "DEBUG",
        "EGRESS_URL": binding.platform.url,
    }


@pytest.fixture
def api(settings, tmp_path):
    """(base URL, file with everything the process says)."""
    said = tmp_path / "api.log"
    port = free_port()
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "api"],
            env={**settings, "LISTEN": f"127.0.0.1:{port}"},
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while True:
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline
        try:
            if httpx.get(f"{url}/readyz", verify=NO_TLS).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    yield url, said
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=40) in {0, -signal.SIGTERM}


def wrong_bodies(pair):
    """Requests that hold the key where it does not belong; bytes are sent as they are."""
    key, pem = pair.private_b64, pair.private_pem.decode()
    good = {"app_id": APP_ID, "seller_id": SELLER_ID, "version": 9}
    alipay = new_rsa_pair().public_b64
    both = good | {"app_private_key": key}
    return [
        both | {"alipay_public_key": key},
        both | {"alipay_public_key": pem},
        both | {"alipay_public_key": pair.public_b64},
        both | {"alipay_public_key": alipay},
        good | {"app_private_key": key[:1000], "alipay_public_key": alipay},
        good | {"app_private_key": key[5:], "alipay_public_key": alipay},
        good | {"app_private_key": pem + pem, "alipay_public_key": alipay},
        good | {"app_private_key": "私钥:" + key, "alipay_public_key": alipay},
        good | {"app_private_key": [key], "alipay_public_key": alipay},
        good | {"app_private_key": {"pem": pem}, "alipay_public_key": alipay},
        both | {"alipay_public_key": alipay, "enabled": key},
        both | {"alipay_public_key": alipay, "seller_id": key},
        both | {"alipay_public_key": alipay, "app_id": pem},
        both | {"alipay_public_key": alipay, "version": key},
        both | {"alipay_public_key": alipay, "surprise": key},
        json.dumps(both).encode()[:-3],
        pem.encode(),
        key.encode() * 200,
    ]


class Merchant:
    """An owner at the running API; keeps everything that is said back."""

    def __init__(self, client, signer, tenant_id, user_id):
        self._client = client
        self._signer = signer
        self._facts = {
            "kind": "user",
            "subject": str(user_id),
            "tenant_id": UUID(str(tenant_id)),
            "permissions": {"apps.read", "apps.write"},
            "step_up_until": SystemClock().now() + timedelta(hours=1),
        }
        self.heard = []

    async def ask(self, method, path, body=None, **facts):
        token = self._signer.issue("binding", **(facts or self._facts))
        answer = await self._client.request(
            method,
            path,
            content=body if isinstance(body, bytes) or body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        self.heard.append(answer.text + str(answer.headers))
        return answer

    async def bind(self, body):
        return await self.ask("PUT", "/api/merchant/v1/apps", body)


async def bind_while_the_database_refuses(merchant, database, body):
    """Something of ours breaks with the key in hand: a bare 500 outside, a traceback in the log."""
    await database.execute("REVOKE INSERT ON app_keys FROM damselfly_binding")
    answer = await merchant.bind(body)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    await database.execute("GRANT INSERT ON app_keys TO damselfly_binding")


def bind_by_command(command_line, settings, folder, tenant_id, seller_id, private, alipay):
    """What the command line says, whether or not it liked the key."""
    (folder / "private").write_text(private)
    (folder / "alipay").write_text(alipay)
    done = command_line(
        "services.binding", "apps", "add", "--merchant", tenant_id, "--app-id", APP_ID,
        "--seller-id", seller_id, "--app-private-key", folder / "private",
        "--alipay-public-key", folder / "alipay", env=settings,
    )  # fmt: skip
    assert done.returncode in {0, 2}
    return done.returncode, done.stdout + done.stderr


@pytest.mark.asyncio
async def test_no_door_gives_a_private_key_back(
    binding, new_merchant, api, settings, signer_for, tmp_path, command_line
):
    """S34 is our anti-pattern: the manual's own page shows the key in clear."""
    pair, rotated, alipay = new_rsa_pair(), new_rsa_pair(), new_rsa_pair().public_b64
    tenant_id, user = await new_merchant()
    url, said = api
    good = {"app_id": APP_ID, "seller_id": SELLER_ID, "alipay_public_key": alipay}
    first = good | {"app_private_key": pair.private_pem.decode(), "version": 0}
    second = good | {"app_private_key": rotated.private_b64, "version": 1}
    async with httpx.AsyncClient(base_url=url, verify=NO_TLS, timeout=60) as client:
        merchant = Merchant(client, signer_for("gateway-edge"), tenant_id, user.user_id)
        await bind_while_the_database_refuses(merchant, binding.database, first)
        bodies = [*wrong_bodies(pair), first, second, *wrong_bodies(rotated)]
        statuses = [(await merchant.bind(body)).status_code for body in bodies]
        assert (await merchant.ask("GET", "/api/merchant/v1/apps")).status_code == 200
        gateway = {"kind": "service", "subject": "gateway-edge"}
        assert (await merchant.ask("GET", f"/internal/apps/{APP_ID}", **gateway)).status_code == 200
    assert statuses.count(200) == 2
    assert set(statuses) == {200, 409, 413, 422}
    heard = merchant.heard
    for private, expected in ((pair.private_b64, 0), (pair.private_b64[:900], 2)):
        for seller_id in (SELLER_ID, "2088000000000009"):
            code, text = bind_by_command(
                command_line, settings, tmp_path, tenant_id, seller_id, private, alipay
            )
            assert code == expected, text
            heard.append(text)

    logs, rows = said.read_text(), await everything(binding.database)
    assert '"path":"/api/merchant/v1/apps"' in logs
    assert "permission denied" in logs
    assert APP_ID in rows
    for canary in (Canary(pair), Canary(rotated)):
        assert not [text for text in (*heard, logs, rows) if canary.in_text(text)]
    assert PASSWORD not in logs + rows


async def everything(database):
    """All rows of all tables as text, binary columns in hex and as the text they may be."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    parts = []
    for table in tables:
        for row in await database.fetch(f"SELECT t.* FROM {table['tablename']} t"):
            for value in row.values():
                parts.append(str(value))
                if isinstance(value, bytes):
                    parts += [value.hex(), value.decode("latin-1")]
    return "\n".join(parts)
