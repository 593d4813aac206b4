"""Who may do what: the one table of permissions (S131).

Every permission that a route of any service asks for stands here, and everything that stands here
is asked for by some route: `tests/architecture` compares both ways, and
`tests/architecture/role_matrix.json` spells out what follows for each route and role.
"""

from services.binding.domain import Role

OWN = "account.own"
"""one's own sessions and password: everybody's, but nobody's on behalf of somebody else"""

_COUNTER = frozenset({"orders.read", "payments.read", "stores.read", "devices.read"})
_READ = _COUNTER | {
    "apps.read",
    "campaigns.read",
    "staff.read",
    "api_keys.read",
    "settings.read",
    "audit.read",
}
_BUSINESS = _READ | {
    "payments.refund",
    "devices.write",
    "stores.write",
    "apps.write",
    "campaigns.write",
    "merchant.write",
    "settings.write",
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
            "notices.read",
            "notices.replay",
        }
    ),
    Role.OPERATOR_OPS: frozenset(
        {OWN, "merchants.read", "operators.read", "acting.use", "notices.read"}
    ),
    Role.MERCHANT_OWNER: _BUSINESS
    | {OWN, "staff.write", "api_keys.write", "apps.approve", "acting.end"},
    Role.MERCHANT_FINANCE: _COUNTER | {OWN, "payments.refund"},
    Role.CASHIER: _COUNTER | {OWN},
    Role.AUDITOR: _READ | {OWN},
}

ACTING = _READ | {"onboarding.check"}
"""What an operator may do for a merchant without being asked: look, and ask Alipay how things are.
Nothing that changes anything."""


API_KEY = frozenset({"orders.read"})
"""What a merchant's own program may do with an API key, at the doors under /api/pos/v1."""


def of_role(role: str) -> frozenset[str]:
    """The permissions of a stored role."""
    return PERMISSIONS[Role(role)]
