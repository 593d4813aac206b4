"""The queries about signing in: the brake, known browsers, one-time links, second factors, refused
tries; the caller owns the transaction, in system scope where no tenant is given."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CursorResult, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.models import AppChangeRequest, LoginTries, Session
from services.binding.sessions.repo import lives
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

# --- the brake


async def tries(tx: AsyncSession, digest: str) -> Tries:
    """The brake's row, locked; made when it is the first try."""
    values = {"tenant_id": PLATFORM, "login_hash": digest, "failures": 0, "begun": 0}
    made = insert(LoginTries).values(**values)
    same = made.on_conflict_do_update(
        index_elements=["tenant_id", "login_hash"], set_={"begun": LoginTries.begun}
    )
    row = (await tx.execute(same.returning(LoginTries.__table__))).one()
    return Tries(row.failures, row.begun, row.tried_at, row.locked_until)


async def put_tries(tx: AsyncSession, digest: str, found: Tries) -> None:
    await tx.execute(
        update(LoginTries)
        .where(LoginTries.tenant_id == PLATFORM, LoginTries.login_hash == digest)
        .values(
            failures=found.failures,
            begun=found.begun,
            tried_at=found.tried_at,
            locked_until=found.locked_until,
        )
    )


async def forget(db: Database, now: datetime) -> None:
    """What is too old to matter, in steps however much there is: each guess at a made-up login
    leaves two counters of the brake."""
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
    """Whether this cookie was made here: people who share a browser share its cookie."""
    found = select(KnownBrowser.user_id).where(KnownBrowser.browser_hash == browser_hash)
    return await tx.scalar(found.limit(1)) is not None


async def keep_browser(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, browser_hash: str, now: datetime
) -> None:
    """Remembers it, and forgets those beyond the limit that were seen longest ago."""
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
    mine = and_(KnownBrowser.tenant_id == tenant_id, KnownBrowser.user_id == user_id)
    order = (KnownBrowser.seen_at.desc(), KnownBrowser.browser_hash)
    kept = select(KnownBrowser.browser_hash).where(mine).order_by(*order).limit(KNOWN_BROWSERS_MAX)
    await tx.execute(delete(KnownBrowser).where(mine, KnownBrowser.browser_hash.not_in(kept)))


async def forget_browsers(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, *, keep: str | None = None
) -> None:
    """For whoever knew the old password: another browser has to earn its place anew."""
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


async def burn_links(tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime) -> int:
    """Ends whatever links of that person are not used yet; how many."""
    done = await tx.execute(
        update(PasswordLink)
        .where(
            PasswordLink.tenant_id == tenant_id,
            PasswordLink.user_id == user_id,
            PasswordLink.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return done.rowcount if isinstance(done, CursorResult) else 0


async def burn_links_made_by(
    tx: AsyncSession, maker: str, now: datetime, *, waits: bool = True
) -> None:
    """Ends the unused links that somebody made, for whomever. System scope only: an operator makes
    them for merchants' owners. `waits`: for those that are being used at this moment, too; whoever
    holds a link of their own must not, because its maker may be waiting for that one."""
    unused = and_(PasswordLink.made_by == maker, PasswordLink.used_at.is_(None))
    mine = select(PasswordLink.link_hash).where(unused).with_for_update(skip_locked=not waits)
    ended = update(PasswordLink).where(unused, PasswordLink.link_hash.in_(mine.scalar_subquery()))
    await tx.execute(ended.values(used_at=now))


# --- recovery codes


async def put_recovery_codes(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, hashes: Sequence[str], now: datetime
) -> None:
    """These, and no older ones."""
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
    """Whether it was there and unused; of several at once one gets it."""
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
    mine = query.where(RecoveryCode.tenant_id == tenant_id, RecoveryCode.user_id == user_id)
    return await tx.scalar(mine.where(RecoveryCode.used_at.is_(None))) or 0


# --- passkeys


async def passkeys(tx: AsyncSession, tenant_id: UUID, user_id: UUID) -> Sequence[Passkey]:
    """Oldest first."""
    mine = select(Passkey).where(Passkey.tenant_id == tenant_id, Passkey.user_id == user_id)
    return (await tx.scalars(mine.order_by(Passkey.created_at, Passkey.passkey_id))).all()


async def is_passkey_of_anybody(tx: AsyncSession, credential_id: str) -> bool:
    """Among all tenants: system scope only."""
    found = select(Passkey.passkey_id).where(Passkey.credential_id == credential_id)
    return await tx.scalar(found.limit(1)) is not None


async def use_passkey(tx: AsyncSession, passkey: Passkey, count: int, now: datetime) -> bool:
    """Keeps the authenticator's new count and the time, unless the count did not rise: of two
    authenticators that share a key, one falls behind. One that never counts says 0 every time."""
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
    """All of that person, and what was asked of them."""
    await tx.execute(
        delete(Passkey).where(Passkey.tenant_id == tenant_id, Passkey.user_id == user_id)
    )
    await tx.execute(
        delete(PasskeyChallenge).where(
            PasskeyChallenge.tenant_id == tenant_id, PasskeyChallenge.user_id == user_id
        )
    )


async def put_challenge(tx: AsyncSession, made: PasskeyChallenge, keep: int) -> None:
    """One more of that person and purpose, of which only the `keep` newest count."""
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


async def spend_challenge(tx: AsyncSession, asked: PasskeyChallenge, now: datetime) -> bool:
    """Whether exactly that was asked, and in time; then it is gone. Of several at once one gets
    it."""
    done = await tx.execute(
        delete(PasskeyChallenge).where(
            PasskeyChallenge.tenant_id == asked.tenant_id,
            PasskeyChallenge.challenge_hash == asked.challenge_hash,
            PasskeyChallenge.user_id == asked.user_id,
            PasskeyChallenge.purpose == asked.purpose,
            PasskeyChallenge.session_id.is_not_distinct_from(asked.session_id),
            PasskeyChallenge.expires_at > now,
        )
    )
    return isinstance(done, CursorResult) and done.rowcount == 1


# --- what was tried


async def note_refused(
    tx: AsyncSession, tenant_id: UUID, user_id: UUID, now: datetime, where: tuple[str, str]
) -> int:
    """Counts a refused try from (address, user agent); how many the hour has seen."""
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
    """The sessions of the last days: those that live, then those that ended, newest first. No
    number of later sign-ins hides one that still goes on."""
    query = select(Session).where(Session.tenant_id == tenant_id, Session.user_id == user_id)
    newest = query.order_by(lives(now).desc(), Session.created_at.desc())
    rows = await tx.scalars(newest.limit(SHOWN_MAX))
    return rows.all()


async def changes_asked_by(tx: AsyncSession, user_id: UUID) -> Sequence[AppChangeRequest]:
    """What still waits for a second person, of whatever merchant: operators who act ask for
    nothing, but what they asked for before that update waits for up to a week. Locked. System
    scope."""
    query = select(AppChangeRequest).where(
        AppChangeRequest.asked_by == user_id, AppChangeRequest.state == "waiting"
    )
    order = (AppChangeRequest.tenant_id, AppChangeRequest.change_id)
    return (await tx.scalars(query.order_by(*order).with_for_update())).all()
