"""The console's files: a strict policy on each, an index for every path of the console."""

import gzip
import re
import tomllib
from pathlib import Path

import pytest

from gateway import VERSION
from gateway.edge import security_headers
from gateway.server.asgi import HttpApp
from gateway.server.static import StaticFiles
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import Got, ask

CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
NONCE = re.compile(r'nonce="([^"]+)"')
pytestmark = pytest.mark.asyncio


def without_nonce(got: Got) -> str:
    return NONCE.sub("", got.text)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(
        '<!doctype html><meta property="csp-nonce" nonce="__CSP_NONCE__">'
        '<script src="/assets/app-1a2b.js" nonce="__CSP_NONCE__"></script>'
    )
    (tmp_path / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "assets" / "app-1a2b.js.gz").write_bytes(gzip.compress(b"1"))
    (tmp_path / "logo.svg").write_text("<svg/>")
    (tmp_path / "secret").symlink_to("/etc/hostname")
    return tmp_path


async def get(town: Town, dist: Path, path: str, **options: object) -> Got:
    town.edge._static = StaticFiles(dist)
    return await ask(town.door, "GET", path, **options)  # type: ignore[arg-type]


async def test_files_and_index(town: Town, dist: Path) -> None:
    page = await get(town, dist, "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-store"
    script = await get(town, dist, "/assets/app-1a2b.js")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    for path in ("/orders", "/orders/D123", "/h5x"):
        assert without_nonce(await get(town, dist, path)) == without_nonce(page)


@pytest.mark.parametrize(
    "path", ["/internal", "/internal/sessions/resolve", "/alipay", "/alipay/other/x", "/api"]
)
async def test_what_is_inside_is_no_page(town: Town, dist: Path, path: str) -> None:
    """A built console answers every path but these with its page."""
    assert (await get(town, dist, path)).status == 404
    assert (await get(town, dist, "/apis")).status == 200


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize(
    ("path", "sent_there"),
    [
        ("/h5", 405), ("/h5/rewards/AbC-_", 405), ("/h5/assets/app-1a2b.js", 405),
        ("/h5/a%20b", 404), ("/h5/", 404),
    ],
)  # fmt: skip
async def test_a_buyers_phone_never_meets_the_console(
    town: Town, dist: Path, tmp_path: Path, path: str, sent_there: int, built: bool
) -> None:
    """F2: a code from an earlier receipt leads to a page that says it is not there yet."""
    got = await get(town, dist if built else tmp_path / "none", path)
    assert (got.status, got.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert got.headers["cache-control"] == "no-store"
    for text in ("尚未开放", "not open yet", "付款不受影响"):
        assert text in got.text
    assert "<script" not in got.text
    sent = await ask(town.door, "POST", path, body=b"{}")
    assert sent.status == sent_there
    assert sent.headers["content-type"] == "application/problem+json"


async def test_each_page_has_a_nonce_of_its_own(town: Town, dist: Path) -> None:
    """Styles that the console's library adds carry it; scripts come from files alone."""
    town.edge._static = StaticFiles(dist)
    door = HttpApp(
        town.edge.handle, town.edge.lifespan, security_headers("https://pay.example.test")
    )
    pages = [await ask(door, "GET", path) for path in ("/", "/orders")]
    nonces = []
    for page in pages:
        found = set(NONCE.findall(page.text))
        assert len(found) == 1
        nonce = found.pop()
        assert len(nonce) >= 24
        policy = page.headers["content-security-policy"]
        assert policy == f"{CSP}; form-action 'self'; style-src 'self' 'nonce-{nonce}'"
        assert "unsafe" not in policy
        assert "etag" not in page.headers
        nonces.append(nonce)
    assert nonces[0] != nonces[1]
    assert (await ask(door, "GET", "/logo.svg")).headers["content-security-policy"] == CSP


async def test_compressed_for_whoever_takes_it(town: Town, dist: Path) -> None:
    path = "/assets/app-1a2b.js"
    packed = await get(town, dist, path, headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == b"1"
    plain = await get(town, dist, path)
    assert "content-encoding" not in plain.headers
    assert (plain.body, plain.headers["vary"]) == (b"1", "accept-encoding")
    assert packed.headers["etag"] != plain.headers["etag"]
    assert (await get(town, dist, path + ".gz")).status == 404


async def test_what_anybody_may_know(town: Town) -> None:
    got = await ask(town.door, "GET", "/api/public/v1/about")
    assert (got.status, got.json()) == (
        200,
        {"is_sandbox": False, "sandbox_page": None, "version": VERSION},
    )
    assert (await ask(town.door, "POST", "/api/public/v1/about", body=b"{}")).status == 405
    project = tomllib.loads(Path("pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


@pytest.mark.parametrize("path", ["/assets/none.js", "/api/nothing", "/../pyproject.toml", "/a//b"])
async def test_what_is_not_there(town: Town, dist: Path, path: str) -> None:
    got = await get(town, dist, path)
    assert (got.status, got.json()["code"]) == (404, "not_found")


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    "path",
    [
        "/orders/%E8%AE%A2%E5%8D%95D26112", "/orders/x%20y", "/orders/D2611.2", "/orders/.x",
        "/merchants/a%2Fb", "/orders/%zz", "/orders/100%", "/orders/", "/orders/a'b", "/apis/a.b",
    ],
)  # fmt: skip
async def test_any_address_that_a_person_opens_is_a_page(town: Town, dist: Path, path: str) -> None:
    """The console knows best what to say of it; a program hears that it is not there."""
    index = await get(town, dist, "/")
    opened = await get(town, dist, path, headers=BROWSER)
    assert without_nonce(opened) == without_nonce(index)
    assert (opened.status, opened.headers["cache-control"]) == (200, "no-store")
    assert "content-security-policy" in opened.headers
    program = await get(town, dist, path, headers={"Accept": "*/*"})
    assert (program.status, program.headers["content-type"]) == (404, "application/problem+json")
    sent = await ask(town.door, "POST", path, headers=BROWSER, body=b"{}")
    assert sent.headers["content-type"] == "application/problem+json"
    unbuilt = await get(town, dist / "none", path, headers=BROWSER)
    assert (unbuilt.status, unbuilt.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/api/merchant/v1/orders/x%20y", "/api/merchant/v1/orders/%E8%AE%A2", "/api/", "/api/a.b",
        "/internal/a.b", "/internal/x%20y", "/alipay/x%20y", "/alipay/notify/%2e", "/h5/x%20y",
        "/%61pi/merchant", "/a%70i/x", "/assets/none.js", "/assets/x%20y", "/favicon2.ico/..",
        "/orders/../api/x", "/orders/%2e%2e/api", "/orders/%2E/x", "/a//b", "//orders/x.y",
        "/../pyproject.toml", "/.git/config", "/orders/x%20y?a=\x01", "/\\api/x",
    ],
)  # fmt: skip
async def test_what_is_no_page_is_none_for_a_browser(town: Town, dist: Path, path: str) -> None:
    got = await get(town, dist, path, headers=BROWSER)
    assert got.status == 404
    assert "<script" not in got.text


async def test_links_are_not_followed(town: Town, dist: Path) -> None:
    secret, index = [await get(town, dist, path) for path in ("/secret", "/")]
    assert without_nonce(secret) == without_nonce(index)


async def test_an_unchanged_file_is_not_sent_again(town: Town, dist: Path) -> None:
    tag = (await get(town, dist, "/logo.svg")).headers["etag"]
    again = await get(town, dist, "/logo.svg", headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


async def test_files_are_only_read(town: Town, dist: Path) -> None:
    town.edge._static = StaticFiles(dist)
    got = await ask(town.door, "POST", "/", body=b"x")
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")
    head = await ask(town.door, "HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 100


async def test_before_the_console_is_built_a_page_says_so(town: Town, tmp_path: Path) -> None:
    got = await get(town, tmp_path / "none", "/")
    assert (got.status, got.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for text in ("商家控制台", "was not built yet", 'href="/readyz"'):
        assert text in got.text
    assert "<script" not in got.text
    assert " style=" not in got.text
    assert (await get(town, tmp_path / "none", "/orders")).status == 404


async def test_the_policy_is_on_every_answer(town: Town, tmp_path: Path) -> None:
    town.edge._static = StaticFiles(tmp_path / "none")
    paths = ("/", "/livez", "/readyz", "/nothing", "/api/device/v1/me", "/api/merchant/v1/orders")
    door = HttpApp(
        town.edge.handle, town.edge.lifespan, security_headers("https://pay.example.test")
    )
    for path in paths:
        headers = (await ask(door, "GET", path)).headers
        assert headers["content-security-policy"] == CSP
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"].startswith("max-age=")
    names = [name for name, _ in security_headers("http://127.0.0.1:8080")]
    assert b"strict-transport-security" not in names
