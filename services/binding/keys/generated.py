"""The use cases of the key doctor's page: generating a key pair, and examining pasted keys.

The private key of a generated pair is never shown. It is sealed at once, and kept some days, until
the public key has been uploaded to the open platform and the pair is bound by its id. The binding
has its own sealed copy, so the copy here is erased then.
"""

from datetime import timedelta
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.keys import doctor, pasted, repo
from services.binding.keys.doctor import Diagnosis
from services.binding.keys.pasted import PrivateKey
from services.binding.models import KeyPair
from services.binding.sealing import seal_secret
from shared.errors import NotFound
from shared.ids import uuid7
from shared.keys.rsa_keys import PublicKey
from shared.keys.sealed import open_sealed

BITS = 2048
EXPONENT = 65537
PURPOSE = "app-private-key"
KEPT = timedelta(days=7)
GONE = "the key pair is bound or has expired; generate a new one"


def _new_pair() -> PrivateKey:
    key = rsa.generate_private_key(public_exponent=EXPONENT, key_size=BITS)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return pasted.read_private_key(text)


async def make_key_pair(deps: Deps, tenant_id: UUID, *, actor: str) -> KeyPair:
    """Generates and stores a 2048-bit pair (S26, S27). Only its public key may be shown."""
    pair = await deps.expensive.keys.run(_new_pair)
    now = deps.clock.now()
    key_pair_id = uuid7(deps.clock)
    async with deps.db.tx(tenant_id) as tx:
        box, aad = await seal_secret(
            deps, tx, tenant_id, PURPOSE, pair.pkcs8, f"key-pair|{key_pair_id}"
        )
        row = KeyPair(
            tenant_id=tenant_id,
            key_pair_id=key_pair_id,
            private_key_box=box,
            private_key_aad=aad,
            app_public_key=pair.public.spki,
            fingerprint=pair.public.fingerprint,
            bits=pair.public.bits,
            created_at=now,
            expires_at=now + KEPT,
        )
        tx.add(row)
        entry = (actor, "app.key_pair", str(key_pair_id))
        await audit(deps, tx, tenant_id, entry, after={"fingerprint": row.fingerprint})
    return row


async def waiting_pair(
    deps: Deps, tenant_id: UUID, key_pair_id: UUID, *, bound_to: str = ""
) -> PrivateKey | None:
    """The private key of a generated pair, for the binding. None when the app `bound_to` has this
    key already, because a request whose response was lost was repeated. NotFound when there is no
    such pair, or it was bound or has expired."""
    async with deps.db.read(tenant_id) as tx:
        row = await repo.key_pair(tx, tenant_id, key_pair_id, deps.clock.now())
        versions = await repo.app_keys(tx, tenant_id, bound_to) if bound_to else []
    if row is not None and row.private_key_box is None and versions:
        if versions[0].app_public_key == row.app_public_key:
            return None
        row = None
    if row is None or row.private_key_box is None:
        raise NotFound(GONE)
    public = PublicKey(row.app_public_key, row.fingerprint, row.bits)
    return PrivateKey(
        public, open_sealed(deps.key_provider, row.private_key_box, row.private_key_aad)
    )


async def newest_waiting(deps: Deps, tenant_id: UUID) -> KeyPair | None:
    """The newest pair, unless it is bound or has expired. It replaces older ones."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.newest_waiting_pair(tx, tenant_id, deps.clock.now())


async def forget_expired(deps: Deps) -> None:
    """Deletes pairs that were not bound before they expired."""
    await deps.db.purge("key_pairs", "expires_at <= $1", deps.clock.now())


async def examine(
    deps: Deps,
    tenant_id: UUID,
    *,
    app_id: str | None,
    private_text: str | None,
    own_public_text: str | None,
    alipay_text: str | None,
    key_pair_id: UUID | None = None,
) -> Diagnosis:
    """The doctor's diagnosis of the pasted texts, compared with the keys that are bound already."""
    known: list[str] = []
    async with deps.db.read(tenant_id) as tx:
        if app_id:
            known += [key.app_public_key for key in await repo.app_keys(tx, tenant_id, app_id)]
    if key_pair_id is not None and own_public_text is None:
        pair = await waiting_pair(deps, tenant_id, key_pair_id)
        own_public_text = pair.public.spki if pair is not None else None
    return await deps.expensive.keys.run(
        doctor.examine, private_text, own_public_text, alipay_text, known
    )
