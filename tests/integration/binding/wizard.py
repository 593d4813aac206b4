"""The setup wizard as a merchant's owner, the worker and the devices see it."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from services.binding.consumers import note_devices, note_gone_devices
from services.binding.onboarding import live_check
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked
from tests.fixtures.events import sample

MAP = "/api/merchant/v1/onboarding"
APPS = "/api/merchant/v1/apps"
HOSTS = ("pay.damselfly.test", "h5.damselfly.test")
PERMISSIONS = ["apps.read", "apps.write", "onboarding.check", "onboarding.write", "stores.write"]
REVIEW = {
    "app_english_name": "Tea house",
    "app_slogan": "刷脸付款，一步到位，省心省力",
    "app_desc": "在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
    "service_phone": "4000000000",
    "version_desc": "首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
}


@dataclass
class Wizard:
    """`await wizard()` looks, `await wizard("1.3", "done")` does; both answer {row: line} and the
    map itself under "map"."""

    binding: Any
    clock: Any
    tenant_id: UUID
    owner: Any
    app_body: Any
    device: Any
    """the device service, which looks after the life of the mini program"""
    is_sandbox: bool = False

    @property
    def platform(self):
        return self.binding.platform

    async def __call__(self, row=None, door=None, **body):
        answer = (
            await self.owner("POST", f"{MAP}/rows/{row}/{door}", body)
            if row
            else await self.owner("GET", MAP)
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return {"map": found} | {
            line["row"]: line for step in found["steps"] for line in step["rows"]
        }

    async def states(self, *names):
        found = await self()
        return {found[name]["state"] for name in names}

    async def bind(self, **changes):
        answer = await self.owner("PUT", APPS, self.app_body(**changes))
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def store(self, name="总店"):
        answer = await self.owner("POST", "/api/merchant/v1/stores", {"name": name})
        assert answer.status_code == 201, answer.text

    async def work(self):
        """A worker's rounds until nothing is due; how many rows were looked at."""
        on = self.binding.app.state.onboarding
        await live_check.check_due(on.deps, on.egress)
        return await self.device.rounds(on)

    async def later(self, seconds):
        self.clock.advance(seconds)
        return await self.work()

    async def uploaded(self, version="1.0.0"):
        """Bound, and a version is there."""
        await self.bind()
        await self.work()
        await self("1.3", "done")
        await self("3.3", "run", form={"app_version": version})
        return await self("3.3", "check")

    def in_sandbox(self):
        """From now on Alipay is the sandbox."""
        self.is_sandbox = True
        on = self.binding.app.state.onboarding
        self.binding.app.state.onboarding = replace(on, deps=replace(on.deps, is_sandbox=True))

    async def enrol(self, sn, device_id=None, tenant_id=None, kind="terminal"):
        """As the device service tells it."""
        device_id = device_id or uuid4()
        event = sample(
            DeviceEnrolled, tenant_id=tenant_id or self.tenant_id, device_id=device_id, sn=sn,
            occurred_at=self.clock.now(), kind=kind,
        )  # fmt: skip
        await self._hear(note_devices, event)
        return device_id

    async def revoke(self, device_id):
        event = sample(
            DeviceRevoked, tenant_id=self.tenant_id, device_id=device_id,
            occurred_at=self.clock.now(),
        )  # fmt: skip
        await self._hear(note_gone_devices, event)

    async def _hear(self, handler, event):
        deps = replace(self.binding.deps, is_sandbox=self.is_sandbox)
        async with self.binding.deps.db.pg(None) as pg:
            await handler(deps, pg, [event])
