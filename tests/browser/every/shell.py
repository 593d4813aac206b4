"""What is on every page: the header, the menu, the questions over it, what is said beside it; and
what every list has."""

import re

from playwright.sync_api import expect

from tests.browser.every.hand import Hand
from tests.browser.every.visit import WIDE, Visit

NARROW = (390,)
SOLD_WITHIN_S = 120


def _appearance(hand: Hand) -> None:
    hand.press("app.theme")


def _account(hand: Hand) -> None:
    hand.page.get_by_role("banner").get_by_role("button").last.click()


def _menu(hand: Hand) -> None:
    hand.press("app.open_menu")
    hand.page.locator(".ant-drawer").get_by_role("menuitem").first.wait_for()


def _stores(hand: Hand) -> None:
    if hand.is_narrow:
        _menu(hand)
    hand.choose_from("app.store_switch")


def _shortcuts(hand: Hand) -> None:
    hand.page.locator("body").press("?")
    hand.page.get_by_role("dialog", name=hand.say("keys.title")).wait_for()


def _session_ended(hand: Hand) -> None:
    hand.refuse("/v1/stores", "auth.session", 401)
    hand.press("do.refresh")
    hand.page.get_by_role("dialog", name=hand.say("again.title")).wait_for()


def _key_asked(hand: Hand) -> None:
    hand.refuse("/v1/api-keys", "auth.step_up_needed", 403, "POST")
    hand.press("keys_api.new")
    hand.write("keys_api.name", "前台收银", hand.dialog)
    hand.submit()
    hand.page.get_by_role("dialog", name=hand.say("stepup.title")).wait_for()


def _wrong_password(hand: Hand) -> None:
    hand.refuse("/v1/session/step-up", "auth.wrong_password", 401, "POST")
    _key_asked(hand)
    asked = hand.page.get_by_role("dialog", name=hand.say("stepup.title"))
    asked.locator("input[type=password]").fill("not the password")
    asked.locator("button.ant-btn-primary").click()
    expect(asked.get_by_role("alert")).to_be_visible()


def _done(hand: Hand) -> None:
    hand.press("do.edit", hand.row)
    hand.submit()
    hand.page.locator(".ant-message-notice").first.wait_for()


def _not_done(hand: Hand) -> None:
    hand.refuse("/revoke", "conflict", 409, "POST")
    hand.press("devices.revoke")
    hand.page.locator(".ant-popover").get_by_role("button").last.click()
    hand.page.locator(".ant-notification-notice").first.wait_for()


def _copy(hand: Hand) -> None:
    hand.page.get_by_role("main").locator(".copyable button").first.hover()


def _filter(hand: Hand) -> None:
    if hand.is_narrow:
        hand.unfold_filters()
    hand.choose_from("orders.pay_state")


def _all_filters(hand: Hand) -> None:
    hand.unfold_filters()


def _day(hand: Hand) -> None:
    if hand.is_narrow:
        hand.unfold_filters()
    hand.page.get_by_label(hand.say("orders.from")).click()


def _columns(hand: Hand) -> None:
    hand.press("list.columns")


def _every_column(hand: Hand) -> None:
    hand.press("list.columns")
    for box in hand.page.get_by_role("group").get_by_role("checkbox").all():
        box.check()
    hand.page.keyboard.press("Escape")
    hand.page.get_by_role("heading", level=1).click()


def _page_size(hand: Hand) -> None:
    hand.choose_from("list.page_size")


def _nothing_matches(hand: Hand) -> None:
    expect(hand.page.get_by_text(hand.say("list.none"), exact=True)).to_be_visible()


def _two_pages(hand: Hand) -> None:
    """The demo's sales come in for a while after the stack is ready."""
    for _ in range(SOLD_WITHIN_S):
        if hand.page.request.get("/api/merchant/v1/orders?page=2&page_size=20").json()["items"]:
            return
        hand.page.wait_for_timeout(1000)


def _newest(hand: Hand) -> None:
    hand.page.get_by_text(re.compile(re.escape(hand.say("list.newest")))).first.wait_for()


PASSWORD_ASKED = "session/StepUp Window 1"

VISITS = [
    Visit("header: appearance", "/orders", _appearance, ("parts/pieces Dropdown 1",)),
    Visit("header: account", "/orders", _account, ("shell/Shell Dropdown 1",)),
    Visit("header: stores", "/orders", _stores, ("shell/Shell Select 1",)),
    Visit("menu on a phone", "/orders", _menu, ("shell/Shell Drawer 1",), widths=NARROW),
    Visit("keyboard shortcuts", "/orders", _shortcuts, ("shell/Shortcuts Window 1",), widths=WIDE),
    Visit("the session ends", "/stores", _session_ended, ("session/SignInAgain Window 1",),
          refused=("auth.session",)),
    Visit("the password again", "/api-keys", _key_asked,
          (PASSWORD_ASKED, "parts/forms/Window Modal 1", "parts/forms/Dialog Window 1")),
    Visit("the password again: wrong", "/api-keys", _wrong_password, (PASSWORD_ASKED,),
          refused=("auth.wrong_password",)),
    Visit("saved", "/stores", _done, ("parts/say message 1",)),
    Visit("refused", "/devices", _not_done, ("parts/say notification 1",), refused=("conflict",)),
    Visit("what a small button does", "/settings/merchant", _copy, ("parts/bits Tooltip 1",)),
    Visit("lists: a filter", "/orders", _filter, ("parts/lists/FilterBar Select 1",)),
    Visit("lists: all filters", "/orders", _all_filters),
    Visit("lists: a day", "/orders", _day, ("parts/lists/DayField DatePicker 1",)),
    Visit("lists: columns", "/orders", _columns, ("parts/lists/columns Popover 1",), widths=WIDE),
    Visit("lists: every column", "/orders", _every_column, widths=WIDE),
    Visit("lists: rows per page", "/orders", _page_size, ("parts/lists/Foot Select 1",)),
    Visit("lists: nothing matches", "/orders?q=zzzzzzzz", _nothing_matches),
    Visit("lists: what no filter knows", "/orders?pay_state=nonsense&from=2026-02-31"),
    Visit("lists: further down", "/orders?page=2", _newest, before=_two_pages),
]  # fmt: skip
