"""The settings of the control's processes, from the environment, and their database sessions."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)


def setting(name: str) -> str:
    return os.environ[f"CONTROL_{name}"]


def secrets() -> dict[str, Any]:
    """Device keys and the app's keys; the product keeps them sealed, the control in a file."""
    found: dict[str, Any] = json.loads(Path(setting("SECRETS")).read_text())
    return found


def engine() -> AsyncEngine:
    return create_async_engine(setting("DATABASE_URL"), pool_size=10, max_overflow=20)


_makers: list[async_sessionmaker[AsyncSession]] = []


def session() -> AsyncSession:
    if not _makers:
        _makers.append(async_sessionmaker(engine(), expire_on_commit=False))
    return _makers[0]()


async def get_session() -> AsyncIterator[AsyncSession]:
    """FastAPI's usual dependency."""
    async with session() as opened:
        yield opened
