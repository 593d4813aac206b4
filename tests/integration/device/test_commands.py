"""`codes new`: a code for a known store, patience for one on its way, one line for the others."""

import asyncio
import json
import os
from uuid import uuid4

import pytest

from services.device import commands
from services.device.devices.service import record_stores
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from tests.fixtures.clock import NOON, FixedClock
from tests.integration.device.conftest import MERCHANT

pytestmark = pytest.mark.asyncio
ENROL = ("POST", "/api/device/v1/enrol")


def words(store_id, *more):
    given = ["codes", "new", "--merchant", str(MERCHANT), "--store", str(store_id), *more]
    return commands.parse(given)


async def test_a_code_for_a_known_store(device, store):
    made = await commands.new_code(device.deps, words(store, "--sn", "SMIT3B0001"))
    assert made["expires_at"] == "2026-11-23T04:10:00Z"
    assert (made["store_id"], made["merchant_id"]) == (store, MERCHANT)
    other = await device.edge(*ENROL, {"code": made["code"], "sn": "SMIT3B0002"})
    assert other.json()["code"] == "device.sn_mismatch"
    right = await device.edge(*ENROL, {"code": made["code"], "sn": "SMIT3B0001"})
    assert right.status_code == 201


async def test_a_store_on_its_way_is_waited_for(device, clock):
    store_id = uuid4()
    asking = asyncio.ensure_future(commands.new_code(device.deps, words(store_id)))
    await asyncio.sleep(0.25)
    assert not asking.done()
    event = StoreCreated(**stamp(MERCHANT, clock), store_id=store_id, name="Main street")
    async with device.deps.db.pg(None) as pg:
        await record_stores(pg, [event, event])
    assert (await asking)["store_id"] == store_id


class Impatient(FixedClock):
    """Each look at it takes four seconds."""

    def monotonic(self):
        self.advance(4)
        return super().monotonic()


async def test_a_store_that_does_not_come(device):
    from dataclasses import replace

    deps = replace(device.deps, clock=Impatient(NOON))
    with pytest.raises(commands.BadInput, match="no such store"):
        await commands.new_code(deps, words(uuid4()))


async def test_json_on_stdout_complaints_on_stderr(device, store, kek_file, command_line):
    def run(*more):
        return command_line(
            "services.device", "codes", "new", "--merchant", MERCHANT, "--store", store, *more,
            env={
                "PATH": os.environ["PATH"],
                "DATABASE_URL_DEVICE": device.database.app_url,
        "DATABASE_SYSTEM_URL_DEVICE": device.database.system_url,
                "KEK_FILE": str(kek_file),
            },
        )  # fmt: skip

    done = run()
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["code"]) == 19
    refused = run("--sn", "a b")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "--sn" in refused.stderr
