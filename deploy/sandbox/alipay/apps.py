"""Registered applications: their public key, and the Alipay key pair that answers them."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.alipay import rsa2
from deploy.sandbox.alipay.ledger import Ledger, Tx

MODES = ("key",)
BUYER_IDS = ("open_id", "user_id")
INSERT = """
INSERT INTO apps (app_id, seller_id, mode, public_key, alipay_private_key, notify_url, buyer_ids)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (app_id) DO UPDATE SET mode = excluded.mode, public_key = excluded.public_key,
  notify_url = excluded.notify_url, buyer_ids = excluded.buyer_ids
"""


class BadRegistration(ValueError):
    """The admin call is not acceptable; the message says why."""


@dataclass(frozen=True, slots=True)
class App:
    """Keys are parsed once, here."""

    app_id: str
    seller_id: str
    mode: str
    public_key: rsa.RSAPublicKey
    alipay_key: rsa.RSAPrivateKey
    notify_url: str | None
    buyer_ids: str

    def sign(self, content: bytes) -> str:
        return rsa2.sign(self.alipay_key, content)

    def verify(self, content: bytes, signature: str) -> bool:
        return rsa2.verify(self.public_key, content, signature)

    def shown(self) -> dict[str, Any]:
        return {
            "app_id": self.app_id,
            "seller_id": self.seller_id,
            "mode": self.mode,
            "alipay_public_key": rsa2.spki_base64(self.alipay_key.public_key()),
            "notify_url": self.notify_url,
            "buyer_ids": self.buyer_ids,
        }


class Apps:
    """In memory for the gateway, in the ledger for the next start."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._apps: dict[str, App] = {}
        self._registering = asyncio.Lock()
        self.stranger = rsa2.new_private_key()
        for row in ledger.read("SELECT * FROM apps"):
            self._apps[row["app_id"]] = App(
                app_id=row["app_id"],
                seller_id=row["seller_id"],
                mode=row["mode"],
                public_key=rsa2.parse_public_key(row["public_key"]),
                alipay_key=rsa2.load_private_pem(row["alipay_private_key"]),
                notify_url=row["notify_url"],
                buyer_ids=row["buyer_ids"],
            )

    def get(self, app_id: str) -> App | None:
        return self._apps.get(app_id)

    def all(self) -> list[App]:
        return list(self._apps.values())

    def knows_token(self, app: App, token: str) -> bool:
        """Whether a merchant ever gave the app this token; its age is asked with the method."""
        found = "SELECT 1 FROM app_auth_tokens WHERE token = ? AND isv_app_id = ?"
        return bool(self._ledger.read(found, token, app.app_id))

    async def register(self, wanted: dict[str, Any]) -> App:
        """Again with the same app_id: the new public key counts, ours and the seller stay."""
        if wanted.get("aes_key") is not None:
            raise BadRegistration("aes_key: content encryption is not played yet")
        public_key = _public_key(wanted)
        mode = _one_of(wanted, "mode", MODES)
        buyer_ids = _one_of(wanted, "buyer_ids", BUYER_IDS)
        async with self._registering:
            app_id = _digits(wanted, "app_id", 32) or f"2021{secrets.randbelow(10**12):012d}"
            known = self._apps.get(app_id)
            seller_id = known.seller_id if known else f"2088{secrets.randbelow(10**12):012d}"
            alipay_key = (
                known.alipay_key if known else await asyncio.to_thread(rsa2.new_private_key)
            )
            app = App(
                app_id, seller_id, mode, public_key, alipay_key, _url(wanted), buyer_ids
            )  # fmt: skip
            await self._ledger.do(lambda tx: _save(tx, app))
            self._apps[app_id] = app
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


def _public_key(wanted: dict[str, Any]) -> rsa.RSAPublicKey:
    text = wanted.get("public_key")
    if not isinstance(text, str):
        raise BadRegistration("public_key is missing: the application's public key as text")
    try:
        return rsa2.parse_public_key(text)
    except rsa2.BadKey as error:
        raise BadRegistration(f"public_key: {error}") from error


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


def _url(wanted: dict[str, Any]) -> str | None:
    value = wanted.get("notify_url")
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise BadRegistration("notify_url must be an http(s) address")
    return value
