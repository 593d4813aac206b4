"""What opens on the way to the first payment: the rows of the wizard, and the binding."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.every.hand import Hand
from tests.browser.every.visit import Visit
from tests.browser.every.world import NOBODY

NOW = datetime.now(UTC)
TODAY = NOW.isoformat()
SOON = (NOW + timedelta(hours=20)).isoformat()
SOME = "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f"
KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" * 8
PAIR = {
    "key_pair_id": SOME, "app_public_key": KEY, "bits": 2048, "created_at": TODAY,
    "fingerprint": "ab:cd:ef:01:23:45:67:89", "expires_at": SOON,
}  # fmt: skip
CARDS = ("account", "keys", "program", "devices")
MINI, IOT = "/miniprogram", "/dragonfly?tab=iot"
FORM = "pages/binding/BindingForm"


# --- the wizard


def _rows(change: Callable[[dict[str, Any]], None]) -> Callable[[Hand], None]:
    """The map with each of its rows changed on the way."""

    def edit(found: dict[str, Any]) -> None:
        for step in found["steps"]:
            for row in step["rows"]:
                change(row)

    def before(hand: Hand) -> None:
        hand.change("/v1/onboarding", edit)
        # The page looks by itself at what failed, and is told how all rows are.
        hand.change(r"/onboarding/rows/[\d.]+/check", edit, method="POST")

    return before


def _all(state: str, **more: Any) -> Callable[[Hand], None]:
    return _rows(lambda row: row.update({"state": state, **more}))


REFUSED = {
    "reason": "类目不符，请补充资质", "remedy": "again", "remedy_row": "1.2",
    "remedy_zh": "按平台给出的原因修改后再提交。", "remedy_en": "Mend what it says and try again.",
    "at": TODAY, "by": "platform",
}  # fmt: skip


def _share_now(row: dict[str, Any]) -> None:
    if row["row"] == "4.2":
        row.update(state="todo", can_run=True, evidence={"share": "p10"})
        row["form"] = [{
            "field": "share", "label_zh": "发布范围", "label_en": "Rollout", "kind": "choice",
            "required": True, "min": 1, "max": 64, "choices": ["p10", "p30", "p50", "all"],
            "value": "all",
        }]  # fmt: skip


def _unfold(hand: Hand, row: str) -> None:
    line = hand.page.locator(f'li[data-row="{row}"]')
    line.locator("header button").click()


def _widen(hand: Hand) -> None:
    if not hand.page.locator('li[data-row="4.2"] .body').is_visible():
        _unfold(hand, "4.2")
    hand.page.locator('li[data-row="4.2"]').get_by_role("combobox").click()


def _everything_told(hand: Hand) -> None:
    for fold in hand.page.locator("li[data-row] header button[aria-expanded=false]").all():
        if fold.is_visible():
            fold.click()


def _by_tool(hand: Hand) -> None:
    hand.page.locator("summary", has_text=hand.say("wizard.by_tool")).click()


def _todo_program(row: dict[str, Any]) -> None:
    if row["row"][0] in "234":
        row.update(state="todo", can_mark=row["kind"] == "manual")


def _uploaded(row: dict[str, Any]) -> None:
    if row["row"] == "3.3":
        row.update(state="done", can_run=True)


def _again(hand: Hand) -> None:
    line = hand.page.locator('li[data-row="3.3"]')
    if not line.locator(".body").is_visible():
        _unfold(hand, "3.3")
    line.locator("summary", has_text=hand.say("wizard.new_version")).click()


def _real_way(hand: Hand) -> None:
    _everything_told(hand)
    ways = hand.page.locator("summary", has_text=hand.say("sandbox.real_way"))
    for way in ways.all():
        way.click()
    assert ways.count() > 0


def _wizard() -> list[Visit]:
    wide_open = [
        Visit(f"wizard: {card}, unfolded, {who}", f"/onboarding?card={card}", _everything_told,
              who=who)
        for who in ("fresh", "owner")
        for card in CARDS
    ]  # fmt: skip
    states = [
        Visit(f"wizard: all {state}", "/onboarding?card=program", _everything_told, before=before)
        for state, before in (
            ("failed", _all("failed", **REFUSED)), ("running", _all("running")),
            ("blocked", _all("blocked")), ("done", _all("done", at=TODAY, by="platform")),
        )
    ]  # fmt: skip
    return [
        *wide_open,
        *states,
        Visit("wizard: failed in another card", "/onboarding?card=account",
              before=_all("failed", **REFUSED)),
        Visit("wizard: by Alipay's tool", "/onboarding?card=program", _by_tool,
              ("pages/onboarding/Onboarding details 1",), before=_rows(_todo_program)),
        Visit("wizard: a new version", "/onboarding?card=program", _again,
              ("pages/onboarding/Row details 2",), before=_rows(_uploaded)),
        Visit("wizard: how it is at Alipay", "/onboarding?card=account", _real_way,
              ("pages/onboarding/Row details 1",)),
        Visit("wizard: to whom it is released", "/onboarding?card=program", _widen,
              ("pages/onboarding/RowForm Select 1",), before=_rows(_share_now)),
    ]  # fmt: skip


# --- the binding


def _more(hand: Hand) -> None:
    hand.page.locator("summary", has_text=hand.say("bind.advanced")).click()


def _how(hand: Hand) -> None:
    hand.page.locator("summary", has_text=hand.say("bind.how")).click()


def _which_app(hand: Hand) -> None:
    hand.choose_from("bind.app")


def _tab(hand: Hand) -> None:
    hand.page.get_by_role("tab", name=hand.say("bind.tab_iot")).click()
    hand.page.get_by_label(hand.say("bind.app_id")).wait_for()


def _generated(hand: Hand) -> None:
    hand.answer("/apps/key-pairs", {"items": [PAIR]})


def _key_drawn(hand: Hand) -> None:
    shown = hand.page.get_by_role("main").locator("summary", has_text=hand.say("bind.qr"))
    shown.first.click()


def _another_pair(hand: Hand) -> None:
    hand.press("bind.generate_anew")


def _pasted(hand: Hand) -> None:
    hand.page.get_by_text(hand.say("bind.paste"), exact=True).click()
    box = hand.page.get_by_label(hand.say("bind.private_key"), exact=True).last
    box.fill("-----BEGIN PRIVATE KEY-----\nno key at all\n-----END PRIVATE KEY-----")
    box.blur()
    hand.page.locator(".findings li.error").first.wait_for()


def _certificates(hand: Hand) -> None:
    hand.page.get_by_text(hand.say("bind.mode_cert"), exact=True).click()
    hand.page.get_by_label(hand.say("bind.app_cert"), exact=True).first.wait_for()


def _nothing_filled(hand: Hand) -> None:
    hand.press("bind.save")
    hand.page.locator(".ant-form-item-explain-error").first.wait_for()


def _checked_live(hand: Hand) -> None:
    hand.press("bind.probe")
    hand.page.locator(".findings li").first.wait_for()


def _two_at_once(hand: Hand) -> None:
    def other(found: dict[str, Any]) -> None:
        for app in found["items"]:
            app.update(seller_id="2088000000000009", enabled=not app["enabled"])

    hand.refuse("/v1/apps", "binding.stale_version", 409, "PUT")
    hand.change("/v1/apps", other)
    hand.press("bind.save")
    expect(hand.dialog.get_by_role("cell").first).to_be_visible()


def _pending(hand: Hand) -> None:
    """A key that no live call has proved."""

    def edit(found: dict[str, Any]) -> None:
        check = {"state": "failed", "remedy_zh": "把应用公钥上传到支付宝。",
                 "remedy_en": "Upload the application public key to Alipay."}  # fmt: skip
        for app in found["items"]:
            app["live_check"].update(check)

    hand.change("/v1/apps", edit)


def _waits_for_another(hand: Hand) -> None:
    change = {
        "change_id": SOME, "kind": "app", "app_id": "2021000000000001", "state": "waiting",
        "asked_by": SOME, "asked_at": TODAY, "summary": {"enabled": False, "changes": ["aes_key"]},
    }  # fmt: skip
    own = {"kind": "merchant", "app_id": None, "summary": {"dual_control": False}}
    hand.answer("/apps/changes", {"items": [change, change | own | {"change_id": "2"}]})


def _insecure(hand: Hand) -> None:
    hand.page.add_init_script(
        "Object.defineProperty(window, 'isSecureContext', { get: () => false });"
    )


VISITS = [
    *_wizard(),
    Visit("binding: more settings", MINI, _more, (f"{FORM} details 1",), who="fresh"),
    Visit("binding: how to get the keys", MINI, _how, (f"{FORM} details 2",), who="fresh"),
    Visit("binding: which app", MINI, _which_app, ("pages/binding/BindingRecord Select 1",)),
    Visit("binding: the other tab", "/dragonfly", _tab, ("pages/binding/Dragonfly Tabs 1",)),
    Visit("binding: a pair made here", MINI, who="fresh", before=_generated),
    Visit("binding: a pair that waits", MINI, before=_generated),
    Visit("binding: a public key, drawn", MINI, _key_drawn,
          ("pages/binding/keys/KeyPairCard details 1",), who="fresh", before=_generated),
    Visit("binding: another pair", MINI, _another_pair,
          ("pages/binding/keys/KeyPairCard Popconfirm 1",), who="fresh", before=_generated),
    Visit("binding: no key was pasted", MINI, _pasted, who="fresh"),
    Visit("binding: certificates", MINI, _certificates, who="fresh"),
    Visit("binding: nothing filled in", MINI, _nothing_filled, who="fresh"),
    Visit("binding: checked live", IOT, _checked_live),
    Visit("binding: not proved yet", IOT, before=_pending),
    Visit("binding: two at once", MINI, _two_at_once, ("pages/binding/Conflict Window 1",),
          refused=("binding.stale_version",)),
    Visit("binding: waits for another person", MINI, before=_waits_for_another),
    Visit("opened where nobody can sign in", "/", before=_insecure, who=NOBODY),
]  # fmt: skip
