"""The situations in which two commits are compared (`tests.bench.against`)."""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from tests.bench.load import Load
from tests.bench.merchants import add_merchants
from tests.bench.rounds import check_load, event_lags, slow_channel, window
from tests.bench.stacks import Product

DEVICES = (1, 8, 32, 64)
MERCHANTS, OF_EACH = 8, 4
REST_S = 0.5
LAG = "event_lag_p99_ms"


@dataclass(frozen=True, slots=True)
class Situation:
    name: str
    devices: int
    says: str = "one payment after the other"
    is_paced: bool = False
    is_slow: bool = False
    has_merchants: bool = False

    @property
    def title(self) -> str:
        return f"{self.name}: {self.devices} devices, {self.says}"


SITUATIONS = (
    *(Situation(str(count), count) for count in DEVICES),
    Situation("half", 32, "at half of the slower commit's rate", is_paced=True),
    Situation("slow", 8, "Alipay takes 200 ms", is_slow=True),
    Situation("merchants", MERCHANTS * OF_EACH, f"of {MERCHANTS} merchants", has_merchants=True),
)


class Bench:
    """The builds under comparison and their devices."""

    def __init__(self, builds: Mapping[str, Product], seconds: float) -> None:
        self._builds = builds
        self._seconds = seconds
        self._loads = {name: Load(*build.address, build.devices) for name, build in builds.items()}
        self._of_many: dict[str, Load] = {}
        self._pace_s = 0.0

    async def prepare(self) -> tuple[Situation, ...]:
        """Makes the merchants, and learns the pace that is half of what the slower build can do.
        Returns what can be measured: an old commit's console may make merchants otherwise."""
        rates = []
        for name, build in self._builds.items():
            with suppress(httpx.HTTPStatusError):
                devices = await add_merchants(build, MERCHANTS, OF_EACH)
                # Another seed: the channel accepts a buyer's code once.
                self._of_many[name] = Load(*build.address, devices, seed=2)
            warm = await self._loads[name].run(32, self._seconds, warm_s=1.0)
            rates.append(check_load(f"warm-up of {name}", warm).per_s)
        self._pace_s = 32 / (min(rates) / 2)
        has_many = len(self._of_many) == len(self._builds)
        return tuple(one for one in SITUATIONS if has_many or not one.has_merchants)

    async def measure(self, name: str, situation: Situation) -> dict[str, Any]:
        """One window of one build."""
        build = self._builds[name]
        load = (self._of_many if situation.has_merchants else self._loads)[name]
        lags = event_lags(build) if situation.is_paced else nullcontext({})
        channel = slow_channel(build) if situation.is_slow else nullcontext()
        async with lags as found, channel:
            figures = await window(
                build, load, situation.devices, self._seconds,
                warm_s=REST_S, every_s=self._pace_s if situation.is_paced else 0.0,
            )  # fmt: skip
        return figures | found
