"""What can open on a page, as the sources of the console say it: `pages/people/Staff Dialog 2` is
the second dialog in that file. A visit names what it opens; what no visit names is missed."""

import re
from pathlib import Path

from tests.browser.every.texts import SOURCES

SEEN_AS = {
    "Modal": ".ant-modal",
    "Window": ".ant-modal",
    "Dialog": ".ant-modal",
    "confirm": ".ant-modal-confirm",
    "Drawer": ".ant-drawer-section, .ant-drawer-content",
    "Popconfirm": ".ant-popover",
    "Popover": ".ant-popover",
    "Dropdown": ".ant-dropdown",
    "Tabs": "[role=tabpanel]",
    "Select": ".ant-select-dropdown",
    "DatePicker": ".ant-picker-dropdown",
    "Tooltip": ".ant-tooltip",
    "details": "details[open]",
    "message": ".ant-message-notice",
    "notification": ".ant-notification-notice",
}
"""Each kind, and how it is recognized once it is open."""
ASIDE = frozenset({"message", "notification"})
_OPENS = re.compile(
    r"<(Modal|Window|Dialog|Drawer|Popconfirm|Popover|Dropdown|Tabs|Select|DatePicker|Tooltip"
    r"|details)\b|\bmodal\.(confirm)\(|\b(message|notification)\.(?:success|error|info|warning)\("
)
_ROUTE = re.compile(r"""<Route path="([^"*]+)"|\bpath: '([^']+)'""")


def openings(folder: Path = SOURCES) -> set[str]:
    found = set()
    for path in sorted(folder.rglob("*.tsx")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        counts: dict[str, int] = {}
        for match in _OPENS.finditer(path.read_text()):
            kind = next(filter(None, match.groups()))
            # What is said beside the page looks the same whoever says it.
            counts[kind] = 1 if kind in ASIDE else counts.get(kind, 0) + 1
            if not name.startswith("test/"):
                found.add(f"{name} {kind} {counts[kind]}")
    return found


def kind_of(opening: str) -> str:
    return opening.split()[1]


def routes(folder: Path = SOURCES) -> set[str]:
    """The addresses of pages."""
    sources = (folder / "app.tsx", folder / "pages" / "registry.tsx")
    found = [pair for path in sources for pair in _ROUTE.findall(path.read_text())]
    return {one or other for one, other in found}
