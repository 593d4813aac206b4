"""Applies a stored notice: settles its payment, or queries the channel first."""

from services.payment.channels.port import Fact, Paid, TradeClosed, TradeNotFound, Unclear, Waiting
from services.payment.deps import Deps
from services.payment.leases import renewed
from services.payment.notices import store
from services.payment.notices.store import DueNotice, NoticeName
from services.payment.payments.repo import payment_by_trade
from services.payment.payments.rules import NOTHING_TAKEN, OPEN
from services.payment.payments.settlement import settle
from services.payment.snapshot import Payment, State

NOTICE_LEASE_S = 5.0

_QUERY_RESULTS: dict[type[Fact], str] = {
    Paid: "paid",
    Waiting: "waiting",
    TradeNotFound: "not_found",
    TradeClosed: "closed",
}


async def apply_notice(deps: Deps, name: NoticeName, paid: Paid | None, payment: Payment) -> None:
    """Applies a stored notice; it was compared with our row when it was stored. Money after the end
    is booked only if the query reports it, too."""
    if payment.state in OPEN and paid is not None:
        payment = await settle(deps, payment, paid, is_lease_kept=True, notice=name[1:])
    elif payment.state in OPEN or payment.state in NOTHING_TAKEN:
        fact = await deps.channels.of(payment).query(payment)
        if isinstance(fact, Unclear):
            return
        payment = await settle(deps, payment, fact, is_lease_kept=True, notice=name[1:])
    if payment.state in OPEN or payment.state is State.CANCELLING:
        # Not decided yet: the notice stays open and becomes due again.
        return
    if payment.state is State.MANUAL:
        await store.close_notice(deps.db, name, "MISMATCH", "manual")
    else:
        await store.close_notice(deps.db, name, "DUPLICATE", "settled_before")


async def ask_about(deps: Deps, name: NoticeName, payment: Payment) -> None:
    """Queries the channel about a quarantined notice, which decides nothing by itself: only the
    query's result counts (reliability-security §5.8.10). Without a clear result the notice becomes
    due again."""
    fact = await deps.channels.of(payment).query(payment)
    if isinstance(fact, Unclear):
        await store.record_query(deps.db, name, f"unclear: {fact.reason}", is_final=False)
        return
    await settle(deps, payment, fact, is_lease_kept=True)
    await store.record_query(deps.db, name, _QUERY_RESULTS[type(fact)], is_final=True)


async def look_at_notice(deps: Deps, due: DueNotice) -> None:
    """Processes a notice that was not settled on arrival, or that was quarantined."""
    lease_s = min(NOTICE_LEASE_S, deps.schedule.lease_s)
    async with renewed(lease_s, lambda: store.renew_notice(deps.db, due.name, lease_s)):
        await _look_at_notice(deps, due)


async def _look_at_notice(deps: Deps, due: DueNotice) -> None:
    async with deps.db.read(due.name.tenant_id) as tx:
        row = await payment_by_trade(tx, due.name.tenant_id, due.out_trade_no)
    if row is None:
        return
    if due.verdict == "MISMATCH":
        await ask_about(deps, due.name, row)
    else:
        await apply_notice(deps, due.name, due.paid, row)
