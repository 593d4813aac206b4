"""What an operator who acts for a merchant can change, spelled out door by door (S131).

The lists here are written by hand: whoever lets an acting operator do more changes them, and says
so. They hold for all that can be given at once; without a grant it is `HELPS` alone.
"""

from tests.architecture.role_matrix import ROLES, guards, routes
from tests.architecture.tree import SERVICES
from tests.contract.generate import service_app

M = "/api/merchant/v1"
SAFE = {"GET", "HEAD", "OPTIONS"}

OWN = {f"DELETE {M}/session", f"POST {M}/session/step-up"}
"""One's own session: leaving it, and one's own password once more."""
HELPS = {
    f"POST {M}/apps/key-check",
    f"POST {M}/apps/{{app_id}}/probe",
    f"POST {M}/onboarding/rows/{{row}}/check",
}
"""Looking harder: nothing of the merchant's is changed."""
VERIFIES = {f"POST {M}/audit/verify"}
"""A read that costs much."""
GIVEN = {
    f"POST {M}/onboarding/rows/{{row}}/run",
    f"POST {M}/onboarding/rows/{{row}}/done",
    f"POST {M}/onboarding/rows/{{row}}/reopen",
    f"PUT {M}/onboarding/rows/{{row}}/draft",
    f"POST {M}/stores",
    f"PATCH {M}/stores/{{store_id}}",
}
"""With the grant `setup` alone."""
NEVER = {
    f"POST {M}/payments/{{payment_id}}/refunds": "money",
    f"POST {M}/payments/{{payment_id}}/refunds/{{refund_request_id}}/retry": "money",
    f"PUT {M}/apps": "payee, commission, switch, keys",
    f"POST {M}/apps/key-pairs": "keys",
    f"POST {M}/sandbox/apps": "an app to bind",
    f"POST {M}/sandbox/outcome": "how somebody else's rehearsal ends",
    f"POST {M}/devices/codes": "a code makes a device's key",
    f"DELETE {M}/devices/codes/{{code_id}}": "the same",
    f"POST {M}/devices/{{device_id}}/revoke": "it stops a till",
    f"PATCH {M}/devices/{{device_id}}": "whose sales are counted where",
    f"POST {M}/api-keys": "keys",
    f"DELETE {M}/api-keys/{{key_id}}": "keys",
    f"PUT {M}/campaign/limits": "limits of what is given away",
    f"PATCH {M}/merchant": "the second approver",
    f"POST {M}/apps/changes/{{change_id}}/approve": "approvals",
    f"POST {M}/apps/changes/{{change_id}}/reject": "approvals",
    f"POST {M}/acting/grants/{{grant_id}}/give": "the grants themselves",
    f"POST {M}/acting/grants/{{grant_id}}/refuse": "the grants themselves",
    f"POST {M}/acting/grants/{{grant_id}}/withdraw": "the grants themselves",
    f"DELETE {M}/acting/{{acting_id}}": "who acts",
    f"POST {M}/staff": "people",
    f"PATCH {M}/staff/{{user_id}}": "people",
    f"POST {M}/staff/{{user_id}}/password-link": "people",
    f"POST {M}/password": "one's own account, not at somebody else's console",
    f"POST {M}/second-factor": "the same",
    f"DELETE {M}/second-factor": "the same",
    f"POST {M}/second-factor/confirm": "the same",
    f"POST {M}/second-factor/recovery-codes": "the same",
    f"POST {M}/passkeys": "the same",
    f"POST {M}/passkeys/options": "the same",
    f"POST {M}/passkeys/challenge": "the same",
    f"DELETE {M}/passkeys/{{passkey_id}}": "the same",
    f"DELETE {M}/sessions": "the same",
    f"DELETE {M}/sessions/{{session_id}}": "the same",
}
"""Whoever agrees, and why."""

LOOKS_OPS = {
    "orders.read",
    "payments.read",
    "stores.read",
    "devices.read",
    "apps.read",
    "campaigns.read",
}
"""The lowest operator role: no staff, no API keys, no audit log and no file of it."""
LOOKS_ADMIN = LOOKS_OPS | {"staff.read", "api_keys.read", "audit.read"}
CHECKS = {"onboarding.check"}
SETUP = {"onboarding.write", "stores.write"}


def doors(granted: frozenset[str]) -> tuple[set[str], set[str]]:
    """(open, shut): the doors at the merchant console that change something, by who holds that."""
    found: tuple[set[str], set[str]] = set(), set()
    for service in SERVICES:
        for route in routes(service_app(service)):
            (guard,) = guards(route)
            if guard.audience != "user" or not route.path.startswith(M):
                continue
            is_open = guard.permission is None or guard.permission in granted
            for method in (route.methods or set()) - SAFE:
                found[0 if is_open else 1].add(f"{method} {route.path}")
    return found


def test_every_door_that_changes_something_is_decided_here() -> None:
    """A new one is in neither list, and fails."""
    opened, shut = doors(ROLES["acting_granted"])
    assert opened == OWN | HELPS | VERIFIES | GIVEN
    assert shut == set(NEVER)


def test_without_a_grant_nothing_is_changed() -> None:
    assert doors(ROLES["acting_admin"])[0] == OWN | HELPS | VERIFIES
    assert doors(ROLES["acting_ops"])[0] == OWN | HELPS


def test_each_operator_role_has_its_own_look() -> None:
    assert ROLES["acting_ops"] == LOOKS_OPS | CHECKS
    assert ROLES["acting_admin"] == LOOKS_ADMIN | CHECKS
    assert ROLES["acting_granted"] == LOOKS_ADMIN | CHECKS | SETUP
