"""One-time links: how a person gets a first password, or a new one after forgetting it.

Only the person chooses the password. Whoever creates or resets an account hands over a link, never
a password. A link changes nothing until it is used: the old password and the sessions stay valid,
so creating links locks nobody out. Its use ends both. After that the account cannot approve
anything for a while, because the maker of the link could have used it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.acting import grants as acting_grants
from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.models import User
from services.binding.people import repo, rules
from services.binding.sessions import service as sessions
from services.binding.sign_in import repo as sign_in_repo
from services.binding.sign_in import second_factor, unfinished
from services.binding.sign_in import service as sign_in
from services.binding.sign_in.models import PasswordLink
from services.binding.tenancy import accounts, authorization
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.rules import Role
from shared.contracts.principal import Principal
from shared.errors import NotFound
from shared.ids import random_token

TOKEN_BYTES = 32
PAGE = "/password"
MAKERS = ("staff.write", "operators.write", "merchants.write")
"""A maker needs one of these permissions; links end when their maker has none of them any more."""


@dataclass(frozen=True, slots=True)
class ByOperator:
    """The tenant of an operator who helps an owner to sign in again, and the reason."""

    tenant_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Link:
    """A new link; its token is shown once."""

    token: str
    expires_at: datetime


async def make_for(
    deps: Deps, caller: Principal, user_id: UUID, *, removes_second_factor: bool
) -> Link:
    """Creates a link for somebody else of the caller's tenant. OwnRights for oneself: the own
    password is changed with the old one, so that a stolen session cannot replace it."""
    if str(user_id) == caller.subject:
        raise rules.OwnRights
    return await make(
        deps,
        caller.tenant,
        user_id,
        actor=f"user:{caller.subject}",
        maker=caller,
        removes_second_factor=removes_second_factor,
    )


async def make(
    deps: Deps,
    tenant_id: UUID,
    user_id: UUID,
    *,
    actor: str,
    maker: Principal | None = None,
    removes_second_factor: bool = False,
    helped: ByOperator | None = None,
) -> Link:
    """Creates a link for an enabled account; its earlier links end. `maker`: the person who creates
    it, Forbidden when that permission has ended meanwhile; None: the command line. `helped`: an
    operator creates it for an owner. It is in both audit logs, and after its use the owner's
    permissions are limited for a while. They are not limited when nobody of that merchant has ever
    had a password: then there was nothing to protect yet."""
    token, now = random_token(TOKEN_BYTES), deps.clock.now()
    # System scope: an operator may create a link for the owner of a merchant.
    async with deps.db.tx(None) as tx:
        if maker is not None:
            await authorization.require(tx, maker.tenant, UUID(maker.subject), *MAKERS)
        user = await tenancy_repo.user_for_update(tx, tenant_id, user_id)
        if user is None or not user.is_enabled:
            raise NotFound
        if helped is not None and user.role != Role.MERCHANT_OWNER:
            raise NotFound
        await sign_in_repo.burn_links(tx, tenant_id, user_id, now)
        link = PasswordLink(
            tenant_id=tenant_id,
            link_hash=tenancy_rules.sha256_hex(token),
            user_id=user_id,
            made_by=actor,
            made_at=now,
            expires_at=now + rules.LINK_LIFETIME,
            is_reset=bool(user.password_hash),
            removes_second_factor=removes_second_factor,
            limits_powers=helped is not None and await repo.has_any_password(tx, tenant_id),
        )
        tx.add(link)
        await _audit_made(deps, tx, link, user, helped)
    return Link(token, link.expires_at)


async def _audit_made(
    deps: Deps, tx: AsyncSession, link: PasswordLink, user: User, helped: ByOperator | None
) -> None:
    facts = {
        "is_reset": link.is_reset,
        "removes_second_factor": link.removes_second_factor,
    }
    entry = (link.made_by, "password.link", str(link.user_id))
    if helped is not None:
        # The operators' own chain is always locked before a merchant's.
        operators_facts = {"merchant_id": str(link.tenant_id), "login": user.login, **facts}
        await audit(deps, tx, helped.tenant_id, entry, after=operators_facts, reason=helped.reason)
    reason = helped.reason if helped is not None else None
    await audit(deps, tx, link.tenant_id, entry, after=facts, reason=reason)


async def account_of(deps: Deps, token: str) -> User:
    """The account whose password the link sets. Raises LinkWrong."""
    async with deps.db.tx(None) as tx:
        return (await _active_link(deps, tx, token))[1]


async def use(
    deps: Deps, token: str, password: str, browser_hash: str | None
) -> tuple[User, str | None]:
    """Sets the chosen password: (the account, the new browser cookie or None). All sessions of the
    account end; the person then signs in, with the second factor if there is one."""
    user = await account_of(deps, token)
    hashed = await accounts.hashed_password(deps, password, await sign_in.own_words(deps, user))
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        link, row = await _active_link(deps, tx, token)
        row.password_hash = hashed
        row.may_approve_from = now + deps.approve_after
        if link.limits_powers:
            row.limited_until = now + deps.approve_after
        await sign_in_repo.burn_links(tx, row.tenant_id, row.user_id, now)
        waiting = await unfinished.end_with_password(deps, tx, row)
        grants = await acting_grants.locked_of(tx, row)
        ended = await sessions.end_all(deps, tx, row.tenant_id, row.user_id)
        await acting_grants.end_with_powers(deps, tx, grants, actor=f"user:{row.user_id}")
        await sign_in_repo.forget_browsers(tx, row.tenant_id, row.user_id)
        known_as = await sign_in.remember_browser(deps, tx, row, browser_hash)
        if link.removes_second_factor:
            await second_factor.forget(deps, tx, row, link.made_by)
        entry = (f"user:{row.user_id}", "password.set", str(row.user_id))
        facts = {"link_by": link.made_by, "sessions_ended": ended}
        await audit(deps, tx, row.tenant_id, entry, after=facts)
        await unfinished.withdraw(deps, tx, waiting, actor=entry[0])
    return row, known_as


async def _active_link(deps: Deps, tx: AsyncSession, token: str) -> tuple[PasswordLink, User]:
    """A link that can be used, and its account. Both are locked, in the same order as when a link
    is created."""
    link_hash = tenancy_rules.sha256_hex(token)
    link = await sign_in_repo.link_by_hash(tx, link_hash)
    if link is None:
        raise rules.LinkWrong
    user = await tenancy_repo.user_for_update(tx, link.tenant_id, link.user_id)
    await tx.refresh(link, with_for_update=True)
    if link.used_at is not None or deps.clock.now() >= link.expires_at:
        raise rules.LinkWrong
    if user is None or not user.is_enabled:
        raise rules.LinkWrong
    await authorization.require_open(tx, user.tenant_id)
    return link, user
