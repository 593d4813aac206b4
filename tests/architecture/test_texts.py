"""Every code that a service can say to a person has words in the console, in both languages.

The codes are read from the code itself, the words from gateway/spa/console/src/texts, as text: no
Node is needed. What a page then shows is read in the browser tests (tests/browser/watched.py).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from services.binding.tenancy.permissions import ACTING, ACTING_MORE, PERMISSIONS
from services.binding.tenancy.rules import Role
from tests.architecture.test_bans import problem_codes
from tests.architecture.tree import ROOT, parsed, text, under
from tests.browser.reading import AS_THEY_ARE, HAN, LATIN, PRODUCT_NAMES

CONSOLE = Path("gateway/spa/console/src")
FOLDER = CONSOLE / "texts"
_STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ENTRY = re.compile(
    rf"^  (?P<key>'[^']+'|\w+): \[\s*(?P<zh>{_STRING}),\s*(?P<en>{_STRING})"
    rf"(?:,\s*(?P<one>{_STRING}))?,?\s*\],$",
    re.MULTILINE,
)
_KEYS = re.compile(r"^  ('[^']+'|\w+): ", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")

SPELLED_OUT = {
    "{kind}.change_ask": [f"{kind}.change_ask" for kind in ("app", "merchant")],
    "{row.kind}.change_{state}": [
        f"{kind}.change_{state}"
        for kind in ("app", "merchant")
        for state in ("approved", "rejected")
    ],
    "{row.kind}.change_rejected": [f"{kind}.change_rejected" for kind in ("app", "merchant")],
    "{row.kind}.change_expired": [f"{kind}.change_expired" for kind in ("app", "merchant")],
    "onboarding.{state}": [
        f"onboarding.{state}"
        for state in ("todo", "running", "done", "failed", "skipped", "blocked")
    ],
}
"""Audit actions whose name is put together, by how it is written: what it can become."""
BY_THE_BROWSER = {"outcome_unknown", "unreachable", "unreadable"}
"""Problems that no service says (gateway/spa/shared)."""


def texts() -> dict[str, tuple[str, ...]]:
    """key -> the Chinese text, the English one, and perhaps the English one for a single thing."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((ROOT / FOLDER).rglob("*.ts")):
        if path.name == "index.ts":
            continue
        source = path.read_text(encoding="utf-8")
        entries = list(_ENTRY.finditer(source))
        keys = _KEYS.findall(source)
        # What the reader above does not understand must not pass unread.
        assert [one["key"] for one in entries] == keys, path.name
        for one in entries:
            key = one["key"].strip("'")
            assert key not in found, f"{key} stands twice"
            found[key] = tuple(_said(one[name]) for name in ("zh", "en", "one") if one[name])
    assert "app.name" in found
    return found


def _said(literal: str) -> str:
    said: str = ast.literal_eval(literal)
    return said


def _latin(chinese: str) -> set[str]:
    return set(LATIN.findall(AS_THEY_ARE.sub("", _PLACE.sub("", chinese)))) - PRODUCT_NAMES


def test_each_text_is_in_both_languages() -> None:
    odd = {
        key: pair
        for key, pair in texts().items()
        if not all(one.strip() for one in pair) or any(HAN.search(one) for one in pair[1:])
    }
    assert not odd


def test_no_chinese_text_speaks_english() -> None:
    """Product names apart: what a Chinese reader would have to look up is no text for them."""
    found = {key: left for key, (zh, *_) in texts().items() if (left := _latin(zh))}
    assert not found


def test_both_languages_name_the_same_places() -> None:
    odd = {
        key: pair
        for key, pair in texts().items()
        if len({tuple(sorted(_PLACE.findall(one))) for one in pair}) > 1
    }
    assert not odd


def test_no_text_holds_a_code() -> None:
    """`out_trade_no`, `auth.forbidden` and the like are no words."""
    code = re.compile(r"\b[a-z]+_[a-z_]+\b|\b[a-z]+\.[a-z]+_[a-z]+\b|\bACQ\.")
    found = {
        key: hit[0]
        for key, pair in texts().items()
        if (hit := code.search(AS_THEY_ARE.sub("", _PLACE.sub("", " ".join(pair)))))
    }
    assert not found


def _without(group: str, codes: set[str]) -> list[str]:
    held = texts()
    assert f"{group}.other" in held, "a code of tomorrow needs a general word"
    return sorted(code for code in codes if f"{group}.{code}" not in held)


def _left_behind(group: str, codes: set[str]) -> list[str]:
    """Words for what nobody says any more."""
    said = {f"{group}.{code}" for code in codes | {"other"}}
    return sorted(key for key in texts() if key.startswith(f"{group}.") and key not in said)


def test_every_problem_has_a_text() -> None:
    codes = set(problem_codes())
    assert "auth.session" in codes
    assert not _without("problem", codes)
    assert not _left_behind("problem", codes | BY_THE_BROWSER)


def test_every_permission_and_role_has_a_word() -> None:
    held = set().union(*PERMISSIONS.values(), *ACTING.values(), *ACTING_MORE.values())
    assert "orders.read" in held
    roles = {role.value for role in Role}
    for group, codes in (("permission", held), ("role", roles)):
        assert not _without(group, codes)
        assert not _left_behind(group, codes)
    assert not [name for name in ACTING_MORE if f"grant_set.{name}" not in texts()]


def _actions() -> Iterator[str]:
    """What the services write into the audit log: second of (actor, action, subject), or named."""
    for path in under("services"):
        for node in ast.walk(parsed(path)):
            match node:
                # Three permissions in a row are no entry.
                case ast.Tuple(elts=[actor, action, _]) if not [*_named(actor)]:
                    yield from _named(action)
                case ast.keyword(arg="action", value=action):
                    yield from _named(action)
                case ast.Assign(targets=[ast.Name(id="action")], value=action):
                    yield from _named(action)
                case ast.Call(func=ast.Name(id="_audit_both"), args=given):
                    for one in given:
                        yield from _named(one)


def _named(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from _named(value.body)
        yield from _named(value.orelse)
    elif isinstance(value, ast.Constant) and _ACTION.fullmatch(str(value.value)):
        yield str(value.value)
    elif isinstance(value, ast.JoinedStr) and "." in ast.unparse(value):
        written = ast.unparse(value)[2:-1]
        if (
            re.fullmatch(r"[a-z_.{}]+", written)
            and written.count(".") - written.count("{row.") == 1
        ):
            yield from SPELLED_OUT[written]


def test_every_audit_action_has_a_word() -> None:
    found = set(_actions())
    seen = {"session.open", "app.change_ask", "acting.grant_ask", "device.revoke", "notice.replay"}
    assert seen <= found, "the reader above no longer understands how entries are written"
    assert not _without("audit_action", found)
    kinds = {action.partition(".")[0] for action in found}
    assert not _without("audit_subject", kinds)


def test_words_of_former_audit_actions_are_no_choice_in_the_filter() -> None:
    """The log keeps entries of earlier versions, so their words stay; nobody writes new ones."""
    listed = re.search(r"const FORMER = \[(.*?)\]", _source("pages/audit/Audit.tsx"), re.DOTALL)
    assert listed
    former = set(re.findall(r"'([\w.]+)'", listed[1]))
    found = set(_actions())
    assert not former & found
    assert not _without("audit_action", former)
    assert not _left_behind("audit_action", found | former)
    kinds = {action.partition(".")[0] for action in found | former}
    assert not _left_behind("audit_subject", kinds)


def test_every_reason_for_a_failed_payment_has_words() -> None:
    """What the till's wording knows, and what the gateway tells apart: the merchant reads it."""
    code = re.compile(r"\"((?:ACQ\.[A-Z_]{3,}|payment\.channel_[a-z]+))\"")
    found: set[str] = set()
    for path in (*under("gateway"), *under("services")):
        if path.parts[:2] in {("gateway", "alipay"), ("services", "payment")}:
            found.update(code.findall(text(path)))
    found.discard("payment.channel_not_configured")
    assert "ACQ.PAYMENT_AUTH_CODE_INVALID" in found
    assert not _without("failure", found)


_LITERAL = re.compile(r"['\"]([\w.-]+)['\"]")
_BUILT = re.compile(r"`([a-z_]+\.(?:[\w.]|\$\{[^}]*\})*)`")
_GROUP = re.compile(r"(?:word\(t|inSandbox\()(?:, )?'([a-z_]+)'")
_GROUPS = re.compile(r"const GROUPS[^{]*\{([^}]*)\}")


def test_every_text_is_said_somewhere() -> None:
    """By its key, by a key that is put together, or as a word of a group that is looked up by code.
    Whether each word of such a group is ever looked up, this does not tell."""
    sources = "\n".join(_source(name) for name in _speaking())
    literal = set(_LITERAL.findall(sources))
    built = [
        re.compile(r"[\w.-]+".join(map(re.escape, re.split(r"\$\{[^}]*\}", written))))
        for written in _BUILT.findall(sources)
        if "${" in written
    ]
    groups = set(_GROUP.findall(sources))
    for block in _GROUPS.findall(sources):
        groups.update(_LITERAL.findall(block))
    assert {"audit_action", "audit_mode", "sandbox_way"} <= groups
    left = [
        key
        for key in texts()
        if key not in literal
        and key.partition(".")[0] not in groups
        and not any(one.fullmatch(key) for one in built)
    ]
    assert not left


def _source(name: str) -> str:
    return (ROOT / CONSOLE / name).read_text(encoding="utf-8")


def _speaking() -> Iterator[str]:
    """The console's sources that say texts: those that hold, test or type what is said are none."""
    for path in sorted((ROOT / CONSOLE).rglob("*.ts*")):
        name = path.relative_to(ROOT / CONSOLE)
        if name.parts[0] not in {"texts", "test", "api"}:
            yield name.as_posix()
