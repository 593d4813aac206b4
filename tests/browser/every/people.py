"""What opens where people and settings are: staff, API keys, the account, the audit log."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.every.hand import Hand
from tests.browser.every.visit import Visit

NOW = datetime.now(UTC)
TODAY = NOW.isoformat()
SOON = (NOW + timedelta(hours=20)).isoformat()
SOME = "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f"
CODES = [f"k{number}aq-7mzr-x2p{number}" for number in range(10)]
LINK = {"token": "T" * 43, "expires_at": SOON}
_AUTHENTICATOR = """
const made = { toJSON: () => ({ id: 'AAAA', response: {
  clientDataJSON: 'AAAA', attestationObject: 'AAAA', transports: ['internal'] } }) };
PublicKeyCredential.parseCreationOptionsFromJSON = (given) => given;
navigator.credentials.create = async () => made;
"""


def _add(hand: Hand) -> None:
    hand.press("staff.new")
    hand.dialog.get_by_role("combobox").first.wait_for()


def _role(hand: Hand) -> None:
    _add(hand)
    hand.choose_from("staff.role", hand.dialog)


def _role_s_stores(hand: Hand) -> None:
    _role(hand)
    hand.page.get_by_title(hand.say("role.cashier"), exact=True).last.click()
    hand.choose_from("staff.stores", hand.dialog)


def _nothing_filled(hand: Hand) -> None:
    _add(hand)
    hand.submit()
    hand.dialog.locator(".ant-form-item-explain-error").first.wait_for()


def _made(hand: Hand) -> None:
    made = {"user_id": SOME, "login": "till2@demo", "name": "小吴", "link": LINK}
    hand.answer("/v1/staff", made, status=201, method="POST")
    _add(hand)
    hand.write("staff.username", "till2", hand.dialog)
    hand.write("staff.name", "小吴", hand.dialog)
    hand.choose_from("staff.role", hand.dialog)
    hand.page.keyboard.press("Enter")
    hand.submit()
    expect(hand.dialog.get_by_text(hand.say("link.once"))).to_be_visible()


def _thrown_away(hand: Hand) -> None:
    _made(hand)
    hand.page.keyboard.press("Escape")
    hand.page.locator(".ant-modal-confirm").wait_for()


def _person(hand: Hand, login: str) -> Any:
    name = f"{hand.say('do.edit')} {login}"
    return hand.page.get_by_role("button", name=name, exact=True)


def _edit_self(hand: Hand) -> None:
    _person(hand, hand.names["login"]).click()
    hand.dialog.get_by_role("combobox").first.wait_for()


def _keys_go_to(hand: Hand) -> None:
    _edit_self(hand)
    hand.choose_from("staff.keys", hand.dialog)


def _reset(hand: Hand) -> None:
    hand.press("staff.reset")


def _link_again(hand: Hand) -> None:
    hand.answer("/password-link", LINK, status=201, method="POST")
    _reset(hand)
    hand.submit()
    expect(hand.dialog.get_by_text(hand.say("link.once"))).to_be_visible()


def _how_to_use(hand: Hand) -> None:
    hand.page.locator("summary").first.click()


def _key(hand: Hand) -> None:
    hand.press("keys_api.new")
    hand.dialog.get_by_role("combobox").wait_for()


def _key_s_store(hand: Hand) -> None:
    _key(hand)
    hand.dialog.get_by_role("combobox").click()


def _key_made(hand: Hand) -> None:
    made = {"key_id": "pk_demo_0000000000000001", "secret": "s" * 43, "name": "前台"}
    hand.answer("/v1/api-keys", made, status=201, method="POST")
    _key(hand)
    hand.write("keys_api.name", "前台", hand.dialog)
    hand.submit()
    expect(hand.dialog.get_by_text(hand.say("keys_api.once"))).to_be_visible()


def _key_ends(hand: Hand) -> None:
    hand.press("keys_api.delete")


def _edition(hand: Hand) -> None:
    hand.choose_from("merchant.edition")


def _others_saved(hand: Hand) -> None:
    hand.refuse("/v1/merchant", "binding.stale_version", 409, "PATCH")
    hand.page.locator("button[type=submit]").click()
    expect(hand.page.get_by_text(hand.say("settings.conflict"))).to_be_visible()


# --- the account


def _two_sessions(hand: Hand) -> None:
    one = {
        "session_id": SOME, "created_at": TODAY, "seen_at": TODAY, "expires_at": SOON,
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0", "address": "192.0.2.7",
        "is_current": True,
    }  # fmt: skip
    hand.answer("/v1/sessions", {"items": [one, one | {"session_id": "2", "is_current": False}]})


def _end_others(hand: Hand) -> None:
    hand.press("account.end_others")


def _passkeys(items: list[dict[str, Any]]) -> Any:
    def before(hand: Hand) -> None:
        origin = hand.opened.public
        hand.answer("/v1/passkeys", {"items": items, "limit": 10, "origin": origin})

    return before


PASSKEY = {"passkey_id": SOME, "name": "前台的手机", "created_at": TODAY, "last_used_at": None}


def _no_passkeys(hand: Hand) -> None:
    hand.page.add_init_script(_AUTHENTICATOR)
    _passkeys([])(hand)


def _remove_passkey(hand: Hand) -> None:
    hand.press("factor.remove")


def _add_passkey(hand: Hand) -> None:
    hand.press("passkey.add")
    hand.dialog.get_by_role("textbox").wait_for()


def _passkey_made(hand: Hand) -> None:
    hand.answer("/passkeys/options", {"options": {}}, method="POST")
    made = PASSKEY | {"recovery_codes": CODES}
    hand.answer("/v1/passkeys", made, status=201, method="POST")
    _add_passkey(hand)
    hand.write("passkey.name", "前台的手机", hand.dialog)
    hand.submit()
    hand.page.get_by_role("dialog", name=hand.say("factor.codes")).wait_for()


def _begin_factor(hand: Hand) -> None:
    rows = ["10" * 14 + "1"] * 29
    begun = {"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/x", "qr_rows": rows}
    hand.answer("/v1/second-factor", begun, method="POST")
    hand.press("factor.set_up")
    hand.dialog.get_by_role("img", name=hand.say("factor.qr")).wait_for()


def _with_factor(hand: Hand) -> None:
    state = {"since": TODAY, "recovery_codes_left": 7, "is_required": False}
    hand.answer("/v1/second-factor", state)


def _remove_factor(hand: Hand) -> None:
    hand.press("factor.remove")


def _new_codes(hand: Hand) -> None:
    hand.answer("/second-factor/recovery-codes", {"recovery_codes": CODES}, method="POST")
    hand.press("factor.new_codes")
    hand.page.get_by_role("dialog", name=hand.say("factor.codes")).wait_for()


def _passwords_differ(hand: Hand) -> None:
    hand.page.locator("form").filter(has=hand.page.locator("input[type=password]")).locator(
        "button[type=submit]"
    ).click()
    hand.page.locator(".ant-form-item-explain-error").first.wait_for()


# --- the audit log


def _entry(hand: Hand) -> None:
    hand.press("do.detail", hand.row)


def _verified(hand: Hand) -> None:
    hand.press("audit.verify")
    hand.page.locator(".ant-alert").first.wait_for()


def _verdict(found: dict[str, Any]) -> Any:
    told = {"entries": 12, "anchored_at": None, "anchored_seq": 0, "why": None, "broken_at": None}

    def act(hand: Hand) -> None:
        hand.answer("/audit/verify", told | found, method="POST")
        _verified(hand)

    return act


STAFF = "pages/people/Staff"
VISITS = [
    Visit("staff: add", "/staff", _add, (f"{STAFF} Dialog 3",)),
    Visit("staff: add, a role", "/staff", _role, (f"{STAFF} Select 1",)),
    Visit("staff: add, stores", "/staff", _role_s_stores, ("lookups/StoreSelect Select 1",)),
    Visit("staff: add, nothing filled in", "/staff", _nothing_filled, (f"{STAFF} Dialog 3",)),
    Visit("staff: added", "/staff", _made, (f"{STAFF} Dialog 3",)),
    Visit("staff: the link thrown away", "/staff", _thrown_away, ("parts/forms/Window confirm 1",)),
    Visit("staff: edit", "/staff", _edit_self, (f"{STAFF} Dialog 1",)),
    Visit("staff: whose keys they become", "/staff", _keys_go_to, (f"{STAFF} Select 2",)),
    Visit("staff: a new link", "/staff", _reset, (f"{STAFF} Dialog 2",)),
    Visit("staff: the new link", "/staff", _link_again, (f"{STAFF} Dialog 2",)),
    Visit("API keys: how", "/api-keys", _how_to_use, ("pages/settings/ApiHowTo details 1",)),
    Visit("API keys: new", "/api-keys", _key, ("pages/settings/ApiKeys Dialog 1",)),
    Visit("API keys: of which store", "/api-keys", _key_s_store,
          ("lookups/StoreSelect Select 1",)),
    Visit("API keys: made", "/api-keys", _key_made, ("pages/settings/ApiKeys Dialog 1",)),
    Visit("API keys: ended", "/api-keys", _key_ends, ("pages/settings/ApiKeys Popconfirm 1",)),
    Visit("merchant: edition", "/settings/merchant", _edition,
          ("pages/settings/Merchant Select 1",)),
    Visit("merchant: somebody saved first", "/settings/merchant", _others_saved,
          refused=("binding.stale_version",)),
    Visit("account: end the others", "/account", _end_others,
          ("pages/people/Account Popconfirm 1",), before=_two_sessions),
    Visit("account: nothing typed", "/account", _passwords_differ),
    Visit("account: a passkey", "/account", _add_passkey, ("pages/people/Passkeys Window 1",),
          before=_no_passkeys),
    Visit("account: a passkey made", "/account", _passkey_made,
          ("pages/people/Passkeys Window 2",), before=_no_passkeys),
    Visit("account: a passkey removed", "/account", _remove_passkey,
          ("pages/people/Passkeys Popconfirm 1",), before=_passkeys([PASSKEY])),
    Visit("account: an authenticator", "/account", _begin_factor,
          ("pages/people/SecondFactor Window 1",)),
    Visit("account: an authenticator removed", "/account", _remove_factor,
          ("pages/people/SecondFactor Popconfirm 1",), before=_with_factor),
    Visit("account: new recovery codes", "/account", _new_codes,
          ("pages/people/SecondFactor Window 1",), before=_with_factor),
    Visit("audit: an entry", "/audit", _entry, ("pages/audit/Audit Drawer 1",)),
    Visit("audit: verified", "/audit", _verified),
    Visit("audit: altered", "/audit", _verdict({"is_intact": False, "broken_at": 7})),
    Visit("audit: cut", "/audit", _verdict({"is_intact": False, "why": "gap"})),
    Visit("operator's staff: add", "/staff", _add, (f"{STAFF} Dialog 3",), who="operator"),
]  # fmt: skip
