"""The one table of permissions (S131).

Every permission that a route of any service requires is here, and every permission here is required
by some route: `tests/architecture` compares both ways. `tests/architecture/role_matrix.json` lists
the result for each route and role.
"""

from collections.abc import Iterable
from datetime import datetime

from services.binding.tenancy.rules import Role

OWN = "account.own"
"""One's own sessions and password. Everybody has it, but nobody while acting for a merchant."""

_COUNTER = frozenset({"orders.read", "payments.read", "stores.read", "devices.read"})
_READ = _COUNTER | {
    "apps.read",
    "campaigns.read",
    "staff.read",
    "api_keys.read",
    "audit.read",
}
_BUSINESS = _READ | {
    "payments.refund",
    "devices.write",
    "stores.write",
    "apps.write",
    "campaigns.write",
    "merchant.write",
    "onboarding.check",
    "onboarding.write",
}

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.OPERATOR_ADMIN: frozenset(
        {
            OWN,
            "merchants.read",
            "merchants.write",
            "operators.read",
            "operators.write",
            "operators.audit",
            "acting.use",
            "acting.grant",
            "notices.read",
            "notices.replay",
        }
    ),
    Role.OPERATOR_OPS: frozenset(
        {OWN, "merchants.read", "operators.read", "acting.use", "notices.read"}
    ),
    Role.MERCHANT_OWNER: _BUSINESS
    | {OWN, "staff.write", "api_keys.write", "apps.approve", "acting.end", "acting.consent"},
    Role.MERCHANT_FINANCE: _COUNTER | {OWN, "payments.refund"},
    Role.CASHIER: _COUNTER | {OWN},
    Role.AUDITOR: _READ | {OWN},
}

_LOOK = _COUNTER | {"apps.read", "campaigns.read"}
"""Looking at the shop's business. Staff, API keys and the audit log are not included, so it shows
no names or addresses and has no file to export."""
_HELP = frozenset({"onboarding.check"})
"""Checks at Alipay. They change nothing of the merchant's."""

ACTING: dict[Role, frozenset[str]] = {
    Role.OPERATOR_ADMIN: _READ | _HELP,
    Role.OPERATOR_OPS: _LOOK | _HELP,
}
"""What an operator may do for a merchant without a grant: look and help (ADR 0019)."""

ACTING_MORE: dict[str, frozenset[str]] = {
    "setup": frozenset({"onboarding.write", "stores.write"}),
}
"""What an owner or a second operator may grant to an operator for a limited time, by the name of
the set. No set may contain: money, the payee, keys and what makes a key (an enrolment code does),
the switch for sales, limits, people, approvals and these grants."""


LIMITED = _READ | {
    OWN,
    "stores.write",
    "devices.write",
    "onboarding.check",
    "onboarding.write",
    "acting.end",
}
"""The permissions, for a limited time, of an owner whom an operator has helped to sign in again.
The shop goes on, but no money moves, no payee or key changes, and nobody gets permissions (ADR
0021)."""


API_KEY = frozenset({"orders.read"})
"""What a merchant's own program may do with an API key, at the routes under /api/pos/v1."""


def of_role(role: str) -> frozenset[str]:
    """The permissions of a stored role."""
    return PERMISSIONS[Role(role)]


def of_user(role: str, limited_until: datetime | None, now: datetime) -> frozenset[str]:
    """The present permissions of an account."""
    granted = of_role(role)
    return granted & LIMITED if limited_until is not None and now < limited_until else granted


def of_acting(role: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The permissions of an acting operator of that role; `more`: the sets granted at present."""
    usual = ACTING.get(Role(role), frozenset())
    return usual.union(*(ACTING_MORE[name] for name in more)) if usual else usual
