"""Each merchant gets a handle, with which the logins of its people end. The part of a login after
the @ is stored in a column of its own, so that no other login can end with a merchant's handle."""

from alembic import op
from sqlalchemy import Connection, text

from services.binding.tenancy import logins

revision = "2026_11_28_1900"
down_revision = "2026_11_28_1705"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE users ADD COLUMN login_handle text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE merchants ADD COLUMN handle text")
    _fill(op.get_bind())
    # Deferred checks of these rows must run before the table is altered again.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("ALTER TABLE merchants ALTER COLUMN handle SET NOT NULL")
    op.execute("CREATE INDEX ix_merchants_handle ON merchants (handle)")
    op.execute(
        "CREATE INDEX ix_users_login_handle ON users (login_handle) WHERE login_handle <> ''"
    )


def _fill(bind: Connection) -> None:
    """Logins stay as they are. Handles are generated; no existing login ends with one of them."""
    found = bind.execute(text("SELECT tenant_id, user_id, login FROM users"))
    parts = [
        {"tenant": row.tenant_id, "user": row.user_id, "handle": logins.handle_in(row.login)}
        for row in found
    ]
    parts = [part for part in parts if part["handle"]]
    if parts:
        bind.execute(
            text(
                "UPDATE users SET login_handle = :handle"
                " WHERE tenant_id = :tenant AND user_id = :user"
            ),
            parts,
        )
    taken = {str(part["handle"]) for part in parts}
    merchants = [row.tenant_id for row in bind.execute(text("SELECT tenant_id FROM merchants"))]
    for tenant_id in merchants:
        handle = logins.new_handle()
        while handle in taken:
            handle = logins.new_handle()
        taken.add(handle)
        bind.execute(
            text("UPDATE merchants SET handle = :handle WHERE tenant_id = :tenant"),
            {"handle": handle, "tenant": tenant_id},
        )
