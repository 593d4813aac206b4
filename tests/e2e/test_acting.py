"""Through the real edge and to every service: what an operator can change who acts for a merchant
and holds all that can be given; and that it is over at the next request (S131, S132)."""

import re
from typing import Any
from uuid import uuid4

import pytest

from tests.architecture.test_acting import GIVEN, HELPS, NEVER, VERIFIES, M
from tests.e2e.test_people import operator_of, owner_of
from tests.e2e.world import World, eventually
from tests.fixtures.console import Console

pytestmark = pytest.mark.asyncio
WHY = "工单 4712：协助开通"


def _somewhere(door: str) -> tuple[str, str]:
    """(method, path) of a door, with ids of the right form that nobody has."""
    ids: dict[str, Any] = {"app_id": "2021000000000077", "row": "1.1", "key_id": "dk_nobody"}
    method, path = door.split(" ")
    told = re.sub(r"\{(\w+)\}", lambda found: str(ids.get(found[1], uuid4())), path)
    return method, told.removeprefix(M)


async def test_every_door_with_every_grant(world: World) -> None:
    """The step-up is fresh, the bodies are empty: what opens answers something else than 403."""
    merchant_id = world.stack.info["demo"]["merchant_id"]
    async with operator_of(world) as operator, owner_of(world) as owner:
        await operator.step_up()
        await owner.step_up()
        wanted = {"merchant_id": merchant_id, "reason": WHY, "minutes": 30}
        asked = await operator.post("/acting/grants", wanted | {"permission_set": "setup"})
        assert asked.status_code == 201, asked.text
        grant_id = asked.json()["grant_id"]
        try:
            assert (await operator.post("/acting", wanted)).status_code == 201
            async with Console(world.stack.public, headers=operator.headers) as there:
                await _try_all(there, owner, f"/acting/grants/{grant_id}")
        finally:
            await operator.post(f"/acting/grants/{merchant_id}/{grant_id}/withdraw", {})


async def _try_all(there: Console, owner: Console, grant: str) -> None:
    given = [_somewhere(door) for door in GIVEN]
    for method, door in given:
        assert (await there.ask(method, door, {}, {})).status_code == 403, door
    assert (await owner.post(f"{grant}/give", {})).status_code == 200

    async def opened() -> Any:
        return (await there.post("/stores", {})).status_code == 422

    await eventually(opened, limit_s=25)
    for method, door in [*given, *map(_somewhere, HELPS | VERIFIES)]:
        answer = await there.ask(method, door, {}, {})
        assert answer.status_code != 403, (method, door, answer.text)
    for method, door in map(_somewhere, NEVER):
        answer = await there.ask(method, door, {}, {})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden"), door
    assert (await owner.post(f"{grant}/withdraw", {})).status_code == 204

    async def out() -> Any:
        return (await there.get("/stores")).status_code == 403

    await eventually(out, limit_s=25)
