"""The use cases of proving who one is: signing in, stepping up, changing the password.

Each of them gives the session a new cookie (ASVS 7.2.4). What is kept of a try in vain: `refusals`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import audit
from services.binding.crypto.relying_party import Proof
from services.binding.deps import Deps
from services.binding.models import Session, User
from services.binding.sessions import repo as sessions_repo
from services.binding.sessions import service as sessions
from services.binding.sessions.service import Shown
from services.binding.sign_in import begun, brake, passkeys, refusals, repo, rules, second_factor
from services.binding.sign_in.brake import Key
from services.binding.sign_in.rules import PLATFORM
from services.binding.tenancy import accounts, logins, standing
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.rules import Console, Role
from shared import outbox
from shared.contracts.principal import Principal
from shared.errors import Forbidden, NotFound, Unauthorized
from shared.ids import random_token, uuid7
from shared.telemetry import get_logger

SECRET_BYTES = 32
AGENT_MAX = 200

log = get_logger("binding.signing_in")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to sign in, and where it comes from."""

    login: str
    password: str
    code: str | None = None
    """of the second factor"""
    proof: Proof | None = None
    """the same by a passkey"""
    user_agent: str = ""
    address: str = ""
    browser_hash: str | None = None
    """of the cookie by which the browser may be known"""
    former_hash: str | None = None
    """of the cookie of a session that the browser still had"""

    @property
    def where(self) -> tuple[str, str]:
        return self.address, "".join(c for c in self.user_agent if c.isprintable())[:AGENT_MAX]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; the secrets exist here and in the browser only."""

    cookie: str
    csrf_token: str
    browser: str | None
    """the cookie by which the browser is known from now on; None: as before"""
    shown: Shown


async def sign_in(deps: Deps, console: Console, attempt: Attempt) -> SignedIn:
    """A session, or BadCredentials whatever was wrong, or LoginBraked; with the right password
    CodeNeeded, WrongCode or WrongPasskey."""
    digest = tenancy_rules.login_digest(attempt.login)
    browser_hash = attempt.browser_hash
    async with deps.db.read(None) as tx:
        user = await tenancy_repo.user_by_login(tx, digest)
        whose = (user.tenant_id, user.user_id) if user is not None else (PLATFORM, PLATFORM)
        is_known_browser = browser_hash is not None and await repo.knows_browser(
            tx, *whose, browser_hash
        )
    keys = brake.keys_of(digest, attempt.address, browser_hash if is_known_browser else None)
    try:
        await brake.begin(deps, keys)
    except rules.LoginBraked:
        await refusals.keep(deps, user, attempt.where, "braked")
        raise
    is_his = user is not None and user.is_enabled and Role(user.role).console == console
    hashed = user.password_hash if user is not None and is_his else None
    is_right = await deps.passwords.is_right(attempt.password, hashed, is_sign_in=True)
    if not is_right or user is None:
        failures = await brake.end_wrong(deps, keys)
        await refusals.keep(deps, user, attempt.where, "refused")
        log.warning("login.refused", login_digest=digest[:16], failures=failures)
        raise rules.BadCredentials
    try:
        async with deps.turns.of(str(user.user_id)):
            opened = await _open(deps, user, attempt)
    except (
        rules.WrongCode,
        rules.WrongPasskey,
        rules.BadCredentials,
    ) as error:
        is_passkey = isinstance(error, rules.WrongPasskey)
        await brake.end_wrong(deps, keys)
        await refusals.keep(
            deps, user, attempt.where, "wrong_passkey" if is_passkey else "wrong_code"
        )
        raise
    except (rules.CodeNeeded, tenancy_rules.MerchantSuspended):
        await brake.end_right(deps, keys, is_whole=False)
        raise
    await brake.end_right(deps, keys)
    refusals.sign_ins.labels("accepted").inc()
    log.info("login.accepted", user_id=str(user.user_id))
    return opened


async def _open(deps: Deps, user: User, attempt: Attempt) -> SignedIn:
    """The session of somebody whose password was right a moment ago."""
    async with deps.db.tx(None) as tx:
        # Somebody may have disabled the account while its password was checked.
        fresh = await tenancy_repo.user_for_update(tx, user.tenant_id, user.user_id)
        if fresh is None or not fresh.is_enabled or fresh.password_hash != user.password_hash:
            raise rules.BadCredentials
        await standing.require_open(tx, user.tenant_id)
        # Raised behind the transaction: a challenge that was made stays, one that was answered
        # is spent, also by a wrong answer.
        refusal = await _second_factor_refusal(deps, tx, fresh, attempt)
        if refusal is None:
            return await _opened(deps, tx, fresh, attempt)
    raise refusal


async def _second_factor_refusal(
    deps: Deps, tx: AsyncSession, user: User, attempt: Attempt
) -> Forbidden | None:
    """What is missing or wrong of the second factor; None: all is well, or none is set."""
    if not second_factor.has_one(user):
        return None
    if attempt.proof is not None:
        return await passkeys.prove(deps, tx, user, "sign_in", None, attempt.proof)
    if attempt.code:
        is_right = await second_factor.is_right(deps, tx, user, attempt.code)
        return None if is_right else rules.WrongCode()
    return code_needed(user, await passkeys.ask(deps, tx, user, "sign_in"))


def code_needed(user: User, options: dict[str, Any] | None) -> rules.CodeNeeded:
    """It tells by what one goes on; `options`: what a passkey shall sign."""
    methods = ["code"] if user.totp_since is not None else []
    if options is None:
        return rules.CodeNeeded(methods=[*methods, "recovery_code"])
    return rules.CodeNeeded(methods=[*methods, "passkey", "recovery_code"], passkey=options)


async def _opened(deps: Deps, tx: AsyncSession, user: User, attempt: Attempt) -> SignedIn:
    now = deps.clock.now()
    cookie, csrf_token = random_token(SECRET_BYTES), random_token(SECRET_BYTES)
    address, user_agent = attempt.where
    session = Session(
        tenant_id=user.tenant_id,
        session_id=uuid7(deps.clock),
        session_hash=tenancy_rules.sha256_hex(cookie),
        csrf_token_hash=tenancy_rules.sha256_hex(csrf_token),
        user_id=user.user_id,
        created_at=now,
        seen_at=now,
        expires_at=now + rules.SESSION_LIFETIME,
        user_agent=user_agent,
        address=address,
    )
    await _end_former(deps, tx, attempt.former_hash)
    tx.add(session)
    browser = await remember_browser(deps, tx, user, attempt.browser_hash)
    what = (f"user:{user.user_id}", "session.open", str(session.session_id))
    facts = {"user_agent": user_agent, "second_factor": second_factor.has_one(user)}
    await audit(deps, tx, user.tenant_id, what, after=facts)
    merchant = await tenancy_repo.merchant(tx, user.tenant_id)
    return SignedIn(cookie, csrf_token, browser, Shown(session, user, merchant))


async def _end_former(deps: Deps, tx: AsyncSession, former_hash: str | None) -> None:
    """The browser's own session before this one, whoever's it was."""
    if former_hash is not None:
        for former in await sessions_repo.sessions_of_cookie(tx, former_hash):
            await sessions.end(deps, tx, former)


async def remember_browser(
    deps: Deps, tx: AsyncSession, user: User, browser_hash: str | None
) -> str | None:
    """The browser is known to this person from now on (system scope): its new cookie, or None when
    it goes on with the one that it has."""
    cookie = None
    if browser_hash is None or not await repo.is_browser_of_anybody(tx, browser_hash):
        # Only a cookie made here is believed: another could have been planted by a guesser.
        cookie = random_token(SECRET_BYTES)
        browser_hash = tenancy_rules.sha256_hex(cookie)
    now = deps.clock.now()
    await repo.keep_browser(tx, user.tenant_id, user.user_id, browser_hash, now)
    return cookie


async def step_up(
    deps: Deps, caller: Principal, password: str, code: str | None
) -> tuple[datetime, str]:
    """The password once more, and the second factor where there is one: (until when it counts, the
    session's new cookie). Raises WrongPassword, CodeNeeded, WrongCode, LoginBraked."""
    tenant_id, session_id = await sessions.home(deps, caller), sessions.session_of(caller)
    user = await _confirm(deps, tenant_id, caller, password)
    if second_factor.has_one(user):
        await _confirm_code(deps, user, session_id, code)
    async with deps.db.tx(tenant_id) as tx:
        return await _stepped_up(deps, tx, user, session_id)


async def ask_passkey(deps: Deps, caller: Principal) -> dict[str, Any]:
    """What one of the caller's passkeys shall sign for a step-up, or NotFound without any."""
    tenant_id, session_id = await sessions.home(deps, caller), sessions.session_of(caller)
    async with deps.db.tx(tenant_id) as tx:
        user = await tenancy_repo.user_for_update(tx, tenant_id, UUID(caller.subject))
        options = user and await passkeys.ask(deps, tx, user, "step_up", session_id)
    if not options:
        raise NotFound
    return options


async def step_up_by_passkey(deps: Deps, caller: Principal, proof: Proof) -> tuple[datetime, str]:
    """The same by a passkey alone, which is what one has and what one is or knows. Raises
    WrongPasskey, LoginBraked."""
    tenant_id, session_id = await sessions.home(deps, caller), sessions.session_of(caller)
    keys = _confirming(session_id)
    await brake.begin(deps, keys)
    async with deps.db.tx(tenant_id) as tx:
        user = await tenancy_repo.user_for_update(tx, tenant_id, UUID(caller.subject))
        if user is None or not user.is_enabled:
            raise Unauthorized
        refusal = await passkeys.prove(deps, tx, user, "step_up", session_id, proof)
        if refusal is None:
            done = await _stepped_up(deps, tx, user, session_id)
    if refusal is not None:
        await brake.end_wrong(deps, keys)
        await _note_at(deps, user, session_id)
        raise refusal
    await brake.end_right(deps, keys)
    return done


async def _stepped_up(
    deps: Deps, tx: AsyncSession, user: User, session_id: UUID
) -> tuple[datetime, str]:
    session = await sessions_repo.session_for_update(tx, user.tenant_id, session_id)
    if session is None or session.revoked_at is not None:
        raise Unauthorized
    cookie = await renew(deps, tx, session)
    session.step_up_until = deps.clock.now() + rules.STEP_UP_WINDOW
    what = (f"user:{user.user_id}", "session.step_up", str(session_id))
    await audit(deps, tx, user.tenant_id, what)
    return session.step_up_until, cookie


async def renew(deps: Deps, tx: AsyncSession, session: Session) -> str:
    """The session under a new cookie; for a moment the former one goes on, with what it could do
    before, because requests are under way with it. The CSRF token stays: alone it opens nothing."""
    now = deps.clock.now()
    await outbox.add(tx, sessions.changed(deps, session))
    cookie = random_token(SECRET_BYTES)
    session.previous_hash, session.previous_until = (
        session.session_hash,
        now + rules.RENEWAL_GRACE,
    )
    session.previous_step_up_until = session.step_up_until
    session.session_hash = tenancy_rules.sha256_hex(cookie)
    return cookie


def _confirming(session_id: UUID) -> tuple[Key, ...]:
    """Braked by session: whoever stole one must not shut its owner out of another."""
    return (Key(tenancy_rules.sha256_hex(f"confirm|{session_id}")),)


async def _confirm(deps: Deps, tenant_id: UUID, caller: Principal, password: str) -> User:
    """The account, if that is its password. Guesses are braked apart from the sign-in."""
    user_id, session_id = UUID(caller.subject), sessions.session_of(caller)
    keys = _confirming(session_id)
    await brake.begin(deps, keys)
    async with deps.db.read(tenant_id) as tx:
        user = await tenancy_repo.user(tx, tenant_id, user_id)
    hashed = user.password_hash if user is not None and user.is_enabled else None
    if not await deps.passwords.is_right(password, hashed) or user is None:
        failures = await brake.end_wrong(deps, keys)
        log.warning("password.refused", user_id=str(user_id), failures=failures)
        if user is not None:
            await _note_at(deps, user, session_id)
        raise rules.WrongPassword
    await brake.end_right(deps, keys, is_whole=not second_factor.has_one(user))
    return user


async def _confirm_code(deps: Deps, user: User, session_id: UUID, code: str | None) -> None:
    if not code:
        raise code_needed(user, None)
    keys = _confirming(session_id)
    await brake.begin(deps, keys)
    async with deps.db.tx(user.tenant_id) as tx:
        fresh = await tenancy_repo.user_for_update(tx, user.tenant_id, user.user_id)
        is_right = fresh is not None and await second_factor.is_right(deps, tx, fresh, code)
    if not is_right:
        await brake.end_wrong(deps, keys)
        await _note_at(deps, user, session_id)
        raise rules.WrongCode
    await brake.end_right(deps, keys)


async def _note_at(deps: Deps, user: User, session_id: UUID) -> None:
    async with deps.db.tx(user.tenant_id) as tx:
        session = await sessions_repo.session(tx, user.tenant_id, session_id)
        where = (session.address, session.user_agent) if session is not None else ("", "")
        await refusals.note_step_up(deps, tx, user, where)


async def change_password(
    deps: Deps, caller: Principal, current: str, new: str, browser_hash: str | None
) -> str:
    """Sets one's own password: (the session's new cookie). The other sessions end, the other
    browsers are no longer known, and nothing that was begun goes on: others knew the old one."""
    user = await _confirm(deps, caller.tenant, caller, current)
    hashed = await accounts.hashed_password(
        deps, new, await own_words(deps, user), field="/new_password"
    )
    session_id = sessions.session_of(caller)
    async with deps.db.tx(None) as tx:
        row = await tenancy_repo.user_for_update(tx, caller.tenant, user.user_id)
        session = await sessions_repo.session_for_update(tx, caller.tenant, session_id)
        if row is None or row.password_hash != user.password_hash:
            raise rules.WrongPassword
        if session is None or session.revoked_at is not None:
            raise Unauthorized
        row.password_hash = hashed
        asked = await begun.end_with_password(deps, tx, row)
        ended = await sessions.end_all(deps, tx, caller.tenant, user.user_id, keep=session_id)
        await repo.forget_browsers(tx, caller.tenant, user.user_id, keep=browser_hash)
        await repo.burn_links(tx, caller.tenant, user.user_id, deps.clock.now())
        cookie = await renew(deps, tx, session)
        what = (f"user:{user.user_id}", "password.change", str(user.user_id))
        await audit(deps, tx, caller.tenant, what, after={"sessions_ended": ended})
        await begun.withdraw(deps, tx, asked, actor=what[0])
    return cookie


async def own_words(deps: Deps, user: User) -> tuple[str, ...]:
    """What a password of this person must not contain."""
    async with deps.db.read(user.tenant_id) as tx:
        merchant = await tenancy_repo.merchant(tx, user.tenant_id)
    names = (user.name, merchant.name if merchant is not None else "")
    return (*logins.words_of(user.login), *names)
