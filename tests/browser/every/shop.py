"""What opens where a shop works: home, orders, refunds, devices, the test cashier, stores."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.every.hand import Hand, broken
from tests.browser.every.visit import WIDE, Visit

ORDER = "/orders/{order_no}"
SOME = "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f"
NOW = datetime.now(UTC)
SOON = (NOW + timedelta(minutes=9)).isoformat()
PANEL = "pages/orders/OrderPanel Drawer 1"
REFUND = "pages/orders/refunds/RefundDialog Window 1"


def _unfold(hand: Hand, key: str) -> None:
    hand.page.locator("summary", has_text=hand.say(key)).first.click()


def _week(hand: Hand) -> None:
    _unfold(hand, "home.table")


def _column(hand: Hand) -> None:
    hand.page.locator(".chart-day").last.hover()


def _refunding(hand: Hand) -> None:
    hand.press("refunds.act", hand.dialog)
    hand.page.locator(".ant-modal").wait_for()


def _too_much(hand: Hand) -> None:
    _refunding(hand)
    hand.dialog.get_by_role("radio").last.check()
    hand.write("refunds.amount", "99999", hand.dialog)
    hand.write("refunds.reason", "少了一杯 one cup", hand.dialog)
    hand.dialog.locator(".ant-form-item-explain-error").first.wait_for()


def _refund(state: str) -> dict[str, Any]:
    return {
        "refund_id": SOME, "payment_id": SOME, "refund_request_id": "r1", "amount_fen": 1,
        "reason": "少了一杯", "origin": "console", "status": "pending", "state": state,
        "next_check_at": SOON if state == "unknown" else None, "requested_by_name": "小周",
        "created_at": NOW.isoformat(), "finished_at": None,
        "rejection": {"code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"} if state == "rejected" else None,
    }  # fmt: skip


def _gave(hand: Hand, key: str) -> None:
    _refunding(hand)
    hand.dialog.locator(".row button").first.click()
    hand.dialog.locator(".ant-modal-footer button.ant-btn-primary").click()
    expect(hand.dialog.get_by_text(hand.say(key, amount="¥0.01"), exact=True)).to_be_visible()


def _outcome(state: str) -> Visit:
    def act(hand: Hand) -> None:
        payment = {"payment_id": SOME, "refunds": [_refund(state)], "refundable_fen": 0}
        hand.answer(f"/v1/payments/{SOME}", payment)
        hand.answer("/refunds", _refund(state), status=201, method="POST")
        _gave(hand, f"refunds.is_{state}")

    return Visit(f"a refund: {state}", ORDER, act, (REFUND,))


def _unanswered(hand: Hand) -> None:
    hand.refuse("/refunds", "upstream.no_answer", 504, "POST")
    _refunding(hand)
    hand.dialog.locator(".row button").first.click()
    hand.submit()
    expect(hand.dialog.get_by_text(hand.say("refunds.outcome_unknown"))).to_be_visible()


def _order(change: dict[str, Any]) -> Any:
    def before(hand: Hand) -> None:
        hand.change(r"/v1/orders/D\d+", lambda order: order.update(change))

    return before


def _order_waits(hand: Hand) -> None:
    hand.page.route("**/api/merchant/v1/orders/D*", hand.never)


def _order_fails(hand: Hand) -> None:
    hand.page.route("**/api/merchant/v1/orders/D*", broken)


def _no_payment(hand: Hand) -> None:
    hand.refuse(r"/v1/payments/[\w-]+", "internal", 500)


def _open_refund(hand: Hand) -> None:
    hand.row.get_by_role("link").first.click()
    hand.page.locator(".ant-drawer").get_by_text("¥").first.wait_for()


# --- devices and the test cashier


def _how(hand: Hand) -> None:
    _unfold(hand, "devices.how")


def _code(hand: Hand) -> None:
    hand.press("devices.code")
    hand.dialog.get_by_role("combobox").wait_for()


def _code_store(hand: Hand) -> None:
    _code(hand)
    hand.dialog.get_by_role("combobox").click()


def _code_made(hand: Hand) -> None:
    _code(hand)
    hand.dialog.locator("button[type=submit]").click()
    hand.dialog.locator(".figure").wait_for()


def _became(state: str) -> Visit:
    def act(hand: Hand) -> None:
        device = {"name": "吧台", "sn": "QCF40000001"} if state == "used" else None
        told = {"code_id": SOME, "state": state, "device": device}
        hand.answer(r"/devices/codes/[\w-]{36}", told)
        _code_made(hand)
        hand.dialog.locator(".ant-alert").last.wait_for()

    return Visit(f"devices: a code that was {state}", "/devices", act)


def _some_code(hand: Hand) -> None:
    code = {
        "code_id": SOME, "ends_with": "7QXZ", "store_id": SOME, "store_name": "湖滨店",
        "sn": None, "created_at": NOW.isoformat(), "expires_at": SOON,
    }  # fmt: skip
    hand.answer("/devices/codes", {"items": [code]})


def _take_back(hand: Hand) -> None:
    hand.press("devices.code_revoke")


def _edit(hand: Hand) -> None:
    hand.press("do.edit", hand.row)


def _edit_store(hand: Hand) -> None:
    _edit(hand)
    hand.dialog.get_by_role("combobox").click()


def _revoke(hand: Hand) -> None:
    hand.press("devices.revoke")


def _enrol_store(hand: Hand) -> None:
    hand.page.get_by_role("main").get_by_role("combobox").first.click()


def _enrol(hand: Hand) -> None:
    hand.press("cashier.enrol")
    hand.page.get_by_label(hand.say("cashier.amount")).wait_for()


def _take_store(hand: Hand) -> None:
    _enrol(hand)
    _enrol_store(hand)


def _forget(hand: Hand) -> None:
    _enrol(hand)
    hand.press("cashier.forget")


def _charge(outcome: str) -> Visit:
    def act(hand: Hand) -> None:
        _enrol(hand)
        hand.page.get_by_label(hand.say(f"cashier.outcome_{outcome}"), exact=True).check()
        hand.press("cashier.take")
        done = 7 if outcome == "paid" else 4
        expect(hand.page.locator(".hops li.done").nth(done - 1)).to_be_visible()

    return Visit(f"the test cashier: {outcome}", "/cashier", act)


def _odd_amount(hand: Hand) -> None:
    _enrol(hand)
    hand.write("cashier.amount", "abc")
    hand.page.keyboard.press("Tab")
    hand.page.locator(".ant-form-item-explain-error").first.wait_for()


# --- stores


def _new_store(hand: Hand) -> None:
    hand.press("stores.new")


def _no_name(hand: Hand) -> None:
    _new_store(hand)
    hand.submit()
    hand.dialog.locator(".ant-form-item-explain-error").first.wait_for()


VISITS = [
    Visit("home: the week as a table", "/", _week, ("pages/home/Trend details 1",)),
    Visit("home: a day of the week", "/", _column, ("pages/home/Trend Tooltip 1",), widths=WIDE),
    Visit("an order", ORDER, opens=(PANEL,)),
    Visit("an order: paid after it was closed", ORDER, before=_order({"is_late": True}),
          opens=(PANEL,)),
    Visit("an order: not known", "/orders/D99999999999999", opens=(PANEL,), refused=("not_found",)),
    Visit("an order: loading", ORDER, opens=(PANEL,), before=_order_waits, rests=False),
    Visit("an order: failed", ORDER, opens=(PANEL,), before=_order_fails, refused=("internal",)),
    Visit("an order: its payment failed", ORDER, opens=(PANEL,), before=_no_payment,
          refused=("internal",)),
    Visit("a refund: asked for", ORDER, _refunding, (REFUND,)),
    Visit("a refund: too much", ORDER, _too_much, (REFUND,)),
    *(_outcome(state) for state in ("pending", "unknown", "done", "rejected")),
    Visit("a refund: no answer", ORDER, _unanswered, (REFUND,), refused=("upstream.no_answer",)),
    Visit("refunds: an order beside them", "/orders/refunds", _open_refund, (PANEL,)),
    Visit("refunds: no order yet", f"/orders/refunds?payment={SOME}",
          opens=("pages/orders/Refunds Drawer 1",)),
    Visit("devices: how", "/devices", _how, ("pages/devices/HowTo details 1",)),
    Visit("devices: a code for", "/devices", _code, ("pages/devices/NewCode Window 1",)),
    Visit("devices: a code for which store", "/devices", _code_store,
          ("lookups/StoreSelect Select 1",)),
    Visit("devices: a code", "/devices", _code_made, ("pages/devices/NewCode Window 1",)),
    *(_became(state) for state in ("used", "expired", "revoked")),
    Visit("devices: a code taken back", "/devices", _take_back,
          ("pages/devices/OpenCodes Popconfirm 1",), before=_some_code),
    Visit("devices: edit", "/devices", _edit, ("pages/devices/Devices Dialog 1",)),
    Visit("devices: move", "/devices", _edit_store, ("lookups/StoreSelect Select 1",)),
    Visit("devices: revoke", "/devices", _revoke, ("pages/devices/Devices Popconfirm 1",)),
    Visit("the test cashier: which store", "/cashier", _enrol_store,
          ("lookups/StoreSelect Select 1",)),
    Visit("the test cashier: ready", "/cashier", _enrol),
    Visit("the test cashier: at which store", "/cashier", _take_store,
          ("lookups/StoreSelect Select 1",)),
    Visit("the test cashier: forget", "/cashier", _forget,
          ("pages/cashier/TerminalCard Popconfirm 1",)),
    Visit("the test cashier: an odd amount", "/cashier", _odd_amount),
    *(_charge(outcome) for outcome in ("paid", "refused", "buyer_confirms")),
    Visit("stores: new", "/stores", _new_store, ("parts/forms/NewStore Dialog 1",)),
    Visit("stores: without a name", "/stores", _no_name, ("parts/forms/NewStore Dialog 1",)),
    Visit("stores: edit", "/stores", _edit, ("pages/settings/Stores Dialog 1",)),
]  # fmt: skip
