"""Passkeys: keys in a person's own device or password manager, which signs with them (WebAuthn).

A challenge belongs to one person and one purpose, and outside the sign-in also to one session. It
is used up under the lock of the person's row, by a wrong assertion, too. The authenticator always
verifies the person (a finger, a face, a PIN). Together with the key it holds these are two factors,
so a passkey alone is enough for a step-up.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.audit.record import audit
from services.binding.crypto import relying_party
from services.binding.crypto.relying_party import (
    Assertion,
    NewCredential,
    PasskeyRefused,
    RelyingParty,
)
from services.binding.deps import Deps
from services.binding.models import User
from services.binding.sessions import service as sessions
from services.binding.sign_in import repo, rules, second_factor
from services.binding.sign_in.models import Passkey, PasskeyChallenge
from services.binding.tenancy import rules as tenancy_rules
from shared.contracts.principal import Principal
from shared.errors import NotFound
from shared.ids import uuid7
from shared.telemetry import get_logger

PASSKEYS_MAX = 10
CHALLENGE_BYTES = 32
CHALLENGE_LIFETIME = timedelta(minutes=5)
CHALLENGES_MAX = 8
"""How many challenges of one person and purpose may be open: one for each open window."""

Purpose = Literal["register", "sign_in", "step_up"]

log = get_logger("binding.passkeys")


@dataclass(frozen=True, slots=True)
class Made:
    """A new passkey, and the recovery codes when it is the account's first second factor."""

    passkey: Passkey
    recovery_codes: list[str]


async def list_own(deps: Deps, caller: Principal) -> Sequence[Passkey]:
    async with deps.db.read(caller.tenant) as tx:
        return await repo.passkeys(tx, caller.tenant, UUID(caller.subject))


async def begin(deps: Deps, caller: Principal) -> dict[str, Any]:
    """The options with which a browser creates a passkey. Raises PasskeysUnavailable, and
    PasskeysFull for somebody who has ten."""
    party = _party(deps)
    async with deps.db.tx(caller.tenant) as tx:
        user = await second_factor.locked_account(tx, caller)
        _check_room(user)
        known = await repo.passkeys(tx, user.tenant_id, user.user_id)
        challenge = await _new_challenge(deps, tx, user, "register", sessions.session_of(caller))
    return relying_party.creation_options(
        party,
        challenge,
        handle=user.user_id.bytes,
        login=user.login,
        name=user.name,
        known=[passkey.credential_id for passkey in known],
    )


async def add(
    deps: Deps, caller: Principal, name: str, transports: Sequence[str], new: NewCredential
) -> Made:
    """Verifies and stores a new passkey. Raises PasskeyLate, WrongPasskey, PasskeyKnown,
    PasskeysFull."""
    party, session_id = _party(deps), sessions.session_of(caller)
    # A transaction of its own: the challenge is used up even when the registration is refused.
    async with deps.db.tx(caller.tenant) as tx:
        user = await second_factor.locked_account(tx, caller)
        challenge = await _use_challenge(deps, tx, user, "register", session_id, new.client_data)
    if challenge is None:
        raise rules.PasskeyLate
    try:
        found = relying_party.verify_registration(party, challenge, new)
    except PasskeyRefused as why:
        log.warning("passkey.not_registered", user_id=caller.subject, why=str(why))
        raise rules.WrongPasskey from why
    # System scope: credential ids are unique among all tenants.
    async with deps.db.tx(None) as tx:
        user = await second_factor.locked_account(tx, caller)
        _check_room(user)
        await queries.lock(tx, f"passkey:{found.credential_id}")
        if await repo.is_passkey_of_anybody(tx, found.credential_id):
            raise rules.PasskeyKnown
        passkey = Passkey(
            tenant_id=user.tenant_id,
            passkey_id=uuid7(deps.clock),
            user_id=user.user_id,
            credential_id=found.credential_id,
            public_key=found.public_key,
            sign_count=found.sign_count,
            name=name,
            transports=list(transports),
            created_at=deps.clock.now(),
            last_used_at=None,
        )
        tx.add(passkey)
        is_first = not second_factor.has_second_factor(user)
        codes = await second_factor.new_codes(deps, tx, user) if is_first else []
        user.passkey_count += 1
        entry = (f"user:{user.user_id}", "passkey.add", str(passkey.passkey_id))
        await audit(deps, tx, user.tenant_id, entry, after={"name": name})
    return Made(passkey, codes)


async def remove(deps: Deps, caller: Principal, passkey_id: UUID) -> None:
    """Removes one of the caller's passkeys. Raises SecondFactorRequired when it is the last second
    factor of somebody who must have one."""
    async with deps.db.tx(caller.tenant) as tx:
        user = await second_factor.locked_account(tx, caller)
        found = await tx.get(Passkey, (user.tenant_id, passkey_id))
        if found is None or found.user_id != user.user_id:
            raise NotFound
        second_factor.check_another(deps, user)
        await tx.delete(found)
        user.passkey_count -= 1
        await second_factor.settle_codes(tx, user)
        entry = (f"user:{user.user_id}", "passkey.remove", str(passkey_id))
        await audit(deps, tx, user.tenant_id, entry, before={"name": found.name})


async def challenge_options(
    deps: Deps, tx: AsyncSession, user: User, purpose: Purpose, session_id: UUID | None = None
) -> dict[str, Any] | None:
    """The options for an assertion by one of the person's passkeys. None when the person has none,
    or none can be used at this address. The caller has locked the person's row."""
    party = deps.relying_party
    if party is None or not user.passkey_count:
        return None
    challenge = await _new_challenge(deps, tx, user, purpose, session_id)
    known = await repo.passkeys(tx, user.tenant_id, user.user_id)
    return relying_party.request_options(
        party, challenge, [(passkey.credential_id, passkey.transports) for passkey in known]
    )


async def verify_proof(
    deps: Deps,
    tx: AsyncSession,
    user: User,
    purpose: Purpose,
    session_id: UUID | None,
    proof: Assertion,
) -> rules.WrongPasskey | None:
    """None for a valid assertion, else the problem. Its challenge is used up in either case, so the
    caller, who has locked the person's row, must commit before it raises the problem."""
    challenge = await _use_challenge(deps, tx, user, purpose, session_id, proof.client_data)
    party = deps.relying_party
    if challenge is None or party is None:
        return rules.PasskeyLate()
    known = await repo.passkeys(tx, user.tenant_id, user.user_id)
    passkey = next((own for own in known if own.credential_id == proof.credential_id), None)
    if passkey is None:
        return rules.WrongPasskey()
    try:
        count = relying_party.verify_assertion(
            party, challenge, proof, handle=user.user_id.bytes, public_key=passkey.public_key
        )
    except PasskeyRefused as why:
        log.warning("passkey.refused", user_id=str(user.user_id), why=str(why))
        return rules.WrongPasskey()
    actor, subject = f"user:{user.user_id}", str(passkey.passkey_id)
    facts = {"name": passkey.name, "purpose": purpose}
    stored = passkey.sign_count
    if not await repo.use_passkey(tx, passkey, count, deps.clock.now()):
        facts |= {"count": str(count), "count_before": str(stored)}
        await audit(deps, tx, user.tenant_id, (actor, "passkey.copied", subject), after=facts)
        return rules.PasskeyCopied()
    await audit(deps, tx, user.tenant_id, (actor, "passkey.use", subject), after=facts)
    return None


def _party(deps: Deps) -> RelyingParty:
    if deps.relying_party is None:
        raise rules.PasskeysUnavailable
    return deps.relying_party


def _check_room(user: User) -> None:
    if user.passkey_count >= PASSKEYS_MAX:
        raise rules.PasskeysFull


async def _new_challenge(
    deps: Deps, tx: AsyncSession, user: User, purpose: Purpose, session_id: UUID | None
) -> bytes:
    challenge, now = secrets.token_bytes(CHALLENGE_BYTES), deps.clock.now()
    made = PasskeyChallenge(
        tenant_id=user.tenant_id,
        challenge_hash=tenancy_rules.sha256_hex(relying_party.in_base64url(challenge)),
        user_id=user.user_id,
        purpose=purpose,
        session_id=session_id,
        made_at=now,
        expires_at=now + CHALLENGE_LIFETIME,
    )
    await repo.put_challenge(tx, made, CHALLENGES_MAX)
    return challenge


async def _use_challenge(
    deps: Deps,
    tx: AsyncSession,
    user: User,
    purpose: Purpose,
    session_id: UUID | None,
    client_data: str,
) -> bytes | None:
    """Uses up the challenge that the client data names. None unless it was made for this person,
    purpose and session, and has not expired."""
    challenge = relying_party.challenge_in(client_data)
    if challenge is None:
        return None
    expected = PasskeyChallenge(
        tenant_id=user.tenant_id,
        challenge_hash=tenancy_rules.sha256_hex(relying_party.in_base64url(challenge)),
        user_id=user.user_id,
        purpose=purpose,
        session_id=session_id,
    )
    return challenge if await repo.use_challenge(tx, expected, deps.clock.now()) else None
