"""Rings when a build, a review or an installation is due, so that messages go out by themselves."""

from deploy.sandbox.alipay.platform import inventory, releases
from deploy.sandbox.kit.agenda import Agenda
from deploy.sandbox.kit.clock import ScaledClock
from deploy.sandbox.kit.ledger import Ledger, Tx

DUE = """
SELECT due FROM mini_versions WHERE due IS NOT NULL
UNION SELECT due FROM devices WHERE due IS NOT NULL
"""


class Lifecycle:
    """Time does to the platform what it would do when somebody next asked."""

    def __init__(self, ledger: Ledger, clock: ScaledClock) -> None:
        self._ledger = ledger
        self._agenda: Agenda[None] = Agenda(clock, self._ripen)
        for row in ledger.read(DUE):
            self.expect(row["due"])

    def expect(self, due: int) -> None:
        self._agenda.push(due, None)

    def wake(self) -> None:
        """The clock's speed has changed."""
        self._agenda.wake()

    async def _ripen(self, key: None) -> None:
        def ripen(tx: Tx) -> None:
            releases.ripen_all(tx)
            inventory.ripen_all(tx)

        await self._ledger.do(ripen)

    async def run(self) -> None:
        await self._agenda.run()
