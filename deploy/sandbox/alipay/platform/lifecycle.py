"""Ends builds, reviews and installations when they are due, so that messages are sent in time."""

from deploy.sandbox.alipay.platform import inventory, releases
from deploy.sandbox.kit.agenda import Agenda
from deploy.sandbox.kit.clock import ScaledClock
from deploy.sandbox.kit.ledger import Ledger, Tx

DUE = """
SELECT due FROM mini_versions WHERE due IS NOT NULL
UNION SELECT due FROM devices WHERE due IS NOT NULL
"""


class Lifecycle:
    """Applies what is due without waiting for the next request about it."""

    def __init__(self, ledger: Ledger, clock: ScaledClock) -> None:
        self._ledger = ledger
        self._agenda: Agenda[None] = Agenda(clock, self._apply_due)
        for row in ledger.read(DUE):
            self.expect(row["due"])

    def expect(self, due: int) -> None:
        self._agenda.push(due, None)

    def wake(self) -> None:
        """The clock's speed has changed."""
        self._agenda.wake()

    async def _apply_due(self, key: None) -> None:
        def apply_due(tx: Tx) -> None:
            releases.apply_all_due(tx)
            inventory.apply_all_due(tx)

        await self._ledger.do(apply_due)

    async def run(self) -> None:
        await self._agenda.run()
