"""The certificates that were issued, in the ledger: the apps', Alipay's, and counterfeits."""

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.alipay.apps import certificate_authority
from deploy.sandbox.alipay.apps.certificate_authority import Authority, Issued
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Ledger, Tx, save_setting

AUTHORITY = "authority"
FOREIGN, EXPIRED = "foreign", "expired"
GRACE_MS = 7 * 86_400_000  # a replaced app certificate stays good for seven days
SCHEMA = """
CREATE TABLE IF NOT EXISTS certificates (
  number INTEGER PRIMARY KEY AUTOINCREMENT, sn TEXT NOT NULL UNIQUE, app_id TEXT NOT NULL,
  kind TEXT NOT NULL, pem TEXT NOT NULL, until_ms INTEGER
);
CREATE INDEX IF NOT EXISTS certificates_app ON certificates (app_id, kind);
"""
INSERT = """
INSERT INTO certificates (sn, app_id, kind, pem) VALUES (?, ?, ?, ?) ON CONFLICT (sn) DO NOTHING
"""
RETIRE = "UPDATE certificates SET until_ms = ? WHERE sn = ?"
OF_APP = "SELECT * FROM certificates WHERE app_id = ? ORDER BY number"


@dataclass(frozen=True, slots=True)
class CertificateSet:
    """The certificates of one app in certificate mode; `alipay_pem` has its issuer behind it."""

    root_pem: str
    root_sn: str
    app_pem: str
    app_sn: str
    alipay_pem: str
    alipay_sn: str
    # Replaced app certificates: their number, and until when they are still good.
    retired: Mapping[str, tuple[rsa.RSAPublicKey, int]] = field(default_factory=dict)

    def shown(self) -> dict[str, str]:
        return {
            "app_cert": self.app_pem,
            "alipay_cert": self.alipay_pem,
            "root_cert": self.root_pem,
            "app_cert_sn": self.app_sn,
            "alipay_cert_sn": self.alipay_sn,
            "alipay_root_cert_sn": self.root_sn,
        }

    def retired_key(self, sn: str) -> rsa.RSAPublicKey | None:
        key, until_ms = self.retired.get(sn, (None, 0))
        return key if until_ms > clock.now_ms() else None


class CertificateRegister:
    """Makes the authority when the first app asks for certificates."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        with closing(ledger.connect()) as connection:
            connection.executescript(SCHEMA)
        kept = ledger.setting(AUTHORITY)
        self._authority = certificate_authority.from_json(kept) if kept else None
        self._foreign: Authority | None = None
        self.counterfeits: dict[tuple[str, str], str] = {}
        self._making = asyncio.Lock()

    async def authority(self) -> Authority:
        async with self._making:
            if self._authority is None:
                made = await asyncio.to_thread(certificate_authority.new_authority)
                text = made.to_json()
                await self._ledger.do(lambda tx: save_setting(tx, AUTHORITY, text))
                self._authority = made
            return self._authority

    def kept(self, app_id: str) -> CertificateSet | None:
        """The certificates of an app as the ledger has them; None if there are none."""
        rows = self._ledger.read(OF_APP, app_id)
        own = [row for row in rows if row["kind"] == "app"]
        alipays = [row for row in rows if row["kind"] == "alipay"]
        if self._authority is None or not own or not alipays:
            return None
        return CertificateSet(
            self._authority.root_pem,
            self._authority.root_sn,
            own[-1]["pem"],
            own[-1]["sn"],
            alipays[-1]["pem"],
            alipays[-1]["sn"],
            _retired(own[:-1]),
        )

    async def issue(
        self,
        app_id: str,
        public_key: rsa.RSAPublicKey,
        alipay_key: rsa.RSAPublicKey,
        known: CertificateSet | None,
    ) -> CertificateSet:
        """New certificates for new keys; known ones for known keys."""
        authority = await self.authority()
        retired = dict(known.retired) if known else {}
        own = Issued(known.app_pem, known.app_sn) if known else None
        if own is None or key_of(own.pem).public_numbers() != public_key.public_numbers():
            if own is not None:
                retired[own.sn] = (key_of(own.pem), clock.now_ms() + GRACE_MS)
            own = authority.issue(app_id, public_key)
        if known and key_of(known.alipay_pem).public_numbers() == alipay_key.public_numbers():
            alipay_pem, alipay_sn = known.alipay_pem, known.alipay_sn
        else:
            leaf = authority.issue(f"Alipay for {app_id}", alipay_key)
            alipay_pem, alipay_sn = authority.chain(leaf), leaf.sn
        return CertificateSet(
            authority.root_pem,
            authority.root_sn,
            own.pem,
            own.sn,
            alipay_pem,
            alipay_sn,
            retired,
        )

    async def counterfeit(self, kind: str, app_id: str, key: rsa.RSAPublicKey) -> None:
        """Makes, if missing, a certificate that can be downloaded and must not be trusted."""
        authority = await self.authority()
        async with self._making:
            if (kind, app_id) in self.counterfeits:
                return
            name = f"Alipay for {app_id}"
            if kind == FOREIGN:
                if self._foreign is None:
                    self._foreign = await asyncio.to_thread(certificate_authority.foreign_authority)
                authority = self._foreign
                leaf = authority.issue(name, key)
            else:
                leaf = authority.issue(name, key, starts=certificate_authority.expired_start())
            pem = authority.chain(leaf)
            await self._ledger.do(lambda tx: tx.execute(INSERT, leaf.sn, app_id, kind, pem))
            self.counterfeits[kind, app_id] = leaf.sn


def key_of(pem: str) -> rsa.RSAPublicKey:
    """The public key of the first certificate in the text."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("only RSA certificates are issued here")
    return key


def save(tx: Tx, app_id: str, issued: CertificateSet) -> None:
    tx.execute(INSERT, issued.app_sn, app_id, "app", issued.app_pem)
    tx.execute(INSERT, issued.alipay_sn, app_id, "alipay", issued.alipay_pem)
    for sn, (_, until_ms) in issued.retired.items():
        tx.execute(RETIRE, until_ms, sn)


def _retired(rows: Iterable[sqlite3.Row]) -> dict[str, tuple[rsa.RSAPublicKey, int]]:
    return {row["sn"]: (key_of(row["pem"]), row["until_ms"] or 0) for row in rows}
