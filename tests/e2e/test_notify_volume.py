"""The programs for notices in bulk, at a small scale (reliability §8 #6, #7)."""

import json

import pytest

from tests.conformance import copies, forged
from tests.e2e.world import World

pytestmark = pytest.mark.asyncio


async def test_forged_notices_in_bulk(world: World) -> None:
    """F15, INC-4, INC-5, INC-7, INC-8: 3,000 of every kind: none believed, nothing changed, no
    5xx; and each reason was met, so the forgeries are really looked at."""
    summary = await forged.run(world.stack, 3000, seed=7)
    assert forged.is_clean(summary), json.dumps(summary)
    assert summary["count"] == 3000
    reasons = set(summary["refused_by_reason"])
    assert {
        "ambiguous", "base64", "charset", "content_type", "duplicate", "no_sign", "other_app",
        "sign_type", "signature", "unknown_route",
    } <= reasons  # fmt: skip
    assert "too_large" not in reasons, "such a body is refused before it is read"
    assert "rate_limited" not in reasons
    assert summary["acknowledged_replays"] == summary["by_kind"]["replayed"]


async def test_many_copies_are_one_effect(world: World) -> None:
    """F9, F10, F11, G6: 30 payments, 20 shuffled copies each, 32 at a time."""
    summary = await copies.run(world.stack, world.device, 30, 20, seed=7)
    assert copies.is_clean(summary), json.dumps(summary)
    assert summary["payments"] == 30
