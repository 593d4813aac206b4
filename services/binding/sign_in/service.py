"""The use cases of authentication: signing in, stepping up, changing the password.

Each of them gives the session a new cookie (ASVS 7.2.4). Refused tries are recorded in `refusals`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import audit
from services.binding.crypto.relying_party import Assertion
from services.binding.deps import Deps
from services.binding.models import Session, User
from services.binding.sessions import repo as sessions_repo
from services.binding.sessions import service as sessions
from services.binding.sessions.service import SessionView
from services.binding.sign_in import (
    passkeys,
    refusals,
    repo,
    rules,
    second_factor,
    throttle,
    unfinished,
)
from services.binding.sign_in.rules import PLATFORM
from services.binding.sign_in.throttle import Counter
from services.binding.tenancy import accounts, authorization, logins
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
    """A try to sign in, and its origin."""

    login: str
    password: str
    code: str | None = None
    """of the second factor"""
    proof: Assertion | None = None
    """an assertion by a passkey, instead of the code"""
    user_agent: str = ""
    address: str = ""
    browser_hash: str | None = None
    """of the cookie by which the browser may be known"""
    former_hash: str | None = None
    """of the session cookie that the browser still has"""

    @property
    def origin(self) -> tuple[str, str]:
        return self.address, "".join(c for c in self.user_agent if c.isprintable())[:AGENT_MAX]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. Its secrets exist only here and in the browser."""

    cookie: str
    csrf_token: str
    browser: str | None
    """the new cookie by which the browser is known; None: it keeps the one it has"""
    shown: SessionView


async def sign_in(deps: Deps, console: Console, attempt: Attempt) -> SignedIn:
    """Opens a session. Raises BadCredentials, whatever was wrong, or LoginThrottled. With the right
    password it may raise CodeNeeded, WrongCode, WrongPasskey or MerchantIsSuspended."""
    digest = tenancy_rules.login_digest(attempt.login)
    browser_hash = attempt.browser_hash
    async with deps.db.read(None) as tx:
        user = await tenancy_repo.user_by_login(tx, digest)
        owner = (user.tenant_id, user.user_id) if user is not None else (PLATFORM, PLATFORM)
        is_known_browser = browser_hash is not None and await repo.knows_browser(
            tx, *owner, browser_hash
        )
    counters = throttle.counters_of(
        digest, attempt.address, browser_hash if is_known_browser else None
    )
    try:
        await throttle.begin(deps, counters)
    except rules.LoginThrottled:
        await refusals.record_sign_in(deps, user, attempt.origin, "braked")
        raise
    may_sign_in_here = user is not None and user.is_enabled and Role(user.role).console == console
    hashed = user.password_hash if user is not None and may_sign_in_here else None
    is_right = await deps.passwords.is_right(attempt.password, hashed, is_sign_in=True)
    if not is_right or user is None:
        failures = await throttle.end_wrong(deps, counters)
        await refusals.record_sign_in(deps, user, attempt.origin, "refused")
        log.warning("login.refused", login_digest=digest[:16], failures=failures)
        raise rules.BadCredentials
    try:
        async with deps.locks.of(str(user.user_id)):
            opened = await _open_session(deps, user, attempt)
    except (
        rules.WrongCode,
        rules.WrongPasskey,
        rules.BadCredentials,
    ) as error:
        is_passkey = isinstance(error, rules.WrongPasskey)
        await throttle.end_wrong(deps, counters)
        await refusals.record_sign_in(
            deps, user, attempt.origin, "wrong_passkey" if is_passkey else "wrong_code"
        )
        raise
    except (rules.CodeNeeded, tenancy_rules.MerchantIsSuspended):
        await throttle.end_right(deps, counters, is_whole=False)
        raise
    await throttle.end_right(deps, counters)
    refusals.sign_ins.labels("accepted").inc()
    log.info("login.accepted", user_id=str(user.user_id))
    return opened


async def _open_session(deps: Deps, user: User, attempt: Attempt) -> SignedIn:
    """Opens a session for an account whose password was right a moment ago."""
    async with deps.db.tx(None) as tx:
        # The account may have been disabled or changed while its password was checked.
        fresh = await tenancy_repo.user_for_update(tx, user.tenant_id, user.user_id)
        if fresh is None or not fresh.is_enabled or fresh.password_hash != user.password_hash:
            raise rules.BadCredentials
        await authorization.require_open(tx, user.tenant_id)
        # The refusal is raised after the commit, so that a new challenge stays stored and a used
        # one stays used up, also by a wrong assertion.
        refusal = await _second_factor_refusal(deps, tx, fresh, attempt)
        if refusal is None:
            return await _store_session(deps, tx, fresh, attempt)
    raise refusal


async def _second_factor_refusal(
    deps: Deps, tx: AsyncSession, user: User, attempt: Attempt
) -> Forbidden | None:
    """The problem with the second factor; None: it is right, or the account has none."""
    if not second_factor.has_second_factor(user):
        return None
    if attempt.proof is not None:
        return await passkeys.verify_proof(deps, tx, user, "sign_in", None, attempt.proof)
    if attempt.code:
        is_right = await second_factor.is_right(deps, tx, user, attempt.code)
        return None if is_right else rules.WrongCode()
    return code_needed(user, await passkeys.challenge_options(deps, tx, user, "sign_in"))


def code_needed(user: User, options: dict[str, Any] | None) -> rules.CodeNeeded:
    """The problem with the methods that can be used; `options`: for an assertion by a passkey."""
    methods = ["code"] if user.totp_since is not None else []
    if options is None:
        return rules.CodeNeeded(methods=[*methods, "recovery_code"])
    return rules.CodeNeeded(methods=[*methods, "passkey", "recovery_code"], passkey=options)


async def _store_session(deps: Deps, tx: AsyncSession, user: User, attempt: Attempt) -> SignedIn:
    now = deps.clock.now()
    cookie, csrf_token = random_token(SECRET_BYTES), random_token(SECRET_BYTES)
    address, user_agent = attempt.origin
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
    entry = (f"user:{user.user_id}", "session.open", str(session.session_id))
    facts = {"user_agent": user_agent, "second_factor": second_factor.has_second_factor(user)}
    await audit(deps, tx, user.tenant_id, entry, after=facts)
    merchant = await tenancy_repo.merchant(tx, user.tenant_id)
    return SignedIn(cookie, csrf_token, browser, SessionView(session, user, merchant))


async def _end_former(deps: Deps, tx: AsyncSession, former_hash: str | None) -> None:
    """Ends the session that the browser had before, of whatever account."""
    if former_hash is not None:
        for former in await sessions_repo.sessions_of_cookie(tx, former_hash):
            await sessions.end(deps, tx, former)


async def remember_browser(
    deps: Deps, tx: AsyncSession, user: User, browser_hash: str | None
) -> str | None:
    """Makes the browser known for this account (system scope). Returns its new cookie, or None when
    it keeps the one that it has."""
    cookie = None
    if browser_hash is None or not await repo.is_browser_of_anybody(tx, browser_hash):
        # Only a cookie that was made here is accepted: an attacker could have planted another one.
        cookie = random_token(SECRET_BYTES)
        browser_hash = tenancy_rules.sha256_hex(cookie)
    now = deps.clock.now()
    await repo.keep_browser(tx, user.tenant_id, user.user_id, browser_hash, now)
    return cookie


async def step_up(
    deps: Deps, caller: Principal, password: str, code: str | None
) -> tuple[datetime, str]:
    """Checks the password again, and the second factor if there is one: (until when the step-up
    is valid, the session's new cookie). Raises WrongPassword, CodeNeeded, WrongCode,
    LoginThrottled."""
    tenant_id, session_id = await sessions.home(deps, caller), sessions.session_of(caller)
    user = await _confirm(deps, tenant_id, caller, password)
    if second_factor.has_second_factor(user):
        await _confirm_code(deps, user, session_id, code)
    async with deps.db.tx(tenant_id) as tx:
        return await _stepped_up(deps, tx, user, session_id)


async def passkey_challenge(deps: Deps, caller: Principal) -> dict[str, Any]:
    """The options for an assertion by one of the caller's passkeys. NotFound without any."""
    tenant_id, session_id = await sessions.home(deps, caller), sessions.session_of(caller)
    async with deps.db.tx(tenant_id) as tx:
        user = await tenancy_repo.user_for_update(tx, tenant_id, UUID(caller.subject))
        options = user and await passkeys.challenge_options(deps, tx, user, "step_up", session_id)
    if not options:
        raise NotFound
    return options


async def step_up_by_passkey(
    deps: Deps, caller: Principal, proof: Assertion
) -> tuple[datetime, str]:
    """A step-up by a passkey alone, which is two factors by itself. Raises WrongPasskey,
    LoginThrottled."""
    tenant_id, session_id = await sessions.home(deps, caller), sessions.session_of(caller)
    counters = _step_up_counters(session_id)
    await throttle.begin(deps, counters)
    async with deps.db.tx(tenant_id) as tx:
        user = await tenancy_repo.user_for_update(tx, tenant_id, UUID(caller.subject))
        if user is None or not user.is_enabled:
            raise Unauthorized
        refusal = await passkeys.verify_proof(deps, tx, user, "step_up", session_id, proof)
        if refusal is None:
            done = await _stepped_up(deps, tx, user, session_id)
    if refusal is not None:
        await throttle.end_wrong(deps, counters)
        await _record_refused_step_up(deps, user, session_id)
        raise refusal
    await throttle.end_right(deps, counters)
    return done


async def _stepped_up(
    deps: Deps, tx: AsyncSession, user: User, session_id: UUID
) -> tuple[datetime, str]:
    session = await sessions_repo.session_for_update(tx, user.tenant_id, session_id)
    if session is None or session.revoked_at is not None:
        raise Unauthorized
    cookie = await renew(deps, tx, session)
    session.step_up_until = deps.clock.now() + rules.STEP_UP_WINDOW
    entry = (f"user:{user.user_id}", "session.step_up", str(session_id))
    await audit(deps, tx, user.tenant_id, entry)
    return session.step_up_until, cookie


async def renew(deps: Deps, tx: AsyncSession, session: Session) -> str:
    """Gives the session a new cookie. The former one stays valid for a moment, with its former
    rights, for requests that are under way. The CSRF token stays, because alone it gives no
    access."""
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


def _step_up_counters(session_id: UUID) -> tuple[Counter, ...]:
    """The throttle's counter of step-ups, by session: the thief of one session must not lock its
    owner out of another."""
    return (Counter(tenancy_rules.sha256_hex(f"confirm|{session_id}")),)


async def _confirm(deps: Deps, tenant_id: UUID, caller: Principal, password: str) -> User:
    """The account, if that is its password, else WrongPassword. Its guesses have their own counter,
    apart from the sign-in's."""
    user_id, session_id = UUID(caller.subject), sessions.session_of(caller)
    counters = _step_up_counters(session_id)
    await throttle.begin(deps, counters)
    async with deps.db.read(tenant_id) as tx:
        user = await tenancy_repo.user(tx, tenant_id, user_id)
    hashed = user.password_hash if user is not None and user.is_enabled else None
    if not await deps.passwords.is_right(password, hashed) or user is None:
        failures = await throttle.end_wrong(deps, counters)
        log.warning("password.refused", user_id=str(user_id), failures=failures)
        if user is not None:
            await _record_refused_step_up(deps, user, session_id)
        raise rules.WrongPassword
    await throttle.end_right(deps, counters, is_whole=not second_factor.has_second_factor(user))
    return user


async def _confirm_code(deps: Deps, user: User, session_id: UUID, code: str | None) -> None:
    if not code:
        raise code_needed(user, None)
    counters = _step_up_counters(session_id)
    await throttle.begin(deps, counters)
    async with deps.db.tx(user.tenant_id) as tx:
        fresh = await tenancy_repo.user_for_update(tx, user.tenant_id, user.user_id)
        is_right = fresh is not None and await second_factor.is_right(deps, tx, fresh, code)
    if not is_right:
        await throttle.end_wrong(deps, counters)
        await _record_refused_step_up(deps, user, session_id)
        raise rules.WrongCode
    await throttle.end_right(deps, counters)


async def _record_refused_step_up(deps: Deps, user: User, session_id: UUID) -> None:
    async with deps.db.tx(user.tenant_id) as tx:
        session = await sessions_repo.session(tx, user.tenant_id, session_id)
        origin = (session.address, session.user_agent) if session is not None else ("", "")
        await refusals.record_step_up(deps, tx, user, origin)


async def change_password(
    deps: Deps, caller: Principal, current: str, new: str, browser_hash: str | None
) -> str:
    """Sets the caller's password; returns the session's new cookie. Because others may have known
    the old password, the other sessions and all unfinished work end, and the other browsers are no
    longer known."""
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
        waiting = await unfinished.end_with_password(deps, tx, row)
        ended = await sessions.end_all(deps, tx, caller.tenant, user.user_id, keep=session_id)
        await repo.forget_browsers(tx, caller.tenant, user.user_id, keep=browser_hash)
        await repo.burn_links(tx, caller.tenant, user.user_id, deps.clock.now())
        cookie = await renew(deps, tx, session)
        entry = (f"user:{user.user_id}", "password.change", str(user.user_id))
        await audit(deps, tx, caller.tenant, entry, after={"sessions_ended": ended})
        await unfinished.withdraw(deps, tx, waiting, actor=entry[0])
    return cookie


async def own_words(deps: Deps, user: User) -> tuple[str, ...]:
    """The words that a password of this person must not contain."""
    async with deps.db.read(user.tenant_id) as tx:
        merchant = await tenancy_repo.merchant(tx, user.tenant_id)
    names = (user.name, merchant.name if merchant is not None else "")
    return (*logins.words_of(user.login), *names)
