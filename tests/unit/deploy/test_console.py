"""When the console is built anew, with which Node, and what is said when it cannot be."""

import asyncio
from pathlib import Path

import pytest

from deploy.local import console


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        ("v18.20.4", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.19.0", True),
        ("nothing", False),
    ],
)
def test_which_node_will_do(version: str, is_enough: bool) -> None:
    assert console.is_new_enough(version) is is_enough


@pytest.fixture
def spa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A console of two files, with a node and an npm that do what a test writes into them."""
    project = tmp_path / "spa" / "console"
    (project / "src").mkdir(parents=True)
    (project / "src" / "main.tsx").write_text("1")
    (project / "package-lock.json").write_text("{}")
    tools = tmp_path / "bin"
    tools.mkdir()
    _program(tools / "node", "echo v22.12.0")
    for name, value in (
        ("SPA", project.parent),
        ("PROJECT", project),
        ("DIST", project.parent / "dist"),
        ("FRESH", project.parent / "dist.new"),
        ("STAMP", project.parent / "dist.stamp"),
        ("MODULES", project / "node_modules"),
    ):
        monkeypatch.setattr(console, name, value)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return project.parent


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


GOOD = """
echo "$@" >> ../../asked
case "$1" in
ci) mkdir -p node_modules ;;
run) mkdir -p "$CONSOLE_OUT" && echo page > "$CONSOLE_OUT/index.html" ;;
esac
"""


def _build(said: list[str]) -> None:
    asyncio.run(console.build(said.append))


def test_built_once_and_again_only_when_a_source_changed(spa: Path) -> None:
    _program(spa.parent / "bin" / "npm", GOOD)
    said: list[str] = []
    _build(said)
    assert (spa / "dist" / "index.html").read_text() == "page\n"
    assert said[-1].endswith("built")
    _build(again := [])
    assert again == []
    (spa / "console" / "src" / "main.tsx").write_text("2")
    _build(said)
    asked = (spa.parent / "asked").read_text().splitlines()
    assert [line.split()[0] for line in asked] == ["ci", "run", "run"]
    assert "--omit=dev" in asked[0]


def test_tools_for_checks_are_added_to_those_of_the_build(spa: Path) -> None:
    """`npm ci` would install the others again; another lock begins anew."""
    _program(spa.parent / "bin" / "npm", GOOD)
    said: list[str] = []
    _build(said)
    asyncio.run(console.run_script("test", said.append))
    asyncio.run(console.run_script("check", said.append))
    (spa / "console" / "package-lock.json").write_text("{ }")
    asyncio.run(console.run_script("test", said.append))
    asked = (spa.parent / "asked").read_text().splitlines()
    assert [line.split()[0] for line in asked] == [
        "ci",
        "run",
        "install",
        "run",
        "run",
        "ci",
        "run",
    ]
    assert "--no-save" in asked[2]
    assert "--omit=dev" not in asked[5]


def test_what_cannot_be_built_is_explained_and_leaves_the_old_files(spa: Path) -> None:
    npm = spa.parent / "bin" / "npm"
    _program(npm, GOOD)
    _build([])
    (spa / "console" / "src" / "main.tsx").write_text("2")
    _program(npm, "echo no route to the registry; exit 1")
    with pytest.raises(console.NotBuilt) as refused:
        _build([])
    text = str(refused.value)
    for part in ("no route to the registry", "Node 20.19", "收款与接口不受影响", "work without it"):
        assert part in text
    assert (spa / "dist" / "index.html").read_text() == "page\n"


@pytest.mark.parametrize(
    ("shell", "wanted"),
    [
        ({}, "/of pip.pem"),
        ({"PIP_CERT": "/of the shell.pem"}, "/of the shell.pem"),
        ({"NODE_EXTRA_CA_CERTS": "/of node.pem"}, "/of node.pem"),
    ],
)
def test_npm_believes_whom_pip_believes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: dict[str, str], wanted: str
) -> None:
    """An authority that only pip was told of stands before npm's registry, too."""
    settings = tmp_path / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[global]\ncert = /of pip.pem\n")
    for name in ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(tmp_path), **shell}.items():
        monkeypatch.setenv(name, value)
    console._pips_cert.cache_clear()
    assert console.Node(tmp_path).environment()["NODE_EXTRA_CA_CERTS"] == wanted
    console._pips_cert.cache_clear()
