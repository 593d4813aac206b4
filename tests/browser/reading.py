"""What a person reads on a page, and what must never stand there: a code, a UUID, a regular
expression, the name a browser gives itself, a missing text, or the other language.

What the page heard from the API (names, notes, numbers) is data: it may be in any language. What is
marked `data-verbatim` (keys, one-time secrets, serial numbers) is no text at all.
"""

import re
from typing import Any

PRODUCT_NAMES = frozenset(
    {"Alipay", "AppID", "PID", "ID", "API", "APIv", "AES", "Base64", "IoT", "IOT", "SN", "PEM"}
    | {"PKCS", "POS", "ERP", "QR", "RSA", "CSV", "URL", "OpenID", "Enter", "Ctrl", "Esc", "PIN"}
    | {"Windows", "Mac", "Android", "iPhone", "iPad", "Linux", "UTC", "http", "https", "crt"}
    | {"Chrome", "Edge", "Safari", "Firefox"}
)
"""Latin words that a Chinese text may hold: names, and what stands so on other people's pages."""
AS_THEY_ARE = re.compile(r"SETUP_CODE_FILE|PUBLIC_URL|make run|zhou@tea")
"""What an administrator types; an example."""
LATIN = re.compile(r"[A-Za-z]{2,}")
HAN = re.compile(r"[\u4e00-\u9fff]")

HEAR = """
(() => {
window.heard = new Set();
const SAID_BY_US = /_zh$|_en$|^(title|detail|message|remedy|label|code|action|kind)$/;
const CODE = /^[a-z]+([._][a-z]+)*$/;
const GIVEN_BY_PEOPLE = /^(name|handle|login|username|\\w+_name)$/;
const hear = (value, name) => {
  if (typeof value === 'string') {
    const isCode = CODE.test(value) && !GIVEN_BY_PEOPLE.test(name);
    if (value.length > 1 && !isCode && !SAID_BY_US.test(name)) window.heard.add(value);
  } else if (value && typeof value === 'object') {
    for (const [key, one] of Object.entries(value)) hear(one, Array.isArray(value) ? name : key);
  }
};
const ask = window.fetch;
window.fetch = async (...given) => {
  const answer = await ask(...given);
  answer.clone().json().then((body) => hear(body, ''), () => undefined);
  return answer;
};
})();
"""
"""In every page, before its own scripts."""

READ = """
() => {
  const said = [];
  const own = (one) => one.closest('[lang]') === document.documentElement;
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && own(one);
  const add = (one, text) => {
    const trimmed = text.replace(/\\s+/g, ' ').trim();
    if (trimmed) said.push({ text: trimmed, verbatim: one.closest('[data-verbatim]') !== null });
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const one = node.parentElement;
    // A choice is called by its label; its value beside it has no size and is nobody's to read.
    if (one.matches('[role=option][aria-label]')) continue;
    if (!/^(SCRIPT|STYLE|NOSCRIPT|TEXTAREA)$/.test(one.tagName) && shown(one)) add(one, node.data);
  }
  for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
    for (const one of document.querySelectorAll(`[${name}]`)) {
      // The library's icons and steppers bring names of their own.
      const isTheirs = one.matches('.anticon, [class*="input-number-action"]');
      if (shown(one) && !isTheirs) add(one, one.getAttribute(name));
    }
  }
  return { language: document.documentElement.lang, said, heard: [...window.heard] };
}
"""

_NEVER = {
    "a UUID": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"),
    "a browser's own name": re.compile(r"Mozilla/|AppleWebKit|KHTML"),
    "a regular expression": re.compile(r"\\p\{|\[\^|\\d[+*{]|\(\?[:=!]"),
}
_CODES = {
    "a code": re.compile(r"\b[a-z]{2,}(?:_[a-z0-9]+)+\b|\b(?:ACQ|isv|aop|isp)\.[\w.-]+"),
    "a constant": re.compile(r"\b[A-Z]{2,}_[A-Z_]{2,}\b"),
    "a dotted code or a missing text": re.compile(
        r"(?<![\w@/.-])[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*(?![\w@/.-]|\()"
    ),
    "a place that was not filled": re.compile(r"\{\{|\}\}|\bundefined\b|\bNaN\b|\[object "),
}


def faults(read: dict[str, Any]) -> list[str]:
    """What nobody should have to read, of the answer to READ."""
    heard = sorted(read["heard"], key=len, reverse=True)
    found = []
    for one in read["said"]:
        text, is_verbatim = one["text"], one["verbatim"]
        rules = _NEVER if is_verbatim else _NEVER | _CODES
        left = AS_THEY_ARE.sub("", text)
        found += [f"{what}: {text}" for what, form in rules.items() if form.search(left)]
        if not is_verbatim and (other := _other_language(read["language"], left, heard)):
            found.append(f"not in {read['language']}: {other!r} in {text!r}")
    return sorted(set(found))


def _other_language(language: str, text: str, heard: list[str]) -> str:
    form = HAN if language == "en" else LATIN
    if not form.search(text):
        return ""
    for said in heard:
        text = text.replace(said, " ")
    if language == "en":
        return "".join(HAN.findall(text))
    return " ".join(sorted(set(LATIN.findall(text)) - PRODUCT_NAMES))
