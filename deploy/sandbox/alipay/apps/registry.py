"""Registered applications: their public key, and the Alipay key pair that answers them."""

import asyncio
import base64
import secrets
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.alipay.apps import certificates
from deploy.sandbox.alipay.apps.certificates import CertificateRegister, CertificateSet
from deploy.sandbox.alipay.wire import aes, rsa2
from deploy.sandbox.kit.ledger import Ledger, Tx

KEY, CERT = "key", "cert"
MODES = (KEY, CERT)
BUYER_IDS = ("open_id", "user_id")
ALL = "SELECT apps.*, aes_key, messages_url FROM apps LEFT JOIN app_options USING (app_id)"
INSERT = """
INSERT INTO apps (app_id, seller_id, mode, public_key, alipay_private_key, notify_url, buyer_ids)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (app_id) DO UPDATE SET mode = excluded.mode, public_key = excluded.public_key,
  alipay_private_key = excluded.alipay_private_key, notify_url = excluded.notify_url,
  buyer_ids = excluded.buyer_ids
"""
INSERT_OPTIONS = """
INSERT INTO app_options VALUES (?, ?, ?)
ON CONFLICT (app_id) DO UPDATE SET aes_key = excluded.aes_key, messages_url = excluded.messages_url
"""


class BadRegistration(ValueError):
    """The admin call is not acceptable; the message says why."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs an answer: a key, and the number of its certificate in certificate mode."""

    key: rsa.RSAPrivateKey
    cert_sn: str | None = None

    def sign(self, content: bytes) -> str:
        return rsa2.sign(self.key, content)


@dataclass(frozen=True, slots=True)
class App:
    """Keys are parsed once, here. `certificate_set` is kept in key mode, unused."""

    app_id: str
    seller_id: str
    mode: str
    public_key: rsa.RSAPublicKey
    alipay_key: rsa.RSAPrivateKey
    notify_url: str | None
    buyer_ids: str
    aes_key: bytes | None = None
    messages_url: str | None = None
    certificate_set: CertificateSet | None = None

    def sign(self, content: bytes) -> str:
        return rsa2.sign(self.alipay_key, content)

    @property
    def certificates(self) -> CertificateSet | None:
        return self.certificate_set if self.mode == CERT else None

    @property
    def signer(self) -> Signer:
        certificate_set = self.certificates
        return Signer(self.alipay_key, certificate_set.alipay_sn if certificate_set else None)

    def shown(self) -> dict[str, Any]:
        certificate_set = self.certificates
        return {
            "app_id": self.app_id,
            "seller_id": self.seller_id,
            "mode": self.mode,
            "alipay_public_key": rsa2.spki_base64(self.alipay_key.public_key()),
            "notify_url": self.notify_url,
            "messages_url": self.messages_url,
            "buyer_ids": self.buyer_ids,
            "has_aes_key": self.aes_key is not None,
            **(certificate_set.shown() if certificate_set else {}),
        }


class Apps:
    """All registered applications: in memory, and in the ledger for the next start."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._certificates = CertificateRegister(ledger)
        self._apps: dict[str, App] = {}
        self._registering = asyncio.Lock()
        self.unrelated_key = rsa2.new_private_key()
        for row in ledger.read(ALL):
            self._apps[row["app_id"]] = App(
                app_id=row["app_id"],
                seller_id=row["seller_id"],
                mode=row["mode"],
                public_key=rsa2.parse_public_key(row["public_key"]),
                alipay_key=rsa2.load_private_pem(row["alipay_private_key"]),
                notify_url=row["notify_url"],
                buyer_ids=row["buyer_ids"],
                aes_key=aes.parse_key(row["aes_key"]) if row["aes_key"] else None,
                messages_url=row["messages_url"],
                certificate_set=self._certificates.kept(row["app_id"]),
            )

    def get(self, app_id: str) -> App | None:
        return self._apps.get(app_id)

    def all(self) -> list[App]:
        return list(self._apps.values())

    def knows_token(self, app: App, token: str) -> bool:
        """Whether a merchant ever gave the app this token; the method checks that it is valid."""
        found = "SELECT 1 FROM app_auth_tokens WHERE token = ? AND isv_app_id = ?"
        return bool(self._ledger.read(found, token, app.app_id))

    async def register(self, wanted: dict[str, Any]) -> App:
        """Registers an app, or changes it where the app_id is known: the public key is replaced;
        the seller stays, and so does our key unless another is given. With `again` and without
        app_id, an app that has that key already is answered unchanged."""
        public_key, alipay_key = _public_key(wanted), _alipay_key(wanted)
        mode = _one_of(wanted, "mode", MODES)
        buyer_ids = _one_of(wanted, "buyer_ids", BUYER_IDS)
        aes_key = _aes_key(wanted)
        notify_url, messages_url = _url(wanted, "notify_url"), _url(wanted, "messages_url")
        async with self._registering:
            same = self._under(public_key, mode) if wanted.get("again") is True else None
            if same is not None and wanted.get("app_id") is None:
                return same
            app_id = _digits(wanted, "app_id", 32) or f"2021{secrets.randbelow(10**12):012d}"
            known = self._apps.get(app_id)
            if alipay_key is None:
                alipay_key = known.alipay_key if known else await _new_key()
            return await self._keep(
                App(
                    app_id,
                    known.seller_id if known else f"2088{secrets.randbelow(10**12):012d}",
                    mode,
                    public_key,
                    alipay_key,
                    notify_url,
                    buyer_ids,
                    aes_key,
                    messages_url,
                    known.certificate_set if known else None,
                )
            )

    def _under(self, key: rsa.RSAPublicKey, mode: str) -> App | None:
        known = (one for one in self._apps.values() if one.mode == mode)
        return next((one for one in known if one.public_key == key), None)

    async def rotate(self, app_id: str) -> App | None:
        """A new Alipay key and, in certificate mode, a new certificate; the app's own stay."""
        async with self._registering:
            known = self._apps.get(app_id)
            if known is None:
                return None
            return await self._keep(replace(known, alipay_key=await _new_key()))

    async def prepare_counterfeit(self, kind: str, app_id: str) -> None:
        if app_id in self._apps:
            await self._certificates.counterfeit(kind, app_id, self.unrelated_key.public_key())

    def counterfeit(self, kind: str, app: App) -> Signer:
        """A signer whose certificate can be downloaded and must not be trusted."""
        return Signer(self.unrelated_key, self._certificates.counterfeits[kind, app.app_id])

    async def _keep(self, app: App) -> App:
        if app.mode == CERT:
            certificate_set = await self._certificates.issue(
                app.app_id, app.public_key, app.alipay_key.public_key(), app.certificate_set
            )
            app = replace(app, certificate_set=certificate_set)
        await self._ledger.do(lambda tx: _save(tx, app))
        self._apps[app.app_id] = app
        return app


def _save(tx: Tx, app: App) -> None:
    tx.execute(
        INSERT,
        app.app_id,
        app.seller_id,
        app.mode,
        rsa2.spki_base64(app.public_key),
        rsa2.private_pem(app.alipay_key),
        app.notify_url,
        app.buyer_ids,
    )
    aes_key = base64.b64encode(app.aes_key).decode() if app.aes_key else None
    tx.execute(INSERT_OPTIONS, app.app_id, aes_key, app.messages_url)
    if app.certificates is not None:
        certificates.save(tx, app.app_id, app.certificates)


def _public_key(wanted: dict[str, Any]) -> rsa.RSAPublicKey:
    text = wanted.get("public_key")
    if not isinstance(text, str):
        raise BadRegistration("public_key is missing: the application's public key as text")
    try:
        return rsa2.parse_public_key(text)
    except rsa2.BadKey as error:
        raise BadRegistration(f"public_key: {error}") from error


async def _new_key() -> rsa.RSAPrivateKey:
    """In a thread: it takes a tenth of a second."""
    return await asyncio.to_thread(rsa2.new_private_key)


def _alipay_key(wanted: dict[str, Any]) -> rsa.RSAPrivateKey | None:
    text = wanted.get("alipay_private_key")
    if text is None:
        return None
    try:
        return rsa2.load_private_pem(str(text))
    except (ValueError, TypeError) as error:
        raise BadRegistration("alipay_private_key: not the PEM of an RSA private key") from error


def _aes_key(wanted: dict[str, Any]) -> bytes | None:
    text = wanted.get("aes_key")
    if text is None:
        return None
    try:
        return aes.parse_key(text if isinstance(text, str) else "?")
    except aes.BadCipher as error:
        raise BadRegistration(f"aes_key: {error}") from error


def _one_of(wanted: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = wanted.get(name) or allowed[0]
    if value not in allowed:
        raise BadRegistration(f"{name} must be one of {', '.join(allowed)}")
    return str(value)


def _digits(wanted: dict[str, Any], name: str, limit: int) -> str | None:
    value = wanted.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise BadRegistration(f"{name} must be a text of digits")
    if len(value) > limit:
        raise BadRegistration(f"{name} is longer than {limit}")
    return value


def _url(wanted: dict[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise BadRegistration(f"{name} must be an http(s) address")
    return value
