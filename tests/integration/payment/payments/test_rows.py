"""What the hot path's functions take is one row each, made from a dataclass: names, order and types
of the two agree, so that no value can come to stand in another one's place."""

import asyncio
import types
from dataclasses import fields
from datetime import datetime
from typing import Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from services.payment.payments.store import PaymentChange
from services.payment.snapshot import NewPayment
from shared.migrate import migrate

pytestmark = pytest.mark.asyncio

OUTBOX = ["event_id", "topic", "key", "type", "payload", "created_at"]
"""outbox.Row without the tenant, which is the payment's"""
OID = "SELECT oid::int FROM pg_type WHERE typname = 'new_payment'"
SQL = {
    UUID: {"uuid"},
    str: {"text"},
    bytes: {"bytea"},
    bool: {"boolean"},
    int: {"bigint", "integer"},
    float: {"double precision"},
    datetime: {"timestamp with time zone"},
}


def kinds(hint):
    """The plain types that a field's value may have, None left out."""
    if get_origin(hint) in (Union, types.UnionType):
        return set().union(*map(kinds, get_args(hint))) - {type(None)}
    if get_origin(hint) is Literal:
        return {type(value) for value in get_args(hint)}
    return {hint}


async def members(shop, name):
    rows = await shop.place.fetch(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS kind FROM pg_attribute a"
        " JOIN pg_type t ON t.typrelid = a.attrelid WHERE t.typname = $1 AND a.attnum > 0"
        " ORDER BY a.attnum",
        name,
    )
    return [(row["attname"], row["kind"]) for row in rows]


@pytest.mark.parametrize(
    ("shape", "name"), [(NewPayment, "new_payment"), (PaymentChange, "payment_change")]
)
async def test_the_row_has_the_dataclasss_fields_in_its_order(shop, shape, name):
    found = await members(shop, name)
    own = [field.name for field in fields(shape)]
    assert [member for member, _ in found] == [*own, "event"]
    hints = get_type_hints(shape)
    for member, kind in found[:-1]:
        (python,) = kinds(hints[member])
        assert kind in SQL[python], member


async def test_the_event_is_an_outbox_row(shop):
    assert [member for member, _ in await members(shop, "outbox_event")] == OUTBOX


@pytest.mark.parametrize("shape", [NewPayment, PaymentChange])
async def test_no_value_is_given_by_its_place(shape):
    with pytest.raises(TypeError):
        shape(*(None for _ in fields(shape)))


async def test_a_process_lives_through_another_migration(shop, till):
    """Each migration drops the functions and their types and makes them anew; a process that runs
    meanwhile has prepared its statements with the old ones."""
    assert (await till.pay(700))["status"] == "paid"
    before = await shop.place.value(OID)
    await asyncio.to_thread(migrate, "services.payment", shop.place.owner_url)
    assert await shop.place.value(OID) != before
    assert (await till.pay(800))["status"] == "paid"
