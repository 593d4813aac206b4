"""What opens at the operator's console, and while an operator acts for a merchant."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.every.hand import Hand
from tests.browser.every.visit import Visit

NOW = datetime.now(UTC)
TODAY = NOW.isoformat()
SOON = (NOW + timedelta(hours=2)).isoformat()
SOME = "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f"
LINK = {"token": "T" * 43, "expires_at": SOON}
MERCHANT = "/merchants/{merchant_id}"
_HEAR_HANDLE = (
    "heard.add(document.querySelector('.ant-modal').innerText.match(/@([a-z0-9]{6})/)[1])"
)
PAGE = "pages/operator/merchants/MerchantPage"
ASK = "parts/forms/AskMore"


def _new(hand: Hand) -> None:
    hand.press("merchants.new")
    hand.dialog.get_by_label(hand.say("merchant.name")).wait_for()
    # Made in the window, where the API has not said it.
    hand.page.evaluate(_HEAR_HANDLE)


def _known_name(hand: Hand) -> None:
    name = hand.row.get_by_role("link").first.inner_text()
    _new(hand)
    hand.write("merchant.name", name, hand.dialog)
    hand.dialog.locator(".ant-alert").wait_for()


def _nothing_filled(hand: Hand) -> None:
    _new(hand)
    hand.submit()
    hand.dialog.locator(".ant-form-item-explain-error").first.wait_for()


def _made(hand: Hand) -> None:
    made = {
        "merchant_id": SOME, "name": "新商户", "handle": "tea", "link": LINK,
        "owner": {"user_id": SOME, "login": "boss@tea"},
    }  # fmt: skip
    hand.answer("/v1/merchants", made, status=201, method="POST")
    _new(hand)
    hand.write("merchant.name", "新商户", hand.dialog)
    hand.write("merchants.owner_login", "boss", hand.dialog)
    hand.submit()
    expect(hand.dialog.get_by_text(hand.say("link.once"))).to_be_visible()


def _suspended(hand: Hand) -> None:
    told = {"suspended_at": TODAY, "suspended_reason": "工单 5002：商户失联", "namesakes": 2}

    def edit(found: dict[str, Any]) -> None:
        for row in found.get("items", [found]):
            row.update(told)

    hand.change("/v1/merchants", edit)
    hand.change(r"/v1/merchants/[\w-]{36}", edit)


def _act(hand: Hand) -> None:
    hand.press("acting.start")


def _no_reason(hand: Hand) -> None:
    _act(hand)
    hand.submit()
    hand.dialog.locator(".ant-form-item-explain-error").first.wait_for()


def _rename(hand: Hand) -> None:
    hand.press("cockpit.rename")


def _suspend(hand: Hand) -> None:
    hand.press("cockpit.suspend")


def _resume(hand: Hand) -> None:
    hand.press("cockpit.resume")


def _reset(hand: Hand) -> None:
    hand.press("cockpit.reset")


def _ask(hand: Hand) -> None:
    hand.press("grant.ask")
    hand.dialog.get_by_role("combobox").first.wait_for()


def _no_grants(hand: Hand) -> None:
    """Whose own request waits takes that back first."""
    hand.answer("/acting/grants", {"items": []})


def _ask_what(hand: Hand) -> None:
    _ask(hand)
    hand.dialog.get_by_role("combobox").first.click()


def _ask_how_long(hand: Hand) -> None:
    _ask(hand)
    hand.dialog.get_by_role("combobox").last.click()


def _notice(hand: Hand) -> None:
    hand.press("do.detail", hand.row)
    hand.page.locator(".ant-drawer summary").wait_for()


def _notice_s_fields(hand: Hand) -> None:
    _notice(hand)
    hand.page.locator(".ant-drawer summary").click()


def _notice_gone(hand: Hand) -> None:
    hand.refuse(r"/v1/notices/[\w-]+/\d+/[\w-]+", "not_found", 404)
    hand.press("do.detail", hand.row)
    expect(hand.page.locator(".ant-drawer").get_by_text(hand.say("error.missing"))).to_be_visible()


def _mismatch(hand: Hand) -> None:
    edit = {"verdict": "MISMATCH", "reason": "amount_differs"}
    hand.change("/v1/notices", lambda page: [row.update(edit) for row in page["items"]])


def _refusals(hand: Hand) -> None:
    row = {
        "hour": TODAY, "merchant_id": None, "app_id": "2021000000000001", "reason": "bad_signature",
        "refused": 3, "last_client": "192.0.2.9", "last_out_trade_no": "D" + "0" * 31,
        "last_at": TODAY,
    }  # fmt: skip
    hand.answer("/v1/notices/refusals", {"items": [row]})


def _grants(hand: Hand) -> None:
    asked = {
        "grant_id": SOME, "operator_name": "小李", "permission_set": "setup", "permissions": [],
        "reason": "工单 6001：协助开通", "minutes": 60, "state": "asked", "asked_at": TODAY,
        "expires_at": SOON, "decided_name": "", "decided_for": None, "decided_at": None,
        "until": None, "ended_at": None, "end_cause": None, "merchant_id": SOME,
        "merchant_name": "西湖茶馆", "is_own": False,
    }  # fmt: skip
    given = {"state": "given", "decided_name": "老板", "decided_for": "merchant", "until": SOON}
    ended = {"state": "ended", "end_cause": "withdrawn"}
    rows = [
        asked, asked | {"is_own": True}, asked | given, asked | given | {"is_own": True},
        asked | given | ended, asked | {"state": "refused", "decided_for": "operator"},
    ]  # fmt: skip
    numbered = [row | {"grant_id": str(number)} for number, row in enumerate(rows)]
    hand.answer("/acting/grants", {"items": numbered})


VISITS = [
    Visit("merchants: new", "/merchants", _new, ("pages/operator/merchants/NewMerchant Dialog 1",),
          who="operator"),
    Visit("merchants: a name that is known", "/merchants", _known_name, who="operator"),
    Visit("merchants: nothing filled in", "/merchants", _nothing_filled, who="operator"),
    Visit("merchants: made", "/merchants", _made, who="operator"),
    Visit("merchants: suspended, namesakes", "/merchants", before=_suspended, who="operator"),
    Visit("a merchant: suspended, namesakes", MERCHANT, before=_suspended, who="operator"),
    Visit("a merchant: act", MERCHANT, _act, (f"{PAGE} Dialog 1",), who="operator"),
    Visit("a merchant: act, without a reason", MERCHANT, _no_reason, (f"{PAGE} Dialog 1",),
          who="operator"),
    Visit("a merchant: rename", MERCHANT, _rename, (f"{PAGE} Dialog 2",), who="operator"),
    Visit("a merchant: suspend", MERCHANT, _suspend, (f"{PAGE} Dialog 3",), who="operator"),
    Visit("a merchant: resume", MERCHANT, _resume, (f"{PAGE} Dialog 3",), before=_suspended,
          who="operator"),
    Visit("a merchant: help its owner in", MERCHANT, _reset,
          ("pages/operator/merchants/Owners Dialog 1",),
          who="operator"),
    Visit("a merchant: ask for more", MERCHANT, _ask, (f"{ASK} Dialog 1",), who="operator"),
    Visit("a merchant: ask for what", MERCHANT, _ask_what, (f"{ASK} Select 1",), who="operator"),
    Visit("a merchant: for how long", MERCHANT, _ask_how_long, (f"{ASK} Select 2",),
          who="operator"),
    Visit("notices: one", "/notices", _notice, ("pages/operator/notices/NoticePanel Drawer 1",),
          who="operator"),
    Visit("notices: Alipay's words", "/notices", _notice_s_fields,
          ("pages/operator/notices/NoticePanel details 1",), who="operator"),
    Visit("notices: one that is gone", "/notices", _notice_gone, who="operator",
          refused=("not_found",)),
    Visit("notices: one that disagrees", "/notices", before=_mismatch, who="operator"),
    Visit("notices: refused ones", "/notices/refused", before=_refusals, who="operator"),
    Visit("grants: of every kind", "/grants", before=_grants, who="operator"),
    Visit("acting: ask for more", "/stores", _ask, (f"{ASK} Dialog 1",), who="acting",
          before=_no_grants),
    Visit("acting: more was asked for", "/stores", who="acting", before=_grants),
]  # fmt: skip
