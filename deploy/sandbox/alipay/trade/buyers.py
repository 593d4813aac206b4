"""Buyers who confirm on their phone some time later, and deadlines that pass."""

from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.trade import trades
from deploy.sandbox.kit.agenda import Agenda
from deploy.sandbox.kit.clock import RealClock
from deploy.sandbox.kit.ledger import Ledger, Tx

WAITING = "SELECT * FROM trades WHERE status = 'WAIT_BUYER_PAY'"


class Buyers:
    """Applies confirmations and deadlines without waiting for the next request about the trade."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._agenda: Agenda[tuple[str, str]] = Agenda(RealClock(), self._apply_due)
        for row in ledger.read(WAITING):
            trade = trade_row.from_row(row)
            self.expect(trade_row.next_due_ms(trade), trade.app_id, trade.out_trade_no)

    def expect(self, due_ms: int, app_id: str, out_trade_no: str) -> None:
        self._agenda.push(due_ms, (app_id, out_trade_no))

    async def _apply_due(self, key: tuple[str, str]) -> None:
        def apply_due(tx: Tx) -> None:
            trades.find(tx, *key)

        await self._ledger.do(apply_due)

    async def run(self) -> None:
        await self._agenda.run()
