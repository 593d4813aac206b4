"""Certificate mode, content encryption, a merchant's grant, and the provider's number of an app."""

from alembic import op

revision = "2026_11_26_1910"
down_revision = "2026_11_23_1200"

APPS = """
  ADD COLUMN service_provider_id text NOT NULL DEFAULT '',
  ADD COLUMN aes_key_box text,
  ADD COLUMN aes_key_aad text,
  ADD COLUMN app_auth_token_box text,
  ADD COLUMN app_auth_token_aad text,
  ADD CONSTRAINT ck_apps_aes_key CHECK ((aes_key_box IS NULL) = (aes_key_aad IS NULL)),
  ADD CONSTRAINT ck_apps_app_auth_token
    CHECK ((app_auth_token_box IS NULL) = (app_auth_token_aad IS NULL))
"""
APP_KEYS = """
  ADD COLUMN mode text NOT NULL DEFAULT 'key',
  ADD COLUMN app_cert text,
  ADD COLUMN alipay_cert text,
  ADD COLUMN alipay_root_cert text,
  ADD COLUMN app_cert_sn text,
  ADD COLUMN alipay_cert_sn text,
  ADD COLUMN alipay_root_cert_sn text,
  ADD COLUMN app_cert_not_after timestamptz,
  ADD COLUMN alipay_cert_not_after timestamptz,
  ADD CONSTRAINT ck_app_keys_mode CHECK (
    mode = 'key' AND num_nonnulls(app_cert, alipay_cert, alipay_root_cert, app_cert_sn,
      alipay_cert_sn, alipay_root_cert_sn, app_cert_not_after, alipay_cert_not_after) = 0
    OR mode = 'cert' AND num_nulls(app_cert, alipay_cert, alipay_root_cert, app_cert_sn,
      alipay_cert_sn, alipay_root_cert_sn, app_cert_not_after, alipay_cert_not_after) = 0)
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(f"ALTER TABLE apps {APPS}")
    op.execute(f"ALTER TABLE app_keys {APP_KEYS}")
