"""Follows topics, so that cached data is dropped when it changes."""

import asyncio
from collections.abc import Callable, Sequence

from prometheus_client import Counter

from shared import kafka
from shared.contracts.events.base import Event
from shared.contracts.events.macs import Unproven
from shared.telemetry import get_logger

log = get_logger("tail")
_unproven = Counter(
    "tail_unproven_total", "Events that their topic's owner did not publish", ["topic"]
)


class Tail:
    """Follows topics from now on, without a consumer group or stored position. After a gap
    (`on_gap`) everything cached may be outdated."""

    def __init__(
        self,
        broker: kafka.Broker,
        topics: Sequence[str],
        on_event: Callable[[Event], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._topics = list(topics)
        self._on_event = on_event
        self._on_gap = on_gap

    async def run(self) -> None:
        """Follows until cancelled."""
        while True:
            self._on_gap()
            try:
                await self._follow()
            except (*kafka.AWAY, asyncio.CancelledError) as error:
                kafka.raise_if_ours(error)
                log.warning("tail.restart", error=repr(error))
            await asyncio.sleep(kafka.RETRY_S)

    async def _follow(self) -> None:
        client = kafka.reader(self._broker, *self._topics)
        last: dict[kafka.TopicPartition, int] = {}
        try:
            async with asyncio.timeout(kafka.START_WITHIN_S):
                await client.start()
            self._on_gap()  # events before the first known position were missed
            while True:
                for partition, records in (await kafka.polled(client)).items():
                    if records[0].offset <= last.get(partition, -1):
                        self._on_gap()  # the broker lost its data and started again
                    last[partition] = records[-1].offset
                    for record in records:
                        self._dispatch(record)
        finally:
            await kafka.close(client)

    def _dispatch(self, record: kafka.Record) -> None:
        try:
            event = self._broker.keys.read(record.topic, record.key, record.value, record.headers)
            self._on_event(event)
        except Unproven:
            _unproven.labels(record.topic).inc()
            log.warning("tail.unproven", topic=record.topic, offset=record.offset)
        except ValueError as error:
            log.warning("tail.unreadable", topic=record.topic, error=type(error).__name__)
