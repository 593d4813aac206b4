"""The database against the code: the columns of each table that has a model."""

import pytest

from services.campaign.models import Base
from tests.integration.schema import require_agreement

pytestmark = pytest.mark.asyncio


async def test_models_and_migrations_agree(db):
    await require_agreement(db, Base.metadata)
