"""The queries of signing in: the throttle, known browsers, one-time links, second factors, refused
tries. The caller owns the transaction, which has system scope where no tenant is given."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CursorResult, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import AppChangeRequest, LoginTries, Session
from services.binding.sessions.repo import is_active
from services.binding.sign_in.models import (
    KnownBrowser,
    Passkey,
    PasskeyChallenge,
    PasswordLink,
    RecoveryCode,
    RefusedSignIns,
)
from services.binding.sign_in.rules import (
    FORGET_TRIES_AFTER,
    KNOWN_BROWSER_DAYS,
    KNOWN_BROWSERS_MAX,
    PLATFORM,
    Tries,
)
from shared.db import Database

KEPT = timedelta(days=30)
SHOWN_MAX = 50

# --- the throttle


async def tries(tx: AsyncSession, digest: str) -> Tries:
    """A counter of the throttle, locked; created at the first try."""
    values = {"tenant_id": PLATFORM, "login_hash": digest, "failures": 0, "begun": 0}
    made = insert(LoginTries).values(**values)
    same = made.on_conflict_do_update(
        index_elements=["tenant_id", "login_hash"], set_={"begun": LoginTries.begun}
    )
    row = (await tx.execute(same.returning(LoginTries.__table__))).one()
    return Tries(row.failures, row.begun, row.tried_at, row.locked_until)


async def put_tries(tx: AsyncSession, digest: str, counted: Tries) -> None:
    await tx.execute(
        update(LoginTries)
        .where(LoginTries.tenant_id == PLATFORM, LoginTries.login_hash == digest)
        .values(
            failures=counted.failures,
            begun=counted.running,
            tried_at=counted.tried_at,
            locked_until=counted.locked_until,
        )
    )


async def forget(db: Database, now: datetime) -> None:
    """Deletes rows that are too old to matter, in batches. There may be many: each guess at a login
    that nobody has leaves two counters of the throttle."""
    for table, is_old, at in (
        ("login_tries", "tried_at <= $1 OR tried_at IS NULL", now - FORGET_TRIES_AFTER),
        ("known_browsers", "seen_at < $1", now - timedelta(days=KNOWN_BROWSER_DAYS)),
        ("password_links", "expires_at < $1", now - KEPT),
        ("refused_sign_ins", "hour < $1", now - KEPT),
        ("passkey_challenges", "expires_at <= $1", now),
    ):
        await db.purge(table, is_old, at)


# --- known browsers


async def knows_browser(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, browser_hash: str
) -> bool:
    return await tx.get(KnownBrowser, (tenant_id, user_id, browser_hash)) is not None


async def is_browser_of_anybody(tx: AsyncSession, browser_hash: str) -> bool:
    """Whether this cookie was made here, for anybody: people may share a browser's cookie."""
    found = select(KnownBrowser.user_id).where(KnownBrowser.browser_hash == browser_hash)
    return await tx.scalar(found.limit(1)) is not None


async def keep_browser(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, browser_hash: str, now: datetime
) -> None:
    """Stores the browser, and deletes those beyond the limit that were seen longest ago."""
    values = {
        "tenant_id": tenant_id, "user_id": user_id, "browser_hash": browser_hash,
        "created_at": now, "seen_at": now,
    }  # fmt: skip
    statement = insert(KnownBrowser).values(**values)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "user_id", "browser_hash"], set_={"seen_at": now}
        )
    )
    own = and_(KnownBrowser.tenant_id == tenant_id, KnownBrowser.user_id == user_id)
    order = (KnownBrowser.seen_at.desc(), KnownBrowser.browser_hash)
    kept = select(KnownBrowser.browser_hash).where(own).order_by(*order).limit(KNOWN_BROWSERS_MAX)
    await tx.execute(delete(KnownBrowser).where(own, KnownBrowser.browser_hash.not_in(kept)))


async def forget_browsers(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, *, keep: str | None = None
) -> None:
    """Deletes the known browsers of an account with a new password, because somebody who knew the
    old one may have used them. `keep`: the browser that stays known."""
    await tx.execute(
        delete(KnownBrowser).where(
            KnownBrowser.tenant_id == tenant_id,
            KnownBrowser.user_id == user_id,
            KnownBrowser.browser_hash != (keep or ""),
        )
    )


# --- one-time links


async def link_by_hash(tx: AsyncSession, link_hash: str) -> PasswordLink | None:
    return await tx.scalar(select(PasswordLink).where(PasswordLink.link_hash == link_hash))


async def burn_links(tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime) -> None:
    """Ends the unused links for that person."""
    await tx.execute(
        update(PasswordLink)
        .where(
            PasswordLink.tenant_id == tenant_id,
            PasswordLink.user_id == user_id,
            PasswordLink.used_at.is_(None),
        )
        .values(used_at=now)
    )


async def burn_links_made_by(
    tx: AsyncSession, maker: str, now: datetime, *, waits: bool = True
) -> None:
    """Ends the unused links that somebody created for anybody. System scope only: operators create
    links for merchants' owners. `waits`: whether to wait for links that are locked, because they
    are in use at this moment. A transaction that has locked a link itself must not wait, because
    the maker of that link may be waiting for it."""
    unused = and_(PasswordLink.made_by == maker, PasswordLink.used_at.is_(None))
    locked = select(PasswordLink.link_hash).where(unused).with_for_update(skip_locked=not waits)
    is_locked = PasswordLink.link_hash.in_(locked.scalar_subquery())
    ended = update(PasswordLink).where(unused, is_locked)
    await tx.execute(ended.values(used_at=now))


# --- recovery codes


async def put_recovery_codes(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, hashes: Sequence[str], now: datetime
) -> None:
    """Stores these codes and deletes the older ones."""
    await forget_recovery_codes(tx, tenant_id, user_id)
    for code_hash in hashes:
        tx.add(
            RecoveryCode(
                tenant_id=tenant_id, user_id=user_id, code_hash=code_hash, made_at=now, used_at=None
            )
        )


async def forget_recovery_codes(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> None:
    await tx.execute(
        delete(RecoveryCode).where(
            RecoveryCode.tenant_id == tenant_id, RecoveryCode.user_id == user_id
        )
    )


async def use_recovery_code(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, code_hash: str, now: datetime
) -> bool:
    """Uses a code up: whether it existed and was unused. Of several requests at the same time, one
    gets True."""
    done = await tx.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.tenant_id == tenant_id,
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == code_hash,
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return isinstance(done, CursorResult) and done.rowcount == 1


async def recovery_codes_left(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> int:
    query = select(func.count()).select_from(RecoveryCode)
    own = query.where(RecoveryCode.tenant_id == tenant_id, RecoveryCode.user_id == user_id)
    return await tx.scalar(own.where(RecoveryCode.used_at.is_(None))) or 0


# --- passkeys


async def passkeys(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> Sequence[Passkey]:
    """Oldest first."""
    own = select(Passkey).where(Passkey.tenant_id == tenant_id, Passkey.user_id == user_id)
    return (await tx.scalars(own.order_by(Passkey.created_at, Passkey.passkey_id))).all()


async def is_passkey_of_anybody(tx: AsyncSession, credential_id: str) -> bool:
    """Whether anybody of any tenant has it. System scope only."""
    found = select(Passkey.passkey_id).where(Passkey.credential_id == credential_id)
    return await tx.scalar(found.limit(1)) is not None


async def use_passkey(tx: AsyncSession, passkey: Passkey, count: int, now: datetime) -> bool:
    """Stores the authenticator's new count and the time; False when the count did not rise. Then
    two authenticators have the same key. One that does not count sends 0 every time."""
    is_new = Passkey.sign_count < count if count else Passkey.sign_count == 0
    done = await tx.execute(
        update(Passkey)
        .where(
            Passkey.tenant_id == passkey.tenant_id,
            Passkey.passkey_id == passkey.passkey_id,
            is_new,
        )
        .values(sign_count=count, last_used_at=now)
    )
    return isinstance(done, CursorResult) and done.rowcount == 1


async def forget_passkeys(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> None:
    """Deletes all passkeys and challenges of that person."""
    await tx.execute(
        delete(Passkey).where(Passkey.tenant_id == tenant_id, Passkey.user_id == user_id)
    )
    await tx.execute(
        delete(PasskeyChallenge).where(
            PasskeyChallenge.tenant_id == tenant_id, PasskeyChallenge.user_id == user_id
        )
    )


async def put_challenge(tx: AsyncSession, made: PasskeyChallenge, keep: int) -> None:
    """Stores a challenge. Only the `keep` newest of that person and purpose stay."""
    same = and_(
        PasskeyChallenge.tenant_id == made.tenant_id,
        PasskeyChallenge.user_id == made.user_id,
        PasskeyChallenge.purpose == made.purpose,
    )
    order = (PasskeyChallenge.made_at.desc(), PasskeyChallenge.challenge_hash)
    kept = select(PasskeyChallenge.challenge_hash).where(same).order_by(*order).limit(keep - 1)
    await tx.execute(
        delete(PasskeyChallenge).where(same, PasskeyChallenge.challenge_hash.not_in(kept))
    )
    tx.add(made)


async def use_challenge(tx: AsyncSession, expected: PasskeyChallenge, now: datetime) -> bool:
    """Uses a challenge up: whether exactly this one is stored and has not expired. Of several
    requests at the same time, one gets True."""
    done = await tx.execute(
        delete(PasskeyChallenge).where(
            PasskeyChallenge.tenant_id == expected.tenant_id,
            PasskeyChallenge.challenge_hash == expected.challenge_hash,
            PasskeyChallenge.user_id == expected.user_id,
            PasskeyChallenge.purpose == expected.purpose,
            PasskeyChallenge.session_id.is_not_distinct_from(expected.session_id),
            PasskeyChallenge.expires_at > now,
        )
    )
    return isinstance(done, CursorResult) and done.rowcount == 1


# --- tries


async def note_refused(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime, where: tuple[str, str]
) -> int:
    """Counts a refused try from (address, user agent); returns the number in this hour."""
    address, user_agent = where
    values = {
        "tenant_id": tenant_id, "user_id": user_id, "tries": 1, "last_at": now,
        "hour": now.replace(minute=0, second=0, microsecond=0),
        "address": address, "user_agent": user_agent,
    }  # fmt: skip
    changed = {
        "tries": RefusedSignIns.tries + 1, "last_at": now,
        "address": address, "user_agent": user_agent,
    }  # fmt: skip
    statement = insert(RefusedSignIns).values(**values)
    counted = statement.on_conflict_do_update(
        index_elements=["tenant_id", "user_id", "hour"], set_=changed
    )
    return (await tx.execute(counted.returning(RefusedSignIns.tries))).scalar_one()


async def refused(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> Sequence[RefusedSignIns]:
    """Newest first."""
    query = select(RefusedSignIns).where(
        RefusedSignIns.tenant_id == tenant_id, RefusedSignIns.user_id == user_id
    )
    rows = await tx.scalars(query.order_by(RefusedSignIns.hour.desc()).limit(SHOWN_MAX))
    return rows.all()


async def sign_ins(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime
) -> Sequence[Session]:
    """The last sessions: active ones, then ended ones, each newest first. So later sign-ins,
    however many, do not hide an active session."""
    query = select(Session).where(Session.tenant_id == tenant_id, Session.user_id == user_id)
    newest = query.order_by(is_active(now).desc(), Session.created_at.desc())
    rows = await tx.scalars(newest.limit(SHOWN_MAX))
    return rows.all()


async def changes_asked_by(tx: AsyncSession, user_id: UUID) -> Sequence[AppChangeRequest]:
    """A requester's changes that wait for a second person, of any merchant; locked. Operators
    who act can no longer request changes, but their requests from before that update may wait for
    up to a week. System scope."""
    query = select(AppChangeRequest).where(
        AppChangeRequest.asked_by == user_id, AppChangeRequest.state == "waiting"
    )
    order = (AppChangeRequest.tenant_id, AppChangeRequest.change_id)
    return (await tx.scalars(query.order_by(*order).with_for_update())).all()
