"""A payment channel has one name: in payments, in their events, in the tables, and for people."""

import re
from typing import get_args

import pytest

from services.payment.snapshot import ChannelName
from shared.contracts.events.payment import Channel
from tests.architecture.test_schema import Get
from tests.architecture.test_texts import texts

NAMES = {*get_args(ChannelName), "none"}


def test_the_events_carry_every_channel() -> None:
    assert set(get_args(Channel)) == NAMES, "Channel of shared/contracts/events/payment.py"


@pytest.mark.asyncio
@pytest.mark.parametrize(("service", "table"), [("payment", "payments"), ("order", "orders")])
async def test_the_tables_take_every_channel(service_db: Get, service: str, table: str) -> None:
    rule = await service_db(service).value(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
        f"ck_{table}_channel",
    )
    found = set(re.findall(r"'(\w+)'", rule))
    assert found == NAMES, f"a migration of {service} must change ck_{table}_channel"


def test_people_read_a_name_for_every_channel() -> None:
    said = {name for name in NAMES if f"channel.{name}" in texts()}
    assert said == NAMES, "channel.<name> in gateway/spa/console/src/texts/pages/orders.ts"
