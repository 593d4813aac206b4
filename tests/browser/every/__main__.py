"""`python -m tests.browser.every` looks at every visit in both languages at three widths, light and
dark, and takes the time of each page, on a stack of its own. It prints a line for each visit,
writes the tables to .run/every.txt, and ends with 1 when anything was found. With two idle cores
it takes about half an hour; `--only REGEX`, `--language`, `--width` narrow it, `--hands` says how
many look side by side, `--speed` takes the times alone.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.local import console
from tests.browser import chromium
from tests.browser.every import speed
from tests.browser.every.hands import side_by_side
from tests.browser.every.texts import LANGUAGES
from tests.browser.every.visit import WIDTHS, Seen
from tests.browser.every.visits import VISITS
from tests.browser.every.world import World, browser, running
from tests.fixtures.processes import ROOT, Stack

PLACE = ROOT / ".run" / "every.txt"
HEAD = f"{'state':<60} " + " ".join(
    f"{language[:2]}{width}" for language in LANGUAGES for width in WIDTHS
)
Say = Callable[[str], None]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.every", description=__doc__)
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX")
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--width", type=int, choices=WIDTHS, action="append")
    parser.add_argument("--hands", type=int, default=2, help="how many look side by side")
    parser.add_argument("--speed", action="store_true", help="the times alone")
    parser.add_argument("--looks", action="store_true", help="the looks alone")
    parser.add_argument("--run-dir", type=Path, help="of a stack that runs; else one is started")
    parser.add_argument("--out", type=Path, default=PLACE)
    return parser.parse_args()


def _line(name: str, seen: list[Seen]) -> str:
    """Violations and faults, light and dark together; – where it was not looked at."""
    counts = {(one.language, one.width): "lost" if one.lost else str(one.count) for one in seen}
    cells = [
        f"{counts.get((language, width), '–'):>{len(f'{width}') + 2}}"
        for language in LANGUAGES
        for width in WIDTHS
    ]
    return f"{name:<60} {' '.join(cells)}"


def _told(seen: Seen) -> Iterator[str]:
    place = f"{seen.name} [{seen.language} {seen.width}"
    if seen.lost:
        yield f"{place}] not reached: {seen.lost}"
    for scheme, violations in seen.violations.items():
        yield from (f"{place} {scheme}] {one}" for one in violations)
    yield from (f"{place}] {one}" for one in seen.faults)


def _looks(asked: argparse.Namespace, stack: Stack, say: Say) -> list[str]:
    found: list[str] = []
    looked = 0
    say(HEAD)
    names = [visit.name for visit in VISITS if asked.only.search(visit.name)]
    chosen = (asked.language or LANGUAGES, asked.width or WIDTHS)
    for name, seen in side_by_side(stack, names, *chosen, hands=asked.hands):
        looked += len(seen)
        say(_line(name, seen))
        told = [line for one in seen for line in _told(one)]
        for line in told:
            sys.stdout.write(f"    {line}\n")
        found += told
    say(f"{looked} looks, each in light and in dark; found: {len(found)}")
    return found


def _speeds(world: World, say: Say) -> list[str]:
    say(f"\nms until usable, median of {speed.TIMES}; cold: nothing cached; click: from /account")
    say(speed.HEAD)
    slow = []
    for pace in speed.paces(world):
        say(pace.line())
        if pace.is_slow:
            slow.append(f"slower than {speed.LIMIT_MS} ms: {pace.path}")
    return slow


def main() -> int:
    asked = _asked()
    if not asked.run_dir:
        asyncio.run(console.build(print))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    with asked.out.open("w") as out, running(asked.run_dir) as stack:

        def say(line: str) -> None:
            for where in (sys.stdout, out):
                where.write(f"{line}\n")
                where.flush()

        if not asked.speed:
            found += _looks(asked, stack, say)
        if not asked.looks:
            # As people's browsers are, which compile what runs often.
            plain = [one for one in chromium.FLAGS if not one.startswith("--js-flags")]
            world = World(stack)
            with browser(plain) as world.browser:
                found += _speeds(world, say)
        out.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
