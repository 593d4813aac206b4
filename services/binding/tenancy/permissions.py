"""Who may do what: the one table of permissions (S131).

Every permission that a route of any service asks for stands here, and everything that stands here
is asked for by some route: `tests/architecture` compares both ways, and
`tests/architecture/role_matrix.json` spells out what follows for each route and role.
"""

from collections.abc import Iterable
from datetime import datetime

from services.binding.tenancy.rules import Role

OWN = "account.own"
"""one's own sessions and password: everybody's, but nobody's on behalf of somebody else"""

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
"""How the shop stands: no staff, no API keys, no audit log, so nobody's name or address, and
nothing to take away as a file."""
_HELP = frozenset({"onboarding.check"})
"""Asking Alipay how things are. It changes nothing of the merchant's."""

ACTING: dict[Role, frozenset[str]] = {
    Role.OPERATOR_ADMIN: _READ | _HELP,
    Role.OPERATOR_OPS: _LOOK | _HELP,
}
"""What an operator may do for a merchant without being asked: look and help (ADR 0019)."""

ACTING_MORE: dict[str, frozenset[str]] = {
    "setup": frozenset({"onboarding.write", "stores.write"}),
}
"""What an owner or a second operator may give an operator for a while, by the set's name. Never
here, whoever agrees: money, who is paid, keys and whatever makes one (a device's code is one), the
switch, limits, people, approvals and these grants."""


LIMITED = _READ | {
    OWN,
    "stores.write",
    "devices.write",
    "onboarding.check",
    "onboarding.write",
    "acting.end",
}
"""What is left for a while to an owner whom an operator has helped back in: the shop goes on, but
no money moves, no payee or key changes, and no power is given (ADR 0021)."""


API_KEY = frozenset({"orders.read"})
"""What a merchant's own program may do with an API key, at the doors under /api/pos/v1."""


def of_role(role: str) -> frozenset[str]:
    """The permissions of a stored role."""
    return PERMISSIONS[Role(role)]


def of_user(role: str, limited_until: datetime | None, now: datetime) -> frozenset[str]:
    """The permissions of an account as it stands."""
    granted = of_role(role)
    return granted & LIMITED if limited_until is not None and now < limited_until else granted


def of_acting(role: str, more: Iterable[str] = ()) -> frozenset[str]:
    """What somebody of that operator role may do for a merchant, under the sets given for now."""
    usual = ACTING.get(Role(role), frozenset())
    return usual.union(*(ACTING_MORE[name] for name in more)) if usual else usual
