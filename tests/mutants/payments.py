"""The payment's state machine and books."""

from tests.mutants.patch import Patch

RULES_FILE = "services/payment/payments/rules.py"
SETTLEMENT = "services/payment/payments/settlement.py"
REFUNDS = "services/payment/refunds/service.py"
BELIEVING = ("tests/integration/payment/payments/test_believing.py",)
LEASES = ("tests/integration/payment/test_leases.py",)
NOTICES = "tests/integration/payment/notices"
NOTICE_SQL = "services/payment/notices/store.sql"
SUSPENDED = "tests/integration/payment/payments/test_suspended.py"
ORDER_SCOPE = "tests/integration/order/test_scope.py"
WRITES = "services/payment/writes.py"
BATCHES = ("tests/integration/payment/payments/test_batches.py",)
SETS = "tests/integration/payment/payments/test_sets.py"
RULES = ("tests/unit/payment/payments/test_rules.py", "tests/unit/payment/payments/test_machine.py")

PATCHES = (
    Patch(
        RULES_FILE,
        "another amount than ours is booked as paid",
        "case Paid() if fact.total_fen == payment.payable_fen:",
        "case Paid():",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "no clear answer after the pay call counts as failed",
        "decision = Decision(still, poll_s=0.0 if is_new_doubt else",
        "decision = _failed('doubt', '') if is_new_doubt else Decision(still, poll_s=",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "a trade that the channel has shown may fail as never sent",
        "case Unsent() if payment.state is not S.PAYING:",
        "case Unsent():",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "nothing to cancel is believed while the pay call may be on its way",
        "if is_on_its_way\n",
        "if not is_on_its_way\n",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "a cancel that gave money back counts as closed",
        'case Cancelled(action="refund") | TradeClosed(was_paid=True):',
        "case TradeClosed(was_paid=True):",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "late money of another amount is booked as ours",
        "if paid.total_fen != payment.payable_fen:\n        return None",
        "if paid.total_fen < 0:\n        return None",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "a reversed payment may be refunded",
        "S.REVERSED: frozenset(),",
        "S.REVERSED: frozenset({S.REFUNDED}),",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "a move outside the table goes through",
        "if new not in TRANSITIONS[old]:",
        "if new not in TRANSITIONS:",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "a cancel is given up at once",
        "if (at - since).total_seconds() >= schedule.give_up_s",
        "if (at - since).total_seconds() >= 0",
        RULES,
    ),
    Patch(
        RULES_FILE,
        "an unsolved payment is shown as failed",
        'S.MANUAL: "pending",',
        'S.MANUAL: "failed",',
        (RULES[0], "tests/integration/payment/payments/test_start.py"),
    ),
    Patch(
        SETTLEMENT,
        "nothing to cancel is believed without a query",
        "return fact if isinstance(seen, TradeNotFound) else _not_paid(seen)\n"
        "        case Refused():",
        "return fact\n        case Refused():",
        BELIEVING,
    ),
    Patch(
        "services/payment/notices/settlement.py",
        "a late paid notice on a closed payment is believed without asking",
        "if payment.state in OPEN and paid is not None:\n        payment =",
        "if payment.state in OPEN | NOTHING_TAKEN and paid is not None:\n        payment =",
        BELIEVING,
    ),
    Patch(
        NOTICE_SQL,
        "a notice of another channel about our number is believed",
        "\n      OR p_payment.channel IS DISTINCT FROM p_channel",
        "",
        (f"{NOTICES}/test_notices.py", "tests/integration/payment/channels/test_second_channel.py"),
    ),
    Patch(
        NOTICE_SQL,
        "a replay forgets what is wrong with the notice's own words",
        "p_fault => notice.fault",
        "p_fault => NULL",
        (f"{NOTICES}/test_notice_desk.py",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "the database books another amount than the payment's",
        "AND (p_move.paid_fen IS NULL OR p.payable_fen = p_move.paid_fen)",
        "AND (p_move.paid_fen IS NULL OR p_move.paid_fen > 0)",
        BELIEVING,
    ),
    Patch(
        REFUNDS,
        "a refund that a crash left SUBMITTED is rejected by a refused resend",
        'if refund.state == "SUBMITTED" else fact',
        'if refund.state == "UNKNOWN" else fact',
        LEASES,
    ),
    Patch(
        REFUNDS,
        "a resent refund counts as sent for the first time",
        "return await _send(deps, payment, refund, is_repeated=True)",
        "return await _send(deps, payment, refund, is_repeated=False)",
        LEASES,
    ),
    Patch(
        "services/payment/leases.py",
        "a lease is not renewed while its round goes on",
        "if not await renew():",
        "if True:",
        LEASES,
    ),
    Patch(
        "services/payment/channels/alipay.py",
        "query and cancel name no key version",
        'request["key_version"] = payment.key_version',
        "pass",
        ("tests/integration/payment/channels/test_key_pins.py",),
    ),
    Patch(
        REFUNDS,
        "a refund that is tried again reserves nothing",
        "        is_early = await _reserved(tx, payment, refund.amount_fen)\n",
        "        is_early = False\n",
        ("tests/integration/payment/refunds/test_refund_retry.py",),
    ),
    Patch(
        "services/payment/refunds/repo.py",
        "a person of one store sees the refunds of all",
        "    if wanted.stores:\n",
        "    if wanted.stores and False:\n",
        ("tests/integration/payment/refunds/test_refund_list.py",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "a suspended merchant takes payments that wait together",
        "WHERE h.tenant_id = (p_new[1]).tenant_id AND h.is_suspended)",
        "WHERE false)",
        (f"{SETS}::test_an_odd_one_gets_its_own_verdict_and_the_others_are_created",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "a payment that is not ordinary is lost among others",
        "IF cardinality(made) IS DISTINCT FROM cardinality(p_new) THEN",
        "IF false THEN",
        (f"{SETS}::test_an_odd_one_gets_its_own_verdict_and_the_others_are_created",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "a change among others finds another version",
        " AND p.version = n.version",
        "",
        (f"{SETS}::test_each_change_together_is_as_if_made_alone",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "a change among others books another amount than ours",
        "          AND (n.paid_fen IS NULL OR p.payable_fen = n.paid_fen)\n",
        "",
        (f"{SETS}::test_each_change_together_is_as_if_made_alone",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "the plan of a small table is kept for a large one",
        "THEN 'force_custom_plan' ELSE",
        "THEN 'force_generic_plan' ELSE",
        (f"{SETS}::test_the_plan_of_a_small_table_is_right_for_a_large_one",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "a suspended merchant takes payments",
        "h WHERE h.tenant_id = p_new.tenant_id AND h.is_suspended)\n    AND (p_new.is_own_store\n",
        "h WHERE false)\n    AND (p_new.is_own_store\n",
        (f"{SUSPENDED}::test_new_payments_are_refused_with_words_until_it_is_lifted",),
    ),
    Patch(
        "shared/standings.py",
        "an older word of a merchant's suspension counts",
        "WHERE merchant_standings.said_at <= excluded.said_at\n",
        "",
        (f"{SUSPENDED}::test_the_latest_word_counts_in_whichever_order_it_comes",),
    ),
    Patch(
        "services/order/repo.py",
        "a person of one store sees the orders of all",
        "    if wanted.stores:\n",
        "    if wanted.stores and False:\n",
        (f"{ORDER_SCOPE}::test_the_order_list",),
    ),
    Patch(
        "services/order/repo.py",
        "a store that is not theirs shows a person of one store the money of all",
        "    if stores is not None:\n",
        "    if stores:\n",
        (f"{ORDER_SCOPE}::test_the_dashboard",),
    ),
    Patch(
        "services/order/service.py",
        "a person of one store sees the money of any",
        "if store in visible_stores]",
        "if True]",
        (f"{ORDER_SCOPE}::test_the_dashboard",),
    ),
    Patch(
        "services/order/repo.py",
        "paid_at is the last fact's",
        "paid_at = least(o.paid_at, f.paid_at),",
        "paid_at = greatest(o.paid_at, f.paid_at),",
        ("tests/integration/order/test_projection.py",),
    ),
    Patch(
        "services/campaign/domain.py",
        "a sale of nothing earns a reward",
        "if paid_fen <= 0:",
        "if paid_fen < 0:",
        ("tests/integration/campaign/test_limits.py::test_a_sale_of_nothing_gives_nothing",),
    ),
    Patch(
        "services/campaign/repo.py",
        "two grants at once look at the limits side by side",
        " ORDER BY tenant_id FOR NO KEY UPDATE",
        " ORDER BY tenant_id",
        ("tests/integration/campaign/test_limits.py::test_parallel_grants_never_exceed_a_limit",),
    ),
    Patch(
        "services/campaign/store.sql",
        "a grant is rewritten",
        "    WHERE g.granted_at IS NULL",
        "    WHERE true",
        ("tests/integration/campaign/test_limits.py::test_a_grant_is_never_rewritten",),
    ),
    Patch(
        "services/campaign/store.sql",
        "one statement grants beyond a limit",
        "IF beyond > 0",
        "IF beyond > 99",
        ("tests/integration/campaign/test_limits.py",),
    ),
    Patch(
        "services/order/repo.py",
        "one statement claims an event without an order for it",
        "require_all(count(*), $3)",
        "count(*)",
        ("tests/integration/order/test_projection.py",),
    ),
    Patch(
        "shared/tables/claims.sql",
        "one statement applies an event again",
        "IF p_written <> cardinality(p_events)",
        "IF p_written < 0",
        ("tests/integration/campaign/test_at_once.py",),
    ),
    Patch(
        "services/campaign/repo.py",
        "a refund looks for the coupon before it has waited for the grant",
        "    await pg.execute(_REVOKE, tenants, payments, stores, devices, at)\n"
        "    await pg.execute(_REVOKE_COUPONS, tenants, payments, at)\n",
        "    await pg.execute(_REVOKE_COUPONS, tenants, payments, at)\n"
        "    await pg.execute(_REVOKE, tenants, payments, stores, devices, at)\n",
        (
            "tests/integration/campaign/test_races.py"
            "::test_a_refund_waits_for_the_reward_that_is_being_stored",
        ),
    ),
    Patch(
        WRITES,
        "a row of a batch that another transaction holds is given up",
        "if record is None or isinstance(_refusal(record), BUSY):",
        "if record is None:",
        BATCHES,
    ),
    Patch(
        WRITES,
        "a row that the database refuses counts as written",
        "if refusal is not None:",
        "if refusal == '':",
        BATCHES,
    ),
    Patch(
        WRITES,
        "a statement that is refused as a whole is the refusal of each of its rows",
        "            if len(rows) == 1:\n",
        "            if rows:\n                raise\n            if len(rows) == 1:\n",
        BATCHES,
    ),
    Patch(
        "services/payment/payments/service.py",
        "the channel is asked although a cancel may be final, or the clerk has stopped the payment",
        "if payment.state is State.SUBMITTED and not is_late:",
        "if True:",
        ("tests/integration/payment/payments/test_window.py",),
    ),
    Patch(
        "services/payment/channels/alipay.py",
        "a further try of a pay call begins however late it is",
        """            if self._clock.monotonic() > until:
                break
            reply = await self._call(""",
        "            reply = await self._call(",
        ("tests/integration/payment/payments/test_window.py",),
    ),
    Patch(
        WRITES,
        "the locked rows of one merchant take all connections",
        "asyncio.Semaphore(ALONE_MAX)",
        "asyncio.Semaphore(1000)",
        (f"{BATCHES[0]}::test_the_locks_of_one_merchant_leave_connections_to_the_others",),
    ),
    Patch(
        "services/payment/payments/store.sql",
        "the statement around a common write is planned anew at each call",
        "failure text, payment payments)\nLANGUAGE plpgsql ROWS 1\n",
        "failure text, payment payments)\nLANGUAGE plpgsql\n",
        ("tests/integration/payment/payments/test_plans.py",),
    ),
)
