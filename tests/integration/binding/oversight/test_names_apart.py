"""What no unique index holds, because it reaches over tenants, is looked for every hour (G7)."""

import pytest

from shared import invariants

pytestmark = pytest.mark.asyncio
HANDLES, PASSKEYS = "g7_handles", "g7_passkeys"
SAME_HANDLE = "UPDATE merchants SET handle = 'tea' WHERE tenant_id = $1"
FOREIGN_LOGIN = "UPDATE users SET login_handle = 'tea' WHERE tenant_id = $1"
SAME_PASSKEY = """
INSERT INTO passkeys SELECT (jsonb_populate_record(p, jsonb_build_object(
  'tenant_id', u.tenant_id, 'user_id', u.user_id))).*
FROM passkeys p, users u WHERE u.tenant_id = $1
"""


@pytest.mark.parametrize(
    ("fault", "name", "rows"),
    [(SAME_HANDLE, HANDLES, 3), (FOREIGN_LOGIN, HANDLES, 1), (SAME_PASSKEY, PASSKEYS, 2)],
)
async def test_a_name_that_two_have_is_found(
    binding, keyholder, new_merchant, clock, fault, name, rows
):
    """With the same handle, the first owner's login ends with the second merchant's, too."""
    other, _ = await new_merchant("Bakery", "owner@bakery")
    asked = invariants.of("services/binding/worker.py")
    assert {HANDLES, PASSKEYS} <= asked.keys()
    db = binding.worker_deps.db
    assert set((await invariants.check(db, asked, clock)).values()) == {0}
    await binding.database.execute(fault, other)
    found = await invariants.check(db, asked, clock)
    assert {one: count for one, count in found.items() if count} == {name: rows}
