"""An app's secrets apart from its keys: stored sealed, never shown."""

import hmac

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from services.binding.models import App
from services.binding.sealing import seal_row
from shared.keys.sealed import open_sealed

AES = "app-aes-key"
GRANT = "app-auth-token"


def _secret_of(app: App, purpose: str) -> tuple[str | None, str | None]:
    if purpose == AES:
        return app.aes_key_box, app.aes_key_aad
    return app.app_auth_token_box, app.app_auth_token_aad


def is_new(deps: Deps, app: App | None, purpose: str, text: str | None) -> bool:
    """Whether `text` was given and differs from the sealed secret."""
    if text is None:
        return False
    box, aad = _secret_of(app, purpose) if app is not None else (None, None)
    there = open_sealed(deps.key_provider, box, aad or "") if box else b""
    return not hmac.compare_digest(there, text.encode())


async def put_secret(deps: Deps, tx: AsyncSession, app: App, purpose: str, text: str) -> None:
    """Seals the secret for this app and this version of its binding; "" removes it."""
    box = aad = None
    if text:
        aad = f"{app.tenant_id}|{app.app_id}|{purpose}|{app.version}"
        box = await seal_row(deps, tx, app.tenant_id, purpose, text.encode(), aad)
    if purpose == AES:
        app.aes_key_box, app.aes_key_aad = box, aad
    else:
        app.app_auth_token_box, app.app_auth_token_aad = box, aad
