"""Documents that must exist, and what no tracked file may hold."""

import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, files, lines_with, text

PROSE = {
    ".md", ".py", ".toml", ".txt", ".in", ".json", ".yaml", ".yml", ".xml", ".sh", ".sql", "",
    ".ts", ".tsx", ".js", ".mjs", ".cjs", ".css", ".html", ".svg", ".java", ".go", ".mod",
}  # fmt: skip


def _prose() -> list[Path]:
    return [path for path in files() if path.suffix in PROSE]


def _hits(pattern: re.Pattern[str], *, allowed: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in _prose()
        if path != Path("tests/architecture/test_docs.py") and str(path) not in allowed
        for number, line in lines_with(path)
        if pattern.search(line)
    ]


def test_readmes_in_both_languages_point_at_each_other() -> None:
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    assert "README.zh-CN.md" in english.read_text()
    assert "README.md" in chinese.read_text()
    assert re.search(r"[\u4e00-\u9fff]{20}", chinese.read_text().replace("，", ""))


def test_every_decision_is_listed() -> None:
    decisions = [p for p in files() if p.parent == Path("docs/adr") and p.name[:4].isdigit()]
    index = text(Path("docs/adr/README.md"))
    assert decisions
    assert not [path.name for path in decisions if path.name not in index]
    numbers = [path.name[:4] for path in decisions]
    assert len(numbers) == len(set(numbers))


def test_links_between_documents_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    broken = []
    for path in (path for path in files() if path.suffix == ".md"):
        for target in link.findall(text(path)):
            if not (ROOT / path.parent / target).exists():
                broken.append(f"{path} -> {target}")
    assert not broken


def test_files_that_documents_name_exist() -> None:
    """By their path, or by the end of it where a document names a module alone."""
    named = re.compile(r"`([\w./-]+\.(?:py|sql|tsx?))`")
    known = {f"/{path}" for path in files()}
    missing = [
        f"{path}: {name}"
        for path in files()
        if path.suffix == ".md"
        for name in named.findall(text(path))
        if not any(one.endswith(f"/{name}") for one in known)
    ]
    assert not missing


def test_every_picture_is_shown_in_its_language() -> None:
    """The guide's Chinese half shows Chinese pictures and its English half their twins, so do the
    two READMEs; no picture is left that nothing shows."""
    shown = re.compile(r"!\[[^]]+\]\(images/console/([\w-]+)\.webp\)")
    chinese, english = text(Path("docs/console.md")).split("\n## English\n")
    of_chinese = shown.findall(chinese)
    assert of_chinese
    assert shown.findall(english) == [f"{name}-en" for name in of_chinese]
    readmes = ["readme", "readme-en"]
    assert "(docs/images/console/readme.webp)" in text(Path("README.zh-CN.md"))
    assert "(docs/images/console/readme-en.webp)" in text(Path("README.md"))
    kept = {path.stem for path in files() if path.parent == Path("docs/images/console")}
    assert kept == {*of_chinese, *shown.findall(english), *readmes}


def test_no_machine_paths() -> None:
    """What only exists on the author's machine fails on everybody else's."""
    assert not _hits(re.compile(r"(?<![\w./-])/(?:work|root|home/\w+|Users/\w+)/"))


def test_no_registry_addresses() -> None:
    """Locks hold hashes, not the address they came from; the user's own settings decide that."""
    static = re.compile(
        r"https?://[^\s\"')>]*(?:pypi|npmjs|registry\.|artifactory|/simple\b|goproxy|repo1?\.maven)"
        r"|^\s*--(?:extra-)?index-url|^registry\s*="
    )
    assert not _hits(static)
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    for host in re.findall(r"https?://(?:[^@/\s']*@)?([^/:\s']+)", configured):
        assert not [path for path in _prose() if host in text(path)]


def test_no_private_keys_nor_phone_numbers() -> None:
    """The source manual itself printed a private key; a payment repository will be sent more."""
    body = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\n\s*[A-Za-z0-9+/=]{40}")
    assert not [str(path) for path in files() if body.search(text(path))]
    assert not _hits(re.compile(r"(?<![\w.])1[3-9]\d{9}(?![\w.])"))


def test_files_end_with_one_newline() -> None:
    ragged = [
        str(path)
        for path in _prose()
        if (content := text(path)) and (not content.endswith("\n") or content.endswith("\n\n"))
    ]
    assert not ragged
