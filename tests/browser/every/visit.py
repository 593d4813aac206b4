"""One state of one page, and what is looked at there: WCAG 2.2 A and AA by axe in light and in
dark, the words, the width, and that what opens is open and inside the window."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import ViewportSize

from tests.browser.every.hand import Hand
from tests.browser.every.source import SEEN_AS, kind_of
from tests.browser.every.world import World
from tests.browser.watched import Watched

WIDTHS = (1440, 1280, 390)
WIDE = (1440, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PATIENCE_MS = 20_000
REST_MS = 300
OPEN_MS = 5_000
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

    name: str
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


def looks(visit: Visit, world: World, language: str, widths: Iterable[int]) -> list[Seen]:
    """At each of these widths that the visit knows; the wide ones in one window, which is drawn
    smaller as a person does it. What that loses is visited anew."""
    found: list[Seen] = []
    wanted = [width for width in widths if width in visit.widths]
    for together in (
        [one for one in wanted if one in WIDE],
        [one for one in wanted if one < WIDE[1]],
    ):
        if not together:
            continue
        seen = _look(visit, world, language, together)
        found.append(seen[0])
        for one in seen[1:]:
            is_closed = one.lost and not seen[0].lost
            found += _look(visit, world, language, [one.width]) if is_closed else [one]
    return found


def _look(visit: Visit, world: World, language: str, widths: list[int]) -> list[Seen]:
    context = world.browser.new_context(
        base_url=world.public, locale="zh-CN", reduced_motion="reduce", timezone_id="UTC",
        viewport=_of_size(widths[0]), storage_state=world.state_of(visit.who),
        color_scheme="light", permissions=["clipboard-write"],
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    opened = Watched(context, world.public, language, visit.refused)
    hand = Hand(opened, language, widths[0], world.names_of(visit.who))
    known: Counter[str] = Counter()
    found: list[Seen] = []
    for width in widths:
        seen = Seen(visit.name, language, width)
        try:
            if found:
                hand.page.set_viewport_size(_of_size(width))
                hand.page.wait_for_timeout(REST_MS)
            else:
                _go(visit, hand)
            _examine(visit, hand, seen)
        except (PlaywrightError, AssertionError, TimeoutError) as error:
            seen.lost = str(error).strip().splitlines()[0]
        told = Counter(opened.faults())
        seen.faults += (told - known).elements()
        known = told
        found.append(seen)
        if seen.lost:
            break
    hand.leave()
    hand.page.unroute_all(behavior="ignoreErrors")
    world.renew(visit.who, context)
    context.close()
    lost = found[-1].lost
    return [*found, *(Seen(visit.name, language, one, lost=lost) for one in widths[len(found) :])]


def _of_size(width: int) -> ViewportSize:
    return {"width": width, "height": 900}


def _go(visit: Visit, hand: Hand) -> None:
    visit.before(hand)
    address = visit.at.format(**hand.names)
    if visit.rests:
        hand.opened.go(address)
    else:
        hand.page.goto(address)
        hand.page.locator(_WAITS).first.wait_for()
    if visit.act is not nothing:
        visit.act(hand)
        hand.page.wait_for_timeout(REST_MS)


def _examine(visit: Visit, hand: Hand, seen: Seen) -> None:
    page = hand.page
    for opening in visit.opens:
        box = page.locator(SEEN_AS[kind_of(opening)]).filter(visible=True)
        box.first.wait_for(timeout=OPEN_MS)
        if box.evaluate_all(_OUTSIDE):
            seen.faults.append(f"{opening}: outside the window")
    for scheme in SCHEMES:
        hand.opened.paint(scheme)
        is_again = scheme != SCHEMES[0]
        seen.violations[scheme] = hand.opened.axe(only_colours=is_again)
    if hand.opened.is_wider_than_the_window():
        seen.faults.append("wider than the window")
