"""Several look side by side at one stack: a process, a browser and people of its own for each."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing.util import Finalize

from playwright.sync_api import expect

from tests.browser import chromium
from tests.browser.every.visit import PATIENCE_MS, Seen, looks
from tests.browser.every.visits import VISITS
from tests.browser.every.world import World, browser
from tests.fixtures.processes import Stack

Found = tuple[str, list[Seen]]


class _Here:
    """What this process looks at."""

    world: World


def _begin(stack: Stack) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    _Here.world = World(stack)
    opened = ExitStack()
    _Here.world.browser = opened.enter_context(browser(chromium.FLAGS))
    Finalize(_Here, opened.close, exitpriority=10)


def _visit(languages: Sequence[str], widths: Sequence[int], name: str) -> Found:
    (visit,) = [one for one in VISITS if one.name == name]
    return name, [
        seen for language in languages for seen in looks(visit, _Here.world, language, widths)
    ]


def side_by_side(
    stack: Stack,
    names: Sequence[str],
    languages: Sequence[str],
    widths: Sequence[int],
    *,
    hands: int,
) -> Iterator[Found]:
    """What is found, in the order of the names."""
    chromium.find()
    with ProcessPoolExecutor(
        max_workers=hands, mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin, initargs=(stack,),
    ) as pool:  # fmt: skip
        yield from pool.map(partial(_visit, languages, widths), names)
