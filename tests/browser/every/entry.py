"""Before the sign-in, and where one is sent away from what one was doing."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.every.hand import Hand
from tests.browser.every.visit import Visit
from tests.browser.every.world import NOBODY

SOON = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()


def _enter(hand: Hand) -> None:
    hand.write("login.login", "somebody@tea")
    hand.write("login.password", "a password of nobody")
    hand.press("login.submit")


def _wrong(hand: Hand) -> None:
    hand.refuse("/v1/session", "auth.bad_credentials", 401, "POST")
    _enter(hand)
    expect(hand.page.get_by_role("alert").first).to_be_visible()


def _nothing_typed(hand: Hand) -> None:
    hand.press("login.submit")
    hand.page.locator(".ant-form-item-explain-error").first.wait_for()


def _second_factor(hand: Hand) -> None:
    asked = {"code": "auth.code_needed", "status": 401, "title": "还需要两步验证 A code, please."}
    told = {**asked, "methods": ["code", "passkey"], "passkey": {"challenge": "AAAA"}}
    hand.answer("/v1/session", told, status=401, method="POST")
    _enter(hand)
    hand.page.get_by_label(hand.say("login.code"), exact=True).wait_for()


def _expired(hand: Hand) -> None:
    hand.page.add_init_script("sessionStorage.setItem('damselfly.expired', 'expired')")


def _operators(hand: Hand) -> None:
    hand.page.get_by_text(hand.say("login.operator"), exact=True).click()


def _first_run(hand: Hand) -> None:
    hand.answer("/v1/first-run", {"is_needed": True})


def _first_run_empty(hand: Hand) -> None:
    hand.press("first.submit")
    hand.page.locator(".ant-form-item-explain-error").first.wait_for()


def _link(hand: Hand) -> None:
    whose = {"name": "小周", "login": "till@tea", "expires_at": SOON}
    hand.answer("/v1/password-link", whose, method="POST")


def _weak(hand: Hand) -> None:
    hand.page.get_by_label(hand.say("account.new_password"), exact=True).fill("abc")
    hand.press("link.submit")
    hand.page.locator(".ant-form-item-explain-error").first.wait_for()


def _no_link(hand: Hand) -> None:
    hand.refuse("/v1/password-link", "binding.link_wrong", 404, "POST")


def _other_person(hand: Hand) -> None:
    """Another window signed somebody else in."""

    def another(session: dict[str, dict[str, str]]) -> None:
        session["user"]["user_id"] = "019e1b2c-7f00-7cc3-98c4-dc0c0c07398f"

    hand.change("/v1/session", another)
    hand.page.evaluate("new BroadcastChannel('damselfly.session').postMessage('changed')")
    expect(hand.page.get_by_role("heading", name=hand.say("place.other"))).to_be_visible()


def _must_have_a_factor(hand: Hand) -> None:
    hand.change("/v1/session", lambda session: session.update(needs_second_factor=True))


def _limited(hand: Hand) -> None:
    hand.change("/v1/session", lambda session: session.update(limited_until=SOON))


VISITS = [
    Visit("/login: as it is", "/login", who=NOBODY),
    Visit("/login: operators", "/login", _operators, who=NOBODY),
    Visit("/login: nothing typed", "/login", _nothing_typed, who=NOBODY),
    Visit("/login: wrong", "/login", _wrong, who=NOBODY, refused=("auth.bad_credentials",)),
    Visit("/login: a second factor", "/login", _second_factor, who=NOBODY),
    Visit("/login: the session has ended", "/login", before=_expired, who=NOBODY),
    Visit("/first-run: as it is", "/first-run", before=_first_run, who=NOBODY),
    Visit("/first-run: nothing typed", "/first-run", _first_run_empty, before=_first_run,
          who=NOBODY),
    Visit("/first-run: over", "/first-run", who=NOBODY),
    Visit("/password: as it is", "/password#t", before=_link, who=NOBODY),
    Visit("/password: too weak", "/password#t", _weak, before=_link, who=NOBODY),
    Visit("/password: the link is spent", "/password#t", before=_no_link, who=NOBODY,
          refused=("binding.link_wrong",)),
    Visit("another person signed in", "/stores", _other_person),
    Visit("a second factor must be set up", "/", before=_must_have_a_factor),
    Visit("limited after a reset", "/stores", before=_limited),
]  # fmt: skip
