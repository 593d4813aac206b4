"""A page that remembers what must never happen on it, looks at itself with axe, and reads."""

import contextlib
import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    expect,
)
from playwright.sync_api import Error as PlaywrightError

from tests.browser import chromium, reading

_WATCH = """
if (location.protocol !== 'about:') localStorage.setItem('damselfly.language', %r);
window.refusedByPolicy = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.refusedByPolicy.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
OF_COLOURS = ["color-contrast", "link-in-text-block"]
_FADING = """
document.getAnimations().some(
  (one) => one.playState === 'running' && one.effect.getComputedTiming().endTime !== Infinity)
"""
"""What turns for ever, as what waits does, is on the way to nothing."""
_TURN = """
(path) => {
  document.title = '';
  history.pushState(null, '', path);
  dispatchEvent(new PopStateEvent('popstate'));
}
"""
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_IDLE = """new Promise((done) => requestAnimationFrame(() =>
  requestIdleCallback(done, { timeout: 1000 })))"""
_NAMED = re.compile("豆娘|Damselfly")
ASKS_FOR_MORE = frozenset({"auth.step_up_needed", "auth.code_needed"})
"""A refusal of these is a turn of the conversation: the console asks for it and goes on."""
_LOOKS_FOR = re.compile(r"GET .*/api/device/v1/payments/[0-9a-f]{32}")
"""The cashier looks for a payment while its request is under way, and it may not be there yet."""
_NOT_LOADED = re.compile(r"^Failed to load resource: (?:net::(\w+)|the server responded)")
FADE_MS, FADES_MAX = 50, 40
SETTLE_MS, QUIET_LOOKS = 30_000, 3
TIMES_MAX, HEARD_MS = 30, 1000
HEARD_LOOKS, LOOK_MS = 100, 100
HEIGHT = 900
NOWHERE = "/no/such/page"
_OPEN = (
    ".ant-modal-wrap, .ant-drawer, .ant-dropdown, .ant-popover, .ant-tooltip, .ant-select-dropdown,"
    " .ant-picker-dropdown, .ant-message-notice, .ant-notification-notice"
)
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Watched:
    """`page` is Playwright's; `faults()` is empty unless something went wrong on the way, in any
    window of the context. `refused` are the refusals that the test provokes, by their codes: of our
    API, or of the network (ERR_…). They must come, and no other."""

    def __init__(
        self, context: BrowserContext, public: str, language: str, refused: tuple[str, ...] = ()
    ) -> None:
        self.public, self._host = public, urlsplit(public).netloc
        self._faults: list[str] = []
        self._expected, self._met = set(refused), set[str]()
        self._scripts: list[Request] = []
        self._in_flight = 0
        context.add_init_script(_WATCH % language)
        context.add_init_script(reading.HEAR)
        context.on("weberror", lambda told: self._faults.append(f"script: {told.error}"))
        context.on("console", self._told)
        context.on("response", self._answered)
        self.page: Page = context.new_page()
        self.page.on("request", lambda asked: self._asked(asked.url))
        self.page.on("requestfinished", self._finished)
        self.page.on("requestfailed", lambda _: self._ended())

    def _asked(self, url: str) -> None:
        self._in_flight += 1
        if urlsplit(url).netloc != self._host:
            self._faults.append(f"another host: {url}")

    def _told(self, message: ConsoleMessage) -> None:
        """Errors and warnings of scripts, libraries and the browser itself. What it says of an
        answer with 4xx or 5xx is left to `_answered`, which knows why."""
        if message.type not in {"error", "warning"}:
            return
        if not (found := _NOT_LOADED.match(message.text)):
            self._faults.append(f"console: {message.text}")
        elif found[1]:
            self._refused(found[1], message.location["url"])

    def _answered(self, response: Response) -> None:
        asked = f"{response.request.method} {response.url}"
        if response.status >= 400 and not (response.status == 404 and _LOOKS_FOR.fullmatch(asked)):
            self._refused(_code_of(response), asked)

    def _refused(self, code: str, what: str) -> None:
        self._met.add(code)
        if code not in self._expected | ASKS_FOR_MORE:
            self._faults.append(f"refused: {code}: {what}")

    def _ended(self) -> None:
        self._in_flight -= 1

    def _finished(self, request: Request) -> None:
        self._ended()
        if request.resource_type == "script":
            self._scripts.append(request)

    @property
    def script_bytes(self) -> int:
        """What the scripts that were loaded so far weigh, as they came."""
        return sum(one.sizes()["responseBodySize"] for one in self._scripts)

    def go(self, path: str) -> Page:
        """Opens it and waits until it has settled."""
        self.page.goto(path)
        self.page.locator("h1").first.wait_for()
        return self._settled(path)

    def at(self, path: str) -> Page:
        """As `turn_to` where the console is there already."""
        return self.go(path) if self.page.url == "about:blank" else self.turn_to(path)

    def turn_to(self, path: str) -> Page:
        """Another page of the same console, as a click in it opens one: without loading the console
        again. Waits until the page has said its name and asks for nothing more."""
        self.page.evaluate(_TURN, path)
        expect(self.page).to_have_title(_NAMED)
        return self._settled(path)

    def _settled(self, path: str) -> Page:
        quiet = 0
        for _ in range(SETTLE_MS // FADE_MS):
            if self._in_flight:
                self.page.wait_for_timeout(FADE_MS)
            # What an answer leads to is drawn and asked for before the page has time to spare.
            self.page.evaluate(_IDLE)
            quiet = 0 if self._in_flight else quiet + 1
            if quiet >= QUIET_LOOKS:
                return self.page
        raise TimeoutError(f"{path} still asks after {SETTLE_MS} ms")

    def resize(self, width: int) -> None:
        """Another width; the page has answered to it when this returns."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.evaluate(_DRAWN)

    def keeps_its_own_time(self) -> None:
        """The page's clock goes on as the world's, and can be put forward; before it is opened."""
        self.page.clock.install()

    def sees_by_itself(self, shown: Locator, within_s: int) -> None:
        """Nothing is done on the page, which looks again by itself every so many seconds: time
        passes for it, once more where what it would see was not yet there."""
        for _ in range(TIMES_MAX):
            self.page.clock.fast_forward(within_s * 1000)
            with contextlib.suppress(AssertionError):
                expect(shown).to_be_visible(timeout=HEARD_MS)
                return
        expect(shown).to_be_visible()

    def waits_for_the_edge(self, has_heard: Callable[[Page], bool]) -> None:
        """The page asks the service, the edge hears of a change by an event, a moment later. It is
        asked beside the page, with its cookie."""
        for _ in range(HEARD_LOOKS):
            if has_heard(self.page):
                return
            self.page.wait_for_timeout(LOOK_MS)
        raise AssertionError(f"the edge has not heard: {has_heard.__doc__}")

    def paint(self, scheme: Literal["light", "dark"]) -> None:
        """As when the system changes its appearance."""
        self.page.emulate_media(color_scheme=scheme)
        # Not wait_for_function: that asks again by eval, which the page's policy refuses.
        expect(self.page.locator("html")).to_have_attribute("data-theme", scheme)

    def axe(self, *, only_colours: bool = False) -> list[str]:
        """What axe finds against WCAG 2.2 A and AA on the page as it is now; `only_colours` asks
        again only for what another appearance can change. The page's words are read, too: what is
        wrong with them is among its faults."""
        # Colours fade into one another; a half-way colour is nobody's.
        for _ in range(FADES_MAX):
            if not self.page.evaluate(_FADING):
                break
            self.page.wait_for_timeout(FADE_MS)
        if not only_colours:
            self.read()
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(chromium.axe())
        only = {"type": "rule", "values": OF_COLOURS} if only_colours else LEVELS
        asked = {"runOnly": only, "resultTypes": ["violations"]}
        found = self.page.evaluate("(asked) => axe.run(asked)", asked)
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def read(self) -> None:
        """Remembers what nobody should have to read on the page as it is now."""
        place = urlsplit(self.page.url).path
        found = reading.faults(self.page.evaluate(reading.READ))
        self._faults += [f"{place}: {one}" for one in found]

    def is_wider_than_the_window(self) -> bool:
        wide: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide

    def looks_again(self, width: int, scheme: Literal["light", "dark"], *refused: str) -> None:
        """Begins another test in this window: another size and appearance, and nothing that was
        found before counts."""
        self._faults.clear()
        self._met.clear()
        self._expected = set(refused)
        self.page.evaluate("window.refusedByPolicy?.splice(0)")
        self.resize(width)
        self.page.emulate_media(color_scheme=scheme)

    def rests(self) -> bool:
        """Ends a test whose window another one goes on with: whether it is as after its first page,
        with nothing open, at a page that asks for nothing by itself."""
        self.page.unroute_all(behavior="wait")
        self.turn_to(NOWHERE)
        return not self.page.locator(_OPEN).filter(visible=True).count()

    def faults(self) -> list[str]:
        refused = self.page.evaluate("window.refusedByPolicy")
        missed = sorted(self._expected - self._met)
        return [
            *self._faults,
            *(f"policy: {one}" for one in refused),
            *(f"never refused: {one}" for one in missed),
        ]


def _code_of(response: Response) -> str:
    """Of our problem; of an answer that is none, or went with its page, the status."""
    try:
        return str(response.json()["code"])
    except (PlaywrightError, ValueError, LookupError, TypeError):
        return str(response.status)
