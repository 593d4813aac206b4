"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes. The other
kind are passkeys (passkeys.py). Recovery codes can replace either kind.

The app's secret is sealed like any key. Each code can be used once, also by two requests at the
same time, because the account's row is locked during the check. Recovery codes are random enough
(80 bits) to be stored as a plain digest.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import User
from services.binding.sealing import seal_secret
from services.binding.sessions import repo as sessions_repo
from services.binding.sessions import service as sessions
from services.binding.sign_in import repo, rules
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.rules import Role
from shared.contracts.principal import Principal
from shared.errors import NotFound, Unauthorized
from shared.keys.sealed import open_sealed

PURPOSE = "totp"
ISSUER = "Damselfly"
STEP_S = 30
DRIFT_STEPS = 1
"""A phone's clock may be wrong by that many steps."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10


@dataclass(frozen=True, slots=True)
class SecondFactorStatus:
    """The state of an account's second factor."""

    since: datetime | None
    recovery_codes_left: int
    is_required: bool


def is_missing(deps: Deps, user: User) -> bool:
    """Whether the person has to set one up before anything else."""
    return is_required(deps, user) and not has_second_factor(user)


def is_required(deps: Deps, user: User) -> bool:
    return deps.operators_need_second_factor and Role(user.role).console == "operator"


def has_second_factor(user: User) -> bool:
    return user.totp_since is not None or user.passkey_count > 0


def check_another(deps: Deps, user: User) -> None:
    """To be called before a person removes one of either kind. SecondFactorRequired when it is the
    last one and has to stay."""
    kinds = user.passkey_count + (user.totp_since is not None)
    if kinds <= 1 and is_required(deps, user):
        raise rules.SecondFactorRequired


async def settle_codes(tx: AsyncSession, user: User) -> None:
    """Deletes the recovery codes of an account that has no second factor any more."""
    if not has_second_factor(user):
        await repo.forget_recovery_codes(tx, user.tenant_id, user.user_id)


async def show(deps: Deps, caller: Principal) -> SecondFactorStatus:
    async with deps.db.read(caller.tenant) as tx:
        user = await tenancy_repo.user(tx, caller.tenant, UUID(caller.subject))
        if user is None:
            raise NotFound
        left = await repo.recovery_codes_left(tx, caller.tenant, user.user_id)
    return SecondFactorStatus(user.totp_since, left, is_required(deps, user))


async def begin(deps: Deps, caller: Principal) -> tuple[str, str]:
    """(secret, otpauth address) for the app. The secret is valid after one of its codes was
    confirmed."""
    secret = pyotp.random_base32()
    async with deps.db.tx(caller.tenant) as tx:
        user = await locked_account(tx, caller)
        if user.totp_since is not None:
            raise rules.SecondFactorSet
        user.totp_box, user.totp_aad = await seal_secret(
            deps, tx, caller.tenant, PURPOSE, secret.encode(), f"user|{user.user_id}"
        )
        user.totp_step = 0
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.login, issuer_name=ISSUER)
    return secret, uri


async def confirm(deps: Deps, caller: Principal, code: str) -> list[str]:
    """Makes the app a second factor by its first code. Returns the recovery codes when it is the
    account's first second factor. When there are passkeys, the earlier codes stay valid and the
    list is empty."""
    async with deps.db.tx(caller.tenant) as tx:
        user = await locked_account(tx, caller)
        if user.totp_since is not None or user.totp_box is None:
            raise rules.SecondFactorSet
        if not _is_code(deps, user, code):
            raise rules.WrongCode
        codes = [] if has_second_factor(user) else await new_codes(deps, tx, user)
        user.totp_since = deps.clock.now()
        entry = (f"user:{user.user_id}", "second_factor.set", str(user.user_id))
        await audit(deps, tx, caller.tenant, entry)
    return codes


async def renew_recovery_codes(deps: Deps, caller: Principal) -> list[str]:
    """New recovery codes; the earlier ones are no longer valid."""
    async with deps.db.tx(caller.tenant) as tx:
        user = await locked_account(tx, caller)
        if not has_second_factor(user):
            raise NotFound
        codes = await new_codes(deps, tx, user)
        entry = (f"user:{user.user_id}", "second_factor.recovery_codes", str(user.user_id))
        await audit(deps, tx, caller.tenant, entry)
    return codes


async def remove(deps: Deps, caller: Principal) -> None:
    """Removes the caller's authenticator app; passkeys stay. A second call changes nothing. Raises
    SecondFactorRequired when it is the last one of somebody who must have one."""
    async with deps.db.tx(caller.tenant) as tx:
        user = await locked_account(tx, caller)
        was_set = user.totp_since is not None
        if was_set:
            check_another(deps, user)
        user.totp_box, user.totp_aad, user.totp_since = None, "", None
        await settle_codes(tx, user)
        if was_set:
            entry = (f"user:{user.user_id}", "second_factor.remove", str(user.user_id))
            await audit(deps, tx, user.tenant_id, entry)


async def forget(deps: Deps, tx: AsyncSession, user: User, actor: str) -> None:
    """Removes every second factor of an account whose person lost them, in the caller's
    transaction."""
    had_second_factor, passkeys = has_second_factor(user), user.passkey_count
    user.totp_box, user.totp_aad, user.totp_since = None, "", None
    user.passkey_count = 0
    await repo.forget_passkeys(tx, user.tenant_id, user.user_id)
    await settle_codes(tx, user)
    if had_second_factor:
        entry = (actor, "second_factor.remove", str(user.user_id))
        facts = {"passkeys": passkeys} if passkeys else None
        await audit(deps, tx, user.tenant_id, entry, before=facts)


async def is_right(deps: Deps, tx: AsyncSession, user: User, code: str) -> bool:
    """Whether the code is right; it is used up by that. The caller has locked `user`. Codes of an
    app that was never confirmed are not accepted, because that app is neither shown nor audited."""
    if user.totp_since is not None and _is_code(deps, user, code):
        return True
    code_hash = tenancy_rules.sha256_hex(_canonical(code))
    now = deps.clock.now()
    if not await repo.use_recovery_code(tx, user.tenant_id, user.user_id, code_hash, now):
        return False
    left = await repo.recovery_codes_left(tx, user.tenant_id, user.user_id)
    entry = (f"user:{user.user_id}", "second_factor.recovery_code", str(user.user_id))
    await audit(deps, tx, user.tenant_id, entry, after={"left": left})
    return True


def _is_code(deps: Deps, user: User, code: str) -> bool:
    if user.totp_box is None:
        return False
    secret = open_sealed(deps.key_provider, user.totp_box, user.totp_aad).decode()
    totp = pyotp.TOTP(secret)
    given = code.strip().replace(" ", "")
    now_step = int(deps.clock.now().timestamp()) // STEP_S
    for step in range(now_step - DRIFT_STEPS, now_step + DRIFT_STEPS + 1):
        is_same = hmac.compare_digest(totp.generate_otp(step).encode(), given.encode())
        if is_same and step > user.totp_step:
            user.totp_step = step
            return True
    return False


async def locked_account(tx: AsyncSession, caller: Principal) -> User:
    """The caller's account, locked. Unauthorized when the session has ended since the token was
    made, so that somebody who was signed out by a reset cannot add a second factor."""
    user = await tenancy_repo.user_for_update(tx, caller.tenant, UUID(caller.subject))
    session = await sessions_repo.session(tx, caller.tenant, sessions.session_of(caller))
    if user is None or session is None or session.revoked_at is not None:
        raise Unauthorized
    return user


async def new_codes(deps: Deps, tx: AsyncSession, user: User) -> list[str]:
    """Ten new recovery codes; earlier ones are no longer valid."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    hashes = [tenancy_rules.sha256_hex(_canonical(code)) for code in codes]
    await repo.put_recovery_codes(tx, user.tenant_id, user.user_id, hashes, deps.clock.now())
    return codes


def _recovery_code() -> str:
    """Sixteen letters and digits in groups of four."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _canonical(code: str) -> str:
    return "".join(c for c in code.casefold() if c.isalnum())
