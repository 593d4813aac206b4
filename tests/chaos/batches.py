"""How many rows payment-api's statements wrote, read from its metrics while a run goes on.

The counters of a process begin anew when it is started again: what was last read of each process is
kept, so at most the last moment before a kill is missing.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.processes import Stack

EVERY_S = 0.25
ENOUGH_ROWS = 2
"""A burst must make at least one statement write more rows than this."""


@dataclass
class _Sizes:
    """The counters of one process."""

    statements: int = 0
    rows: int = 0
    within: Counter[int] = field(default_factory=Counter)
    """by bound: the statements that wrote no more rows than that"""


@dataclass
class Batches:
    """The sizes of batches, of every process that was read."""

    _read: dict[tuple[str, float], _Sizes] = field(default_factory=dict)
    """by the process's name and start: the newest counters"""

    def take(self, name: str, text: str) -> None:
        """The metrics of a process as it shows them."""
        found, started = _Sizes(), 0.0
        samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
        for sample in samples:
            count = int(sample.value)
            match sample.name:
                case "process_start_time_seconds":
                    started = sample.value
                case "payment_batch_rows_count":
                    found.statements += count
                case "payment_batch_rows_sum":
                    found.rows += count
                case "payment_batch_rows_bucket" if sample.labels["le"] != "+Inf":
                    found.within[int(float(sample.labels["le"]))] += count
        if started:
            self._read[name, started] = found

    @property
    def rows_max_bucket(self) -> int:
        """The smallest bound that no statement exceeded; 0: no statement was seen. A statement
        above the last bound counts as twice that bound."""
        if not self.statements:
            return 0
        within = sum((one.within for one in self._read.values()), Counter[int]())
        held = [bound for bound, count in within.items() if count == self.statements]
        return min(held, default=2 * max(within, default=0))

    @property
    def statements(self) -> int:
        return sum(one.statements for one in self._read.values())

    def document(self) -> dict[str, float]:
        rows = sum(one.rows for one in self._read.values())
        return {
            "rows_max_bucket": self.rows_max_bucket,
            "rows_mean": round(rows / self.statements, 2) if self.statements else 0.0,
            "statements": self.statements,
            "rows": rows,
        }

    async def watch(self, stack: Stack) -> None:
        """Reads until cancelled."""
        urls = {
            name: url
            for name, url in stack.info["metrics"].items()
            if name.partition(".")[0] == "payment-api"
        }
        async with httpx.AsyncClient(timeout=2) as client:
            while True:
                for name, url in urls.items():
                    await self._read_one(client, name, url)
                await asyncio.sleep(EVERY_S)

    async def _read_one(self, client: httpx.AsyncClient, name: str, url: str) -> None:
        try:
            self.take(name, (await client.get(url)).text)
        except httpx.HTTPError:
            return  # it was killed, and comes back
