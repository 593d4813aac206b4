"""The control's background processes: the relay and the two consumers."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tests.bench.control.models import Coupon, Grant, Inbox, Order, OrderLine, Outbox, now
from tests.bench.control.settings import session, setting

TOPIC = "control.payments"

Handler = Callable[[AsyncSession, dict[str, Any]], Awaitable[None]]


async def relay() -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=setting("KAFKA"), acks="all", enable_idempotence=True, linger_ms=0
    )
    await producer.start()
    while True:
        async with session() as opened:
            rows = (
                await opened.scalars(
                    select(Outbox)
                    .where(Outbox.published_at.is_(None))
                    .order_by(Outbox.seq)
                    .limit(100)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            for row in rows:
                await producer.send_and_wait(row.topic, row.payload, key=row.key.encode())
                row.published_at = now()
            await opened.commit()
        if not rows:
            await asyncio.sleep(0.025)


async def consume(name: str, handle: Handler) -> None:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=setting("KAFKA"),
        group_id=f"control-{name}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    while True:
        try:
            await consumer.start()
            break
        except KafkaError:
            await asyncio.sleep(0.5)
    while True:
        batches = await consumer.getmany(timeout_ms=1000)
        for records in batches.values():
            for record in records:
                event = json.loads(record.value)
                async with session() as opened:
                    if await opened.get(Inbox, (name, event["id"])) is None:
                        opened.add(Inbox(consumer=name, event_id=event["id"]))
                        await handle(opened, event)
                        await opened.commit()
        if batches:
            await consumer.commit()


async def record_order(opened: AsyncSession, event: dict[str, Any]) -> None:
    paid = event["type"] == "payment.succeeded.v1"
    order = Order(
        order_no=f"D{random.randrange(10**13, 10**14)}",
        merchant_id=event["merchant_id"],
        payment_id=event["payment_id"],
        store_id=event["store_id"],
        total_fen=event["total_fen"],
        state="completed" if paid else "cancelled",
        pay_state="paid" if paid else "unpaid",
        ordered_at=now(),
    )
    opened.add(order)
    await opened.flush()
    opened.add(OrderLine(order_no=order.order_no, what=event["type"], at=now()))


async def grant_reward(opened: AsyncSession, event: dict[str, Any]) -> None:
    if event["type"] != "payment.succeeded.v1":
        return
    coupon = Coupon(
        merchant_id=event["merchant_id"],
        buyer_id=event["buyer_id"],
        value_fen=100,
        valid_until=now() + timedelta(days=30),
    )
    opened.add(coupon)
    await opened.flush()
    opened.add(Grant(payment_id=event["payment_id"], coupon_id=coupon.id, draws=2))


async def order() -> None:
    await consume("order", record_order)


async def campaign() -> None:
    await consume("campaign", grant_reward)
