"""How long it takes until a page is usable: its heading and its data are there and nothing is under
way. Loaded from nothing (an empty cache), and turned to by a click from another page."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.browser.every.pages import PAGES
from tests.browser.every.world import NOBODY, World

TIMES = 3
LIMIT_MS = 1000
_PROBE = """
(() => {
  if (location.protocol !== 'about:') localStorage.setItem('damselfly.language', 'zh-CN');
  let open = 0;
  const ask = window.fetch;
  window.fetch = (...given) => {
    open += 1;
    return ask(...given).finally(() => { open -= 1; });
  };
  const BUSY = '[aria-busy=true], .ant-skeleton, .spin, .ant-spin-spinning, .day-wait, .quick-wait';
  const isThere = () =>
    document.title !== '' && document.querySelector('h1') && !document.querySelector(BUSY);
  window.usable = (from) => new Promise((resolve) => {
    let since = null;
    const look = () => {
      const now = performance.now();
      since = isThere() && open === 0 ? (since ?? now) : null;
      if (since !== null && now - since > 200) resolve(since - from);
      else requestAnimationFrame(look);
    };
    look();
  });
})();
"""
_TURN = """
(path) => {
  const from = performance.now();
  performance.clearResourceTimings();
  document.title = '';
  history.pushState(null, '', path);
  dispatchEvent(new PopStateEvent('popstate'));
  return window.usable(from);
}
"""
_ASKED = """
() => performance.getEntriesByType('resource').map((one) => ({
  isApi: new URL(one.name).pathname.startsWith('/api/'), isScript: one.name.endsWith('.js'),
  bytes: one.encodedBodySize, from: one.startTime, to: one.responseEnd }))
"""


@dataclass
class Pace:
    """Of one page, in ms and KiB; `chain` counts requests that waited for one another."""

    who: str
    path: str
    cold_ms: list[float] = field(default_factory=list)
    click_ms: list[float] = field(default_factory=list)
    calls: int = 0
    files: int = 0
    chain: int = 0
    script_kib: float = 0

    @property
    def is_slow(self) -> bool:
        return any(
            statistics.median(one) > LIMIT_MS for one in (self.cold_ms, self.click_ms) if one
        )

    def line(self) -> str:
        cold, click = (
            f"{statistics.median(one):6.0f}" if one else "     —"
            for one in (self.cold_ms, self.click_ms)
        )
        return (
            f"{self.who + ' ' + self.path:<52} {cold} {click} {self.calls:>6} {self.files:>6}"
            f" {self.chain:>6} {self.script_kib:>8.0f}"
        )


HEAD = f"{'page':<52} {'cold':>6} {'click':>6} {'calls':>6} {'files':>6} {'chain':>6} {'JS KiB':>8}"


def _window(world: World, who: str) -> Page:
    context = world.browser.new_context(
        base_url=world.public, locale="zh-CN", timezone_id="UTC", storage_state=world.state_of(who),
        viewport={"width": 1440, "height": 900},
    )  # fmt: skip
    context.add_init_script(_PROBE)
    return context.new_page()


def _load(page: Page, path: str) -> float:
    page.goto(path, wait_until="commit")
    found: float = page.evaluate("usable(0)")
    return found


def _note(page: Page, pace: Pace) -> None:
    asked = page.evaluate(_ASKED)
    pace.calls = sum(one["isApi"] for one in asked)
    pace.files = len(asked) - pace.calls
    pace.script_kib = sum(one["bytes"] for one in asked if one["isScript"]) / 1024
    depth: list[int] = []
    for one in sorted(asked, key=lambda each: each["from"]):
        before = sorted(asked, key=lambda each: each["from"])[: len(depth)]
        waited = [
            known for known, other in zip(depth, before, strict=True) if other["to"] <= one["from"]
        ]
        depth.append(1 + max(waited, default=0))
    pace.chain = 1 + max(depth, default=0)


def paces(world: World) -> Iterator[Pace]:
    pages = [(NOBODY, "/login"), *((who, path) for who, known in PAGES.items() for path in known)]
    for who, path in pages:
        pace = Pace(who or "nobody", path)
        address = path.format(**world.names_of(who))
        for _ in range(TIMES):
            page = _window(world, who)
            pace.cold_ms.append(_load(page, address))
            _note(page, pace)
            page.context.close()
            if who == NOBODY or path == "/account":
                continue
            page = _window(world, who)
            _load(page, "/account")
            pace.click_ms.append(page.evaluate(_TURN, address))
            page.context.close()
        yield pace
