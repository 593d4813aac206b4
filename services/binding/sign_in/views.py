"""Converts sessions and people to response models."""

from collections.abc import Sequence
from datetime import datetime

from services.binding.deps import Deps
from services.binding.models import Acting, ActingGrant, Merchant, User
from services.binding.sessions.service import SessionView
from services.binding.sign_in import schemas, second_factor
from services.binding.tenancy import permissions
from services.binding.tenancy.permissions import OWN
from shared.contracts import documents
from shared.contracts.principal import Principal


def permissions_of(deps: Deps, user: User) -> list[str]:
    """The person's permissions. While a required second factor is missing, only those to set one
    up."""
    if second_factor.is_missing(deps, user):
        return [OWN]
    return sorted(permissions.of_user(user.role, user.limited_until, deps.clock.now()))


def resolved_out(deps: Deps, found: SessionView) -> documents.ResolvedOut:
    """What the edge may know of a session. While a required second factor is missing, the session
    acts for nobody."""
    session, user = found.session, found.user
    running = None if second_factor.is_missing(deps, user) else found.acting
    return documents.ResolvedOut(
        session_id=session.session_id,
        user_id=user.user_id,
        name=user.name or user.login,
        tenant_id=user.tenant_id,
        permissions=permissions_of(deps, user),
        store_ids=user.store_ids,
        csrf_token_hash=session.csrf_token_hash,
        expires_at=found.until,
        step_up_until=found.step_up_until,
        acting=_resolved_acting(running, user, found.extra_grants) if running else None,
    )


def _resolved_acting(
    running: Acting, user: User, extra_grants: Sequence[ActingGrant]
) -> documents.ResolvedActing:
    return documents.ResolvedActing(
        acting_id=running.acting_id,
        tenant_id=running.tenant_id,
        permissions=sorted(permissions.of_acting(user.role)),
        until=running.until,
        more=[
            documents.ResolvedMore(
                permissions=sorted(permissions.ACTING_MORE[grant.permission_set]),
                until=grant.until,
            )
            for grant in extra_grants
        ],
    )


def session_out(deps: Deps, shown: SessionView, caller: Principal | None) -> schemas.SessionOut:
    """`caller` shows whether an operator acts at the merchant console; None: no acting yet."""
    session, user, merchant, running = shown.session, shown.user, shown.merchant, shown.acting
    is_acting_here = running is not None and caller is not None and caller.acting_id is not None
    granted = permissions_of(deps, user)
    if is_acting_here:
        extra_grants = [grant.permission_set for grant in shown.extra_grants]
        granted = sorted(permissions.of_acting(user.role, extra_grants))
    is_own = merchant is not None and (running is None or is_acting_here)
    return schemas.SessionOut(
        user=person_out(user),
        merchant=_merchant_out(merchant) if merchant and is_own else None,
        permissions=granted,
        expires_at=session.expires_at,
        step_up_until=session.step_up_until,
        acting=_acting_out(running, merchant) if running else None,
        limited_until=_limited_until(deps, user),
        needs_second_factor=second_factor.is_missing(deps, user),
    )


def _limited_until(deps: Deps, user: User) -> datetime | None:
    until = user.limited_until
    return until if until is not None and deps.clock.now() < until else None


def person_out(user: User) -> schemas.PersonOut:
    return schemas.PersonOut(
        user_id=user.user_id,
        login=user.login,
        name=user.name,
        role=user.role,
        store_ids=user.store_ids,
        has_second_factor=second_factor.has_second_factor(user),
        has_authenticator_app=user.totp_since is not None,
        has_passkeys=user.passkey_count > 0,
    )


def _merchant_out(row: Merchant) -> schemas.SessionMerchantOut:
    return schemas.SessionMerchantOut(
        merchant_id=row.tenant_id,
        name=row.name,
        handle=row.handle,
        edition=row.edition,
        created_at=row.created_at,
    )


def _acting_out(row: Acting, merchant: Merchant | None) -> schemas.ActingOut:
    return schemas.ActingOut(
        merchant_id=row.tenant_id,
        merchant_name=merchant.name if merchant else "",
        reason=row.reason,
        until=row.until,
    )
