"""One state of one page, and what is looked at there: WCAG 2.2 A and AA by axe in light and in
dark, the words, the width, and that what opens is open and inside the window."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Error as PlaywrightError

from tests.browser.every.hand import Hand
from tests.browser.every.source import SEEN_AS, kind_of
from tests.browser.every.world import World
from tests.browser.watched import Watched

WIDTHS = (1440, 1280, 390)
WIDE = (1440, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PATIENCE_MS = 20_000
REST_MS = 300
_WAITS = "[aria-busy=true], .ant-skeleton, .spin"
_OUTSIDE = """
(boxes) => boxes.filter((one) => one.checkVisibility({ opacityProperty: true })).some((one) => {
  const box = one.getBoundingClientRect();
  return box.width > 0 && (box.left < -1 || box.right > innerWidth + 1);
})
"""


def nothing(_: Hand) -> None:
    """The page as it opens."""


@dataclass(frozen=True)
class Visit:
    name: str
    at: str
    act: Callable[[Hand], None] = nothing
    """what is done on the page"""
    opens: tuple[str, ...] = ()
    """what of the sources it opens (source.py)"""
    who: str = "owner"
    refused: tuple[str, ...] = ()
    widths: tuple[int, ...] = WIDTHS
    before: Callable[[Hand], None] = nothing
    """what is arranged before the page is opened"""
    rests: bool = True
    """whether the page comes to rest before it is looked at; one that waits for ever does not"""


@dataclass
class Seen:
    """What was found in one visit, in one language, at one width."""

    visit: Visit
    language: str
    width: int
    violations: dict[str, list[str]] = field(default_factory=dict)
    """by scheme, what axe says"""
    faults: list[str] = field(default_factory=list)
    """console, policy, refusals, words, width"""
    lost: str = ""
    """why it could not be reached"""

    @property
    def count(self) -> int:
        return sum(map(len, self.violations.values())) + len(self.faults) + bool(self.lost)


def look(visit: Visit, world: World, language: str, width: int) -> Seen:
    seen = Seen(visit, language, width)
    context = world.browser.new_context(
        base_url=world.public, locale="zh-CN", reduced_motion="reduce", timezone_id="UTC",
        viewport={"width": width, "height": 900}, storage_state=world.state_of(visit.who),
        color_scheme="light", permissions=["clipboard-write"],
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    opened = Watched(context, world.public, language, visit.refused)
    hand = Hand(opened, language, width, world.names_of(visit.who))
    try:
        _go(visit, hand)
        _examine(visit, hand, seen)
    except (PlaywrightError, AssertionError, TimeoutError) as error:
        seen.lost = str(error).strip().splitlines()[0]
    seen.faults += opened.faults()
    hand.leave()
    hand.page.unroute_all(behavior="ignoreErrors")
    world.renew(visit.who, context)
    context.close()
    return seen


def _go(visit: Visit, hand: Hand) -> None:
    visit.before(hand)
    address = visit.at.format(**hand.names)
    if visit.rests:
        hand.opened.go(address)
    else:
        hand.page.goto(address)
        hand.page.locator(_WAITS).first.wait_for()
    visit.act(hand)
    hand.page.wait_for_timeout(REST_MS)


def _examine(visit: Visit, hand: Hand, seen: Seen) -> None:
    page = hand.page
    for opening in visit.opens:
        box = page.locator(SEEN_AS[kind_of(opening)]).filter(visible=True)
        box.first.wait_for()
        if box.evaluate_all(_OUTSIDE):
            seen.faults.append(f"{opening}: outside the window")
    for scheme in SCHEMES:
        hand.opened.paint(scheme)
        is_again = scheme != SCHEMES[0]
        seen.violations[scheme] = hand.opened.axe(only_colours=is_again)
    if hand.opened.is_wider_than_the_window():
        seen.faults.append("wider than the window")
