"""The models against the tables that the migrations make."""

import pytest

from services.binding.models import Base
from tests.integration.schema import require_agreement

pytestmark = pytest.mark.asyncio


async def test_models_and_migrations_agree(binding):
    await require_agreement(binding.deps.db, Base.metadata)
