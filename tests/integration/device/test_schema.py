"""The models against the tables that the migrations make."""

import pytest

from services.device.models import Base
from tests.integration.schema import require_agreement

pytestmark = pytest.mark.asyncio


async def test_models_and_migrations_agree(device):
    await require_agreement(device.deps.db, Base.metadata)
