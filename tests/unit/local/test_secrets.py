"""Secrets are made once, and only their owner reads them."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.local import postgres, secrets
from deploy.local.layout import Layout
from shared.clock import SystemClock
from shared.contracts.events.macs import EventKeys
from shared.contracts.pairs import PairKeys
from shared.keys.tokens import TokenSigner, TokenVerifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    layout = Layout(tmp_path, 8080)
    layout.make()
    secrets.make_all(layout.secrets)
    return layout.secrets


def test_only_the_owner_reads_them(folder: Path) -> None:
    secrets.password(folder, "postgres")
    assert folder.stat().st_mode & 0o777 == 0o700
    loose = [path.name for path in folder.iterdir() if path.stat().st_mode & 0o077]
    assert not [name for name in loose if name not in {"trust.json", "app-public-key.pem"}]


def test_every_issuer_is_trusted_by_its_own_key(folder: Path) -> None:
    trust = json.loads((folder / "trust.json").read_text())
    events = {f"events:{issuer}" for issuer in secrets.ISSUERS}
    assert set(trust) == set(secrets.ISSUERS) | events
    for issuer in secrets.ISSUERS:
        public = trust[issuer]
        key = load_pem_private_key((folder / f"{issuer}.pem").read_bytes(), None)
        assert key.public_key().public_bytes_raw() == base64.b64decode(public)


def test_every_process_has_a_key_for_the_others(folder: Path) -> None:
    """Beside its signing key; added to what a former version made, once. Events and inner tokens
    are proven with it."""
    issuer = folder / "order.pem"
    former = issuer.read_text()
    issuer.write_text(former[: former.index("-----END") + 26])
    secrets.make_all(folder)
    assert issuer.read_text() != former
    assert issuer.read_text().count("BEGIN") == 2
    made = {
        name: PairKeys.from_files(name, folder / f"{name}.pem", folder / "trust.json")
        for name in secrets.ISSUERS
    }
    for keys in made.values():
        EventKeys(keys)
    clock = SystemClock()
    token = TokenSigner(made["gateway-edge"], clock).issue("order", kind="user", subject="u")
    assert TokenVerifier("order", made["order"], clock).verify(token).subject == "u"


def test_a_second_start_finds_the_same(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    secrets.make_all(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert secrets.password(folder, "postgres") == secrets.password(folder, "postgres")


def test_passwords_need_no_quoting_in_an_address(folder: Path) -> None:
    for number in range(50):
        known = secrets.password(folder, f"p{number}")
        assert len(known) >= 24
        assert not set(known) & set("@:/?#[]%&'\" ")


def test_the_database_keeps_its_promises(tmp_path: Path) -> None:
    """TCP on loopback only, no socket file, money written before it is answered."""
    layout = Layout(tmp_path, 8080)
    command = postgres.Cluster(tmp_path / "bin", tmp_path / "data", None).command(5432)
    flags = {part for part in command if "=" in part}
    assert {
        "listen_addresses=127.0.0.1", "unix_socket_directories=", "synchronous_commit=on",
        "port=5432", "shared_buffers=64MB", "max_connections=300",
    } <= flags  # fmt: skip
    assert not [flag for flag in flags if flag.startswith("fsync")], "on is the default"
    assert len({postgres.elsewhere(Layout(tmp_path / n, 1)) for n in "ab"}) == 2
    assert postgres.elsewhere(layout).name.startswith("damselfly-")
