"""Every page as it is, and what stands there while it loads, when it cannot be loaded, when one may
not see it, and when there is nothing yet."""

from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.every.hand import Hand, broken, emptied, forbidden, missing
from tests.browser.every.visit import Visit
from tests.browser.test_pages import MERCHANT, OPERATOR

DETAILS = {"owner": "/orders/{order_no}", "operator": "/merchants/{merchant_id}"}
PAGES = {"owner": (*MERCHANT, DETAILS["owner"]), "operator": (*OPERATOR, DETAILS["operator"])}
STILL = frozenset({"/no/such/page", "/settings/wechat"})
"""They ask for nothing."""


def _loading(hand: Hand) -> None:
    hand.reads(hand.never)


def _failing(hand: Hand) -> None:
    hand.reads(broken)


def _forbidden(hand: Hand) -> None:
    hand.reads(forbidden)


def _missing(hand: Hand) -> None:
    hand.reads(missing)


def _empty(hand: Hand) -> None:
    hand.reads(emptied)


def _nobody_answers(hand: Hand) -> None:
    """Not even who one is."""
    hand.page.route("**/api/merchant/v1/session", hand.never)


def _slow(hand: Hand) -> None:
    expect(hand.page.get_by_text(hand.say("error.slow")).first).to_be_visible()


def _conditions(who: str, path: str) -> list[Visit]:
    def visit(name: str, **more: object) -> Visit:
        return Visit(f"{who} {path}: {name}", path, who=who, **more)  # type: ignore[arg-type]

    found = [visit("as it is")]
    if path in STILL:
        return found
    return [
        *found,
        visit("loading", before=_loading, rests=False),
        visit("empty", before=_empty),
        visit("failed", before=_failing, refused=("internal",)),
        visit("forbidden", before=_forbidden, refused=("auth.forbidden",)),
    ]


def _cut_off(hand: Hand) -> None:
    hand.page.context.set_offline(True)
    expect(hand.page.get_by_text(hand.say("error.offline"))).to_be_visible()
    hand.press("do.refresh")


def _left_offline(hand: Hand) -> None:
    """For a page whose script was not loaded before."""
    _cut_off(hand)
    if hand.is_narrow:
        hand.press("app.open_menu")
    menu = hand.page.get_by_role("navigation", name=hand.say("app.menu"))
    menu.get_by_role("link", name=hand.say("menu.audit")).click()
    expect(hand.page.get_by_text(hand.say("problem.unreachable"))).to_be_visible()


OFFLINE = ("ERR_INTERNET_DISCONNECTED",)

VISITS = [
    *(visit for who, paths in PAGES.items() for path in paths for visit in _conditions(who, path)),
    *(
        Visit(f"{who} {path}: missing", path, who=who, before=_missing, refused=("not_found",))
        for who, path in DETAILS.items()
    ),
    Visit("owner /stores: loading for long", "/stores", _slow, before=_loading, rests=False),
    Visit("owner /stores: who one is, for long", "/stores", _slow, before=_nobody_answers,
          rests=False),
    Visit("owner /stores: offline", "/stores", _cut_off, refused=OFFLINE),
    Visit("owner /stores: offline, to another page", "/stores", _left_offline, refused=OFFLINE),
    *(
        Visit(f"fresh {path}: on the first day", path, who="fresh")
        for path in ("/", "/orders", "/onboarding", "/miniprogram", "/devices", "/cashier",
                     "/stores", "/staff", "/api-keys")
    ),
    *(
        Visit(f"till {path}: a cashier's", path, who="till")
        for path in ("/orders", "/devices", "/stores", "/account")
    ),
    *(
        Visit(f"acting {path}: for a merchant", path, who="acting")
        for path in ("/", "/orders", "/onboarding", "/miniprogram", "/devices", "/staff", "/audit",
                     "/settings/merchant", "/cashier")
    ),
]  # fmt: skip


def paths() -> set[str]:
    """Of all pages, without what is asked for behind the question mark."""
    return {urlsplit(path).path for known in PAGES.values() for path in known}
