"""The faces that texts are set in: one stack for what is read, one for what is copied."""

from playwright.sync_api import Page

_FAMILIES = """
() => {
  const found = {};
  const note = (element, text) => {
    const family = getComputedStyle(element).fontFamily;
    const name = `${element.tagName.toLowerCase()}.${element.className}`;
    const place = `${name} "${text.trim().slice(0, 24)}"`;
    (found[family] ??= []).push(place);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (data.trim() && !/^(SCRIPT|STYLE|NOSCRIPT)$/.test(parentElement.tagName))
      note(parentElement, data);
  }
  for (const one of document.querySelectorAll('input, textarea, select, button'))
    note(one, one.placeholder || one.value || one.type);
  return found;
}
"""


def families(page: Page) -> dict[str, list[str]]:
    found: dict[str, list[str]] = page.evaluate(_FAMILIES)
    return found


def odd(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is set in neither of two stacks that name faces and end in a face without serifs."""
    known: dict[str, str] = {}
    wrong = {}
    for family, places in found.items():
        *named, generic = [one.strip() for one in family.split(",")]
        is_stack = generic in {"sans-serif", "monospace"} and len(named) >= 3
        if not is_stack or known.setdefault(generic, family) != family:
            wrong[family] = places[:5]
    return wrong
