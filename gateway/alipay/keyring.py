"""Bound apps and their keys: looked up at binding, unsealed, parsed once, cached for a short time.

In the gateway, private keys are unsealed only here, only in the egress process, and kept only in
parsed form. A change at binding drops the entry at once (binding.events); after a bad signature the
keys are looked up once more.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from gateway.cache import LookupCache
from gateway.limits import KEYS_FRESH_S, KEYS_KEPT, KEYS_REFETCH_EVERY_S, KEYS_STALE_S
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.documents import BoundAppOut, SealedVersionOut
from shared.contracts.events import Event
from shared.contracts.events.binding import AppBound
from shared.errors import BadGateway, Problem, Unavailable
from shared.keys.rsa_keys import load_trusted_private, read_public_key
from shared.keys.sealed import KeyProvider, SealBroken, open_sealed
from shared.telemetry import get_logger

log = get_logger("keyring")

_APP_ID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
_ROUTE = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)


class NoSigningKey(Unavailable):
    """The app is bound, but none of its keys may sign at present."""

    code = "gateway.no_signing_key"
    title = "应用没有可用的密钥 The app has no usable key."


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One generation of an app's keys."""

    version: int
    public: RSAPublicKey
    """Alipay's key, to verify with"""
    private: RSAPrivateKey | None
    """the app's own key, to sign with; the edge has none"""
    not_after: datetime | None
    """when it is retired; None for the newest version"""
    app_cert_sn: str = ""
    alipay_root_cert_sn: str = ""
    """both empty in key mode; in certificate mode every request carries them"""
    alipay_cert_sn: str = ""
    """number of Alipay's certificate that `public` is from"""
    app_cert_not_after: datetime | None = None
    alipay_cert_not_after: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.not_after is None or now < self.not_after

    def can_sign(self, now: datetime) -> bool:
        is_dated = self.app_cert_not_after is None or now < self.app_cert_not_after
        return self.private is not None and is_dated and self.is_valid(now)

    def can_verify(self, now: datetime) -> bool:
        is_dated = self.alipay_cert_not_after is None or now < self.alipay_cert_not_after
        return is_dated and self.is_valid(now)


@dataclass(frozen=True, slots=True)
class Signing:
    """The key and certificate numbers for signing a request."""

    version: int
    key: RSAPrivateKey = field(repr=False)
    app_cert_sn: str = ""
    alipay_root_cert_sn: str = ""


@dataclass(frozen=True, slots=True)
class AppKeys:
    """A bound app as the gateway knows it; `versions` newest first."""

    tenant_id: UUID
    app_id: str
    seller_id: str
    notify_route: str
    is_enabled: bool
    versions: tuple[KeyVersion, ...]
    service_provider_id: str = ""
    aes_key: str = field(default="", repr=False)
    """base64; empty if content encryption is off"""
    app_auth_token: str = field(default="", repr=False)
    """a merchant's grant, if this is an ISV's app that acts for the merchant"""

    def signing(self, now: datetime, pinned: int | None = None) -> Signing:
        """The pinned version while it is valid, else the newest; raises NoSigningKey."""
        usable = [v for v in self.versions if v.can_sign(now)]
        chosen = next((v for v in usable if v.version == pinned), usable[0] if usable else None)
        if chosen is None or chosen.private is None:
            raise NoSigningKey(f"app {self.app_id}")
        return Signing(
            chosen.version, chosen.private, chosen.app_cert_sn, chosen.alipay_root_cert_sn
        )

    def verifying(self, now: datetime) -> tuple[RSAPublicKey, ...]:
        """All of Alipay's keys that may still have signed something for this app."""
        return tuple(v.public for v in self.versions if v.can_verify(now))

    def alipay_cert_sns(self, now: datetime) -> tuple[str, ...]:
        """The numbers of the certificates of those keys; none in key mode."""
        return tuple(
            v.alipay_cert_sn for v in self.versions if v.alipay_cert_sn and v.can_verify(now)
        )


class KeyRing:
    """app_id or notify route -> AppKeys."""

    def __init__(
        self, binding: ServiceClient, clock: Clock, provider: KeyProvider | None = None
    ) -> None:
        self._binding = binding
        self._clock = clock
        self._provider = provider
        self._by_app: LookupCache[str, AppKeys] = LookupCache(
            "keys", self._load_app, clock,
            kept=KEYS_KEPT, fresh_s=KEYS_FRESH_S, stale_s=KEYS_STALE_S,
        )  # fmt: skip
        self._by_route: LookupCache[str, AppKeys] = LookupCache(
            "routes", self._load_route, clock,
            kept=KEYS_KEPT, fresh_s=KEYS_FRESH_S, stale_s=KEYS_STALE_S,
        )  # fmt: skip
        self._refetched_at: dict[str, float] = {}

    async def by_app(self, app_id: str) -> AppKeys | None:
        if _APP_ID.fullmatch(app_id) is None:
            return None
        return await self._by_app.get(app_id)

    async def by_route(self, route: str) -> AppKeys | None:
        if _ROUTE.fullmatch(route) is None:
            return None
        return await self._by_route.get(route)

    def is_familiar_route(self, route: str) -> bool:
        """Whether the route is known, so that its look-up is not counted as a stranger's."""
        return self._by_route.is_familiar(route)

    async def one_version(self, tenant_id: UUID, app_id: str, number: int) -> AppKeys | None:
        """One version of a merchant's app, looked up now and not cached: it may not be active
        yet."""
        if _APP_ID.fullmatch(app_id) is None:
            return None
        path = f"/internal/apps/{app_id}/key-versions/{number}"
        keys = await self._ask(path, tenant_id)
        is_that = keys is not None and keys.tenant_id == tenant_id and keys.app_id == app_id
        return keys if is_that else None

    async def refetched(self, known: AppKeys) -> AppKeys | None:
        """The app as binding has it now, after a bad signature. None when it was looked up a moment
        ago, when binding is away, or when its keys did not change."""
        now = self._clock.monotonic()
        if now - self._refetched_at.get(known.app_id, -KEYS_REFETCH_EVERY_S) < KEYS_REFETCH_EVERY_S:
            return None
        if len(self._refetched_at) >= KEYS_KEPT:
            self._refetched_at.clear()
        self._refetched_at[known.app_id] = now
        try:
            fresh = await self._load_app(known.app_id)
        except Problem as error:
            log.warning("keyring.refetch_failed", app_id=known.app_id, code=error.code)
            return None
        if fresh is None or _generations(fresh) == _generations(known):
            return None
        self._forget(known.app_id)
        return fresh

    def on_event(self, event: Event) -> None:
        """A binding was made or changed: its keys have to be looked up again."""
        if isinstance(event, AppBound):
            self._forget(event.app_id)

    def on_gap(self) -> None:
        self._by_app.expire_all()
        self._by_route.expire_all()

    def _forget(self, app_id: str) -> None:
        self._by_app.drop(app_id)
        self._by_route.drop_where(lambda app: app.app_id == app_id)

    async def _load_app(self, app_id: str) -> AppKeys | None:
        return await self._ask(f"/internal/apps/{app_id}")

    async def _load_route(self, route: str) -> AppKeys | None:
        return await self._ask(f"/internal/notify-routes/{route}")

    async def _ask(self, path: str, tenant_id: UUID | None = None) -> AppKeys | None:
        try:
            document = await self._binding.call_ok("GET", path, tenant_id=tenant_id)
        except Problem as error:
            if error.status == 404:
                return None
            raise
        try:
            return self._app_keys(BoundAppOut.model_validate(document))
        except (ValueError, TypeError) as error:
            log.exception("keyring.unreadable")
            raise BadGateway("binding answered an app that does not read") from error
        except SealBroken as error:
            log.exception("keyring.seal_broken", app_id=document["app_id"])
            raise Unavailable("a sealed key does not open here") from error

    def _app_keys(self, document: BoundAppOut) -> AppKeys:
        row = f"{document.tenant_id}|{document.app_id}|"
        versions = sorted(
            (self._version(row, part) for part in document.versions),
            key=lambda version: version.version,
            reverse=True,
        )
        aes, grant = document.aes_key_aad, document.app_auth_token_aad
        return AppKeys(
            tenant_id=document.tenant_id,
            app_id=document.app_id,
            seller_id=document.seller_id,
            notify_route=document.notify_route,
            is_enabled=document.enabled,
            versions=tuple(versions),
            service_provider_id=document.service_provider_id,
            aes_key=self._secret(document.aes_key_box, aes, f"{row}app-aes-key|"),
            app_auth_token=self._secret(
                document.app_auth_token_box, grant, f"{row}app-auth-token|"
            ),
        )

    def _secret(self, box: str | None, aad: str | None, row: str) -> str:
        """A sealed text of the app; only the egress can open it."""
        if self._provider is None or not box:
            return ""
        if aad is None or not aad.startswith(row):
            raise SealBroken("the box belongs to another row")
        return open_sealed(self._provider, box, aad).decode()

    def _version(self, row: str, part: SealedVersionOut) -> KeyVersion:
        is_cert = part.mode == "cert"
        return KeyVersion(
            version=part.key_version,
            public=read_public_key(part.alipay_public_key).public,
            private=self._private_key(row, part),
            not_after=part.not_after,
            app_cert_sn=(part.app_cert_sn or "") if is_cert else "",
            alipay_root_cert_sn=(part.alipay_root_cert_sn or "") if is_cert else "",
            alipay_cert_sn=(part.alipay_cert_sn or "") if is_cert else "",
            app_cert_not_after=part.app_cert_not_after,
            alipay_cert_not_after=part.alipay_cert_not_after,
        )

    def _private_key(self, row: str, part: SealedVersionOut) -> RSAPrivateKey | None:
        if self._provider is None or not part.private_key_box:
            # The edge only verifies, and a retired version has no private key.
            return None
        aad = part.private_key_aad
        # The seal binds the box to its row; this checks that it is the requested row.
        if not (aad.startswith(row) and aad.endswith(f"|{part.key_version}")):
            raise SealBroken("the box belongs to another row")
        return load_trusted_private(open_sealed(self._provider, part.private_key_box, aad))


def _generations(app: AppKeys) -> list[tuple[int, int, str]]:
    return [(v.version, v.public.public_numbers().n, v.alipay_cert_sn) for v in app.versions]
