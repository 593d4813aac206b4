"""The export of the audit log: streamed through the edge, made part by part, one at a time for a
merchant, and entered in the log itself."""

import asyncio
import contextlib
import csv
import hashlib
import io
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import pytest_asyncio
from aiohttp import ClientPayloadError

from gateway.limits import STREAM_IDLE_S
from services.binding.audit import log
from services.binding.audit.repo import AuditFilter
from shared.contracts.principal import Principal
from shared.serve import Http
from tests.integration.binding.audit.test_audit import FILL
from tests.integration.binding.conftest import PASSWORD
from tests.unit.gateway.streamed import browser, edge_on, eventually, served, settled

M = "/api/merchant/v1"
EXPORT = f"{M}/audit/export"
LASTING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
pytestmark = pytest.mark.asyncio


def read(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


@dataclass
class Log:
    """A merchant with a long log, and who may read it."""

    tenant_id: object
    person: object
    owner: object
    public: object = None

    async def fill(self, binding, first, last, characters):
        for start in range(first, last + 1, 500):
            async with binding.deps.db.pg(self.tenant_id) as pg:
                query = FILL.replace("n % 5", str(characters))
                await pg.execute(query, self.tenant_id, start, min(start + 499, last))


@pytest_asyncio.fixture
async def public(binding, clock, monkeypatch, service_keys, kek_file):
    """An edge on a socket before the real service on another: .edge, .url."""
    async with served(binding.app, Http) as (server, _, at):
        url = f"http://{at[0]}:{at[1]}"
        nobody = "http://127.0.0.1:9"
        settings = {
            "KAFKA_BOOTSTRAP": "127.0.0.1:9", "KEK_FILE": str(kek_file), "BINDING_URL": url,
            "SERVICE_TRUST_FILE": str(service_keys.trust_file), "PUBLIC_URL": "http://127.0.0.1",
            "SERVICE_KEY_FILE": str(service_keys.key_file("gateway-edge")),
            **{f"{n}_URL": nobody for n in ("DEVICE", "PAYMENT", "CAMPAIGN", "ORDER")},
        }  # fmt: skip
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        async with edge_on(clock) as made:
            yield SimpleNamespace(edge=made, url=made.url, server=server)


@pytest_asyncio.fixture
async def tea(binding, new_merchant, public):
    tenant_id, user = await new_merchant()
    async with browser({"Content-Type": "application/json"}) as person:
        body = {"login": "owner@tea", "password": PASSWORD}
        async with person.post(f"{public.url}{M}/session", json=body) as signed_in:
            assert signed_in.status == 200
            cookies = [c.partition(";")[0] for c in signed_in.headers.getall("set-cookie")]
        person.headers["Cookie"] = "; ".join(cookies)
        owner = binding.user(tenant_id, user.user_id, {"audit.read"})
        yield Log(tenant_id, person, owner, public)


async def test_ten_megabytes_pass_in_one_answer(binding, tea):
    """1,500 entries of 7 KB: more than an answer of any other route may have."""
    await tea.fill(binding, 1, 1_500, 2_300)
    newest = (await tea.owner("GET", f"{M}/audit", page_size=1)).json()["total"]
    async with tea.person.get(tea.public.url + EXPORT) as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert answer.headers["content-disposition"] == 'attachment; filename="audit-1.csv"'
        content = await answer.read()
    assert len(content) > 8 * 2**20
    assert content.count(b"\xef\xbb\xbf") == 1
    assert [int(row["seq"]) for row in read(content)] == list(range(1, newest + 1))
    (said,) = (await tea.owner("GET", f"{M}/audit", action="audit.export")).json()["items"]
    assert (said["seq"], said["after"]) == (newest + 1, {}), "who took it away, behind its end"
    # Behind its last entry goes on what broke off.
    async with tea.person.get(f"{tea.public.url}{EXPORT}?after=1490") as rest:
        lines = (await rest.read()).decode().splitlines()
    assert [line.partition(",")[0] for line in lines] == [str(n) for n in range(1491, newest + 2)]
    said = (await tea.owner("GET", f"{M}/audit", action="audit.export")).json()["items"]
    assert (len(said), said[0]["after"]) == (2, {"after_seq": "1490"}), "whoever skips a part"
    async with tea.person.get(f"{tea.public.url}{EXPORT}?action=merchant.create") as one:
        assert len(read(await one.read())) == 1


async def test_one_at_a_time_for_a_merchant_until_it_is_taken(binding, tea, monkeypatch):
    """And no transaction is open while its reader takes his time."""
    await tea.fill(binding, 1, 6_000, 2_300)
    real, parts = log.repo.cells_between, 0

    async def counted(*args):
        nonlocal parts
        parts += 1
        return await real(*args)

    monkeypatch.setattr("services.binding.audit.log.repo.cells_between", counted)
    reader, writer = await asyncio.open_connection(*tea.public.edge.at, limit=4096)
    with contextlib.closing(writer):
        head = f"GET {EXPORT} HTTP/1.1\r\nHost: t\r\nCookie: {tea.person.headers['Cookie']}\r\n\r\n"
        writer.write(head.encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert 0 < await settled(lambda: parts) < 12, "6,000 entries are 12 parts and an empty one"
        # A part may still be under way on a slow machine, but only a held one lasts.
        async with asyncio.timeout(10):
            while await binding.database.fetch(LASTING):
                await asyncio.sleep(0.05)
        async with tea.person.get(tea.public.url + EXPORT) as second:
            assert second.status == 429
    await eventually(lambda: binding.deps.expensive.slots["export"]._held.total() == 0)
    async with tea.person.get(f"{tea.public.url}{EXPORT}?action=none") as third:
        assert third.status == 200


async def test_a_part_that_took_long_is_not_followed_by_a_rest_that_ends_the_file(
    binding, tea, clock, monkeypatch
):
    """The edge cuts an answer off that is silent for STREAM_IDLE_S."""
    await tea.fill(binding, 1, 1_200, 3)
    real, rests = log.repo.cells_between, []

    async def slow(*args):
        clock.advance(10)
        return await real(*args)

    async def sleep(seconds):
        rests.append(seconds)

    monkeypatch.setattr("services.binding.audit.log.repo.cells_between", slow)
    monkeypatch.setattr("services.binding.audit.log.asyncio", SimpleNamespace(sleep=sleep))
    caller = Principal("user", "gateway-edge", str(tea.tenant_id), tea.tenant_id)
    parts = await log.begin_export(binding.deps, caller, AuditFilter(), 0)
    assert len([part async for part in parts]) == 4
    assert len(rests) == 3
    assert 0 < max(rests) < STREAM_IDLE_S / 2


@pytest.mark.parametrize("at", [1, 3])
async def test_a_database_that_goes_away_leaves_no_short_file(binding, tea, monkeypatch, at):
    await tea.fill(binding, 1, 2_000, 100)
    real, calls = log.repo.cells_between, 0

    async def failing(*args):
        nonlocal calls
        calls += 1
        if calls == at:
            raise ConnectionError("the server closed the connection")
        return await real(*args)

    monkeypatch.setattr("services.binding.audit.log.repo.cells_between", failing)
    async with tea.person.get(tea.public.url + EXPORT) as answer:
        assert answer.status == 200
        with pytest.raises(ClientPayloadError):
            await answer.read()
    monkeypatch.undo()
    assert binding.deps.expensive.slots["export"]._held.total() == 0


async def test_the_file_is_what_the_log_says(binding, tea):
    await tea.fill(binding, 1, 1_200, 3)
    async with tea.person.get(tea.public.url + EXPORT) as answer:
        whole = await answer.read()
    again = await tea.owner("GET", EXPORT)
    ours = hashlib.sha256(whole).digest()
    assert hashlib.sha256(again.content[: len(whole)]).digest() == ours
    assert len(again.content) > len(whole), "the entry of the first export"


async def test_each_cell_is_what_its_entry_says(binding, tea):
    """The cells that the database writes as JSON: times with and without a fraction, members in the
    order of the alphabet, what is empty, and signs that JSON escapes."""
    add = """
    INSERT INTO audit_log (tenant_id, audit_id, at, actor, actor_name, action, subject, before,
                           after, reason)
    VALUES ($1, gen_random_uuid(), $2::text::timestamptz, 'user:7', '', 'order.look', 'order:7',
            $3::text::jsonb, $4::text::jsonb, $5)
    """
    async with binding.deps.db.pg(tea.tenant_id) as pg:
        await pg.execute(add, tea.tenant_id, "2026-11-28 12:00:00+08", None, "{}", None)
        members = '{"zebra": 1.50, "a": [null, true], "\\u8336": "\\"\\\\\\n"}'
        await pg.execute(
            add, tea.tenant_id, "2026-11-28 12:00:00.0123+08", members, None, 'a "b", c'
        )
    async with tea.person.get(f"{tea.public.url}{EXPORT}?action=order.look") as answer:
        whole, first = read(await answer.read())
    assert (whole["at"], first["at"]) == ("2026-11-28T04:00:00Z", "2026-11-28T04:00:00.012300Z")
    assert (whole["before"], whole["after"], whole["reason"]) == ("", "{}", "")
    assert first["before"] == '{"a":[null,true],"zebra":1.5,"茶":"\\"\\\\\\n"}'
    assert (first["reason"], first["after"]) == ('a "b", c', "")
