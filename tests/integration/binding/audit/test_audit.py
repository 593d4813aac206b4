"""The audit chain: whole, provable, and any tampering found (S132, N22, G8, §8 #32).

Tampering is done as the database's superuser with the triggers off: the worst that somebody who
owns the database can do short of knowing the anchors.
"""

import asyncio
import csv
import io
import json
import os
import random
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from services.binding import app
from services.binding.audit import log as audit_log
from services.binding.audit.chain import digest

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"
INVARIANT = Path(app.__file__).parent / "invariants/g8_audit_chain.sql"
ENTRIES = int(os.environ.get("AUDIT_ENTRIES", "2000"))
"""100000 for the figure of reliability §8 #32."""
FILL = """
INSERT INTO audit_log (tenant_id, audit_id, at, actor, action, subject, before, after)
SELECT $1, gen_random_uuid(), now() + n * interval '1 ms', 'user:' || n % 7, 'app.change',
       '202100000000' || n % 1000, jsonb_build_object('version', n),
       jsonb_build_object('version', n + 1, 'note', repeat('密', n % 5))
FROM generate_series($2::int, $3::int) AS n
"""


async def verdict(binding, tenant_id):
    return await audit_log.verify_audit(binding.deps, tenant_id)


@pytest_asyncio.fixture
async def chained(binding, new_merchant):
    """A merchant with many entries, all anchored."""
    tenant_id, _ = await new_merchant()
    for first in range(1, ENTRIES + 1, 500):
        # In pieces: a transaction cannot forget the versions of the head that it made itself.
        async with binding.deps.db.pg(tenant_id) as pg:
            await pg.execute(FILL, tenant_id, first, min(first + 499, ENTRIES))
    assert await audit_log.anchor_heads(binding.worker_deps) == 1
    found = await verdict(binding, tenant_id)
    assert (found.is_intact, found.entries) == (True, ENTRIES + 2)
    assert found.anchored_at is not None
    return tenant_id


@pytest_asyncio.fixture
async def vandal(binding):
    """A superuser's connection for which no trigger and no policy holds."""
    connection = await asyncpg.connect(binding.database.superuser_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_sql_and_python_agree_on_the_digest(binding, chained):
    """Two implementations of one rule; SQL writes, Python proves."""
    async with binding.deps.db.read(chained) as tx:
        from services.binding.audit import repo as audit_repo

        rows = await audit_repo.chained(tx, chained, 0, 50)
    assert [digest(row) for row in rows] == [row["hash"] for row in rows]


CHANGES = [
    "actor = actor || 'x'", "actor_name = 'x'", "action = 'app.bind'", "subject = subject || '1'",
    "before = '{}'", "before = NULL", "after = after || '{\"x\": 1}'", "at = at + interval '1 us'",
    "request_id = 'x'", "address = ''", "reason = ''", "audit_id = gen_random_uuid()",
    "hash = repeat('0', 64)", "prev_hash = repeat('0', 64)", "seq = -seq",
]  # fmt: skip


KINDS = ("edit", "delete", "insert", "reorder", "cut", "rewrite")


async def test_every_single_tampering_is_found(binding, chained, vandal):
    """§8 #32: any edit, deletion, insertion, swap or cut tail is found, wherever it is; also when
    the chain behind it, and the head, are made to fit again: then the anchor tells."""
    last = ENTRIES + 2
    draw = random.Random(20261126)
    spots = [1, last, *(draw.randint(2, last - 1) for _ in range(4))]
    found, missed = 0, []
    for kind in KINDS:
        for spot, change in zip(spots * 3, CHANGES, strict=False):
            transaction = vandal.transaction()
            await transaction.start()
            await tamper(vandal, kind, chained, spot, change, last)
            # Seen through the vandal's own eyes: what verifying would see after a commit.
            verdict_there = await seen_by(binding, vandal, chained)
            await transaction.rollback()
            if verdict_there.is_intact:
                missed.append((kind, spot, change))
            found += not verdict_there.is_intact
    assert not missed
    assert found == len(KINDS) * len(CHANGES)
    assert (await verdict(binding, chained)).is_intact


async def tamper(vandal, kind, tenant_id, spot, change, last):
    where = "tenant_id = $1 AND seq = $2"
    if kind == "edit":
        done = await vandal.execute(f"UPDATE audit_log SET {change} WHERE {where}", tenant_id, spot)
        assert done == "UPDATE 1"
    elif kind == "delete":
        await vandal.execute(f"DELETE FROM audit_log WHERE {where}", tenant_id, spot)
        if spot % 2:  # and close the gap
            await vandal.execute(
                "UPDATE audit_log SET seq = -(seq - 1) WHERE tenant_id = $1 AND seq > $2",
                tenant_id, spot,
            )  # fmt: skip
            await vandal.execute("UPDATE audit_log SET seq = -seq WHERE seq < 0")
    elif kind == "insert":
        await vandal.execute(
            "UPDATE audit_log SET seq = -(seq + 1) WHERE tenant_id = $1 AND seq >= $2",
            tenant_id, spot,
        )  # fmt: skip
        await vandal.execute("UPDATE audit_log SET seq = -seq WHERE seq < 0")
        await vandal.execute(
            "INSERT INTO audit_log SELECT (e).* FROM (SELECT (jsonb_populate_record(a,"
            " jsonb_build_object('audit_id', gen_random_uuid(), 'seq', $2::bigint))) AS e"
            " FROM audit_log a WHERE tenant_id = $1 AND seq = $3) AS made",
            tenant_id, spot, 1 if spot > 1 else 2,
        )  # fmt: skip
    elif kind == "reorder":
        other = spot - 1 if spot > 1 else 2
        for old, new in ((spot, -1), (other, spot), (-1, other)):
            await vandal.execute(
                f"UPDATE audit_log SET seq = $3 WHERE {where}", tenant_id, old, new
            )
    elif kind == "cut":
        await vandal.execute(
            "DELETE FROM audit_log WHERE tenant_id = $1 AND seq >= $2", tenant_id, spot
        )
        await refit(vandal, tenant_id, last)
    else:
        await vandal.execute(f"UPDATE audit_log SET action = 'x' WHERE {where}", tenant_id, spot)
        await refit(vandal, tenant_id, spot)


async def refit(vandal, tenant_id, spot):
    """What a thorough vandal does: every hash from there on is computed anew, and the head set."""
    await vandal.execute(
        """
        DO $$ DECLARE e audit_log; last text := ''; number bigint := 0; BEGIN
          FOR e IN SELECT * FROM audit_log WHERE tenant_id = '%tenant' ORDER BY seq LOOP
            IF e.seq >= %spot THEN
              e.prev_hash = last;
              e.hash = audit_digest(e);
              UPDATE audit_log SET prev_hash = e.prev_hash, hash = e.hash
                WHERE tenant_id = e.tenant_id AND seq = e.seq;
            END IF;
            last = e.hash; number = e.seq;
          END LOOP;
          UPDATE audit_heads SET seq = number, hash = last WHERE tenant_id = '%tenant';
        END $$
        """.replace("%tenant", str(tenant_id)).replace("%spot", str(spot)),
        timeout=300,
    )


async def seen_by(binding, connection, tenant_id):
    """The verification over another connection's uncommitted view."""
    from services.binding.audit import repo as audit_repo
    from services.binding.audit.chain import Walk

    walk = Walk(audit_log._anchors(binding.deps, tenant_id))
    sql = audit_repo._CHAINED.text
    for number, name in enumerate((":tenant", ":last", ":limit"), start=1):
        sql = sql.replace(name, f"${number}")
    while walk.broken_at is None:
        rows = await connection.fetch(sql, tenant_id, walk.entries, audit_log.BATCH)
        if not rows:
            break
        walk.take([dict(row) for row in rows])
    head = await connection.fetchrow(
        "SELECT seq, hash FROM audit_heads WHERE tenant_id = $1", tenant_id
    )
    walk.finish((head["seq"], head["hash"]))
    return audit_log.ChainVerification(walk.entries, walk.head, None, 0, walk.broken_at, walk.why)


async def test_the_invariant_sees_what_it_is_for(binding, owner, vandal):
    """G8 in SQL, for the hourly audit: silent on a whole log, loud on a touched one."""
    tenant_id, _ = owner
    sql = INVARIANT.read_text().replace("2 days", "100 years")  # the clock here stands still
    assert not await binding.database.fetch(sql)
    for statement, what in (
        ("UPDATE audit_log SET actor = 'x' WHERE tenant_id = $1 AND seq = 1", {(1, "entry")}),
        ("DELETE FROM audit_log WHERE tenant_id = $1 AND seq = 1", {(2, "entry")}),
        ("DELETE FROM audit_log WHERE tenant_id = $1 AND seq = 2", {(2, "head")}),
        ("UPDATE audit_heads SET seq = 1 WHERE tenant_id = $1", {(1, "head")}),
    ):
        transaction = vandal.transaction()
        await transaction.start()
        await vandal.execute(statement, tenant_id)
        assert {(row["seq"], row["what"]) for row in await vandal.fetch(sql)} == what
        await transaction.rollback()


async def test_nobody_takes_a_line_back(binding, chained):
    """S132: none of the service's roles can, and neither can the owner of the tables."""
    place = binding.database
    for url in (place.app_url, place.system_url, place.owner_url):
        connection = await asyncpg.connect(url)
        for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RaiseError)):
                await connection.execute(statement)
        await connection.close()
    connection = await asyncpg.connect(place.system_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM audit_heads")
    await connection.close()


async def test_parallel_writers_make_one_chain_without_gaps(binding, owner):
    tenant_id, caller = owner
    names = [f"门店 {number}" for number in range(24)]
    answers = await asyncio.gather(
        *(caller("POST", f"{M}/stores", {"name": name}) for name in names)
    )
    assert {answer.status_code for answer in answers} == {201}
    found = await verdict(binding, tenant_id)
    assert (found.is_intact, found.entries) == (True, 2 + len(names))
    # A change that did not happen leaves neither an entry nor a gap.
    assert (await caller("POST", f"{M}/stores", {"name": names[0]})).status_code == 409
    await caller("POST", f"{M}/stores", {"name": "最后"})
    assert (await verdict(binding, tenant_id)).entries == 3 + len(names)


async def test_the_page_the_filters_and_the_verdict(binding, owner, clock):
    _, caller = owner
    clock.advance(60)
    since = clock.now().isoformat()
    store = (await caller("POST", f"{M}/stores", {"name": "一号"})).json()
    path = f"{M}/stores/{store['store_id']}"
    renamed = await caller("PATCH", path, {"name": "二号", "version": 1})
    assert renamed.json()["version"] == 2
    for asked, count in (
        ({}, 4), ({"action": "store.*"}, 2), ({"action": "store.rename"}, 1),
        ({"actor": "owner@tea"}, 2), ({"actor": "test"}, 2), ({"from": since}, 2),
        ({"to": since}, 2), ({"subject": store["store_id"]}, 2), ({"subject": "x"}, 0),
    ):  # fmt: skip
        answer = await caller("GET", f"{M}/audit", **asked)
        assert answer.json()["total"] == count, (asked, answer.text)
    newest = (await caller("GET", f"{M}/audit", page_size=1)).json()["items"][0]
    assert (newest["before"], newest["after"]) == ({"name": "一号"}, {"name": "二号"})
    # What it is about is told by the name that it has today, however the id reads.
    named = (await caller("GET", f"{M}/audit")).json()["items"]
    assert {one["subject_name"] for one in named if one["subject"] == store["store_id"]} == {"二号"}
    assert newest["request_id"]
    proof = (await caller("POST", f"{M}/audit/verify")).json()
    assert proof == {
        "is_intact": True, "entries": 4, "head": newest["hash"], "anchored_at": None,
        "anchored_seq": 0, "broken_at": None, "why": "",
    }  # fmt: skip
    await audit_log.anchor_heads(binding.worker_deps)
    assert await audit_log.anchor_heads(binding.worker_deps) == 0
    proof = (await caller("POST", f"{M}/audit/verify")).json()
    assert (proof["is_intact"], proof["anchored_seq"]) == (True, 4)
    assert proof["anchored_at"] == clock.now().isoformat().replace("+00:00", "Z")


async def test_no_cell_of_the_export_runs_as_a_formula(binding, owner):
    _, caller = owner
    nasty = ['=HYPERLINK("http://x","y")', "+12", "-1+1", "@SUM(A1)"]
    for number, name in enumerate(nasty):
        await caller("POST", f"{M}/staff", {
            "username": f"till-{number}", "name": name, "role": "cashier",
        })  # fmt: skip
    answer = await caller("GET", f"{M}/audit/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["seq"] for row in rows] == [str(number) for number in range(1, 11)]
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    made = {json.loads(row["after"])["name"] for row in rows if '"login"' in row["after"]}
    assert set(nasty) <= made, "the content itself is whole"
    (said,) = (await caller("GET", f"{M}/audit", action="audit.export")).json()["items"]
    assert (said["actor_name"], said["after"]) == ("owner@tea", {}), "who took it away"
    for sign in "=+-@＝＋－＠":  # full width is read alike in an Asian language
        assert audit_log._lines([[f"{sign}1", "a"]]).decode() == f"'{sign}1,a\r\n"
        assert audit_log._lines([["a", f"{sign}1", "b"]]).decode() == f"a,'{sign}1,b\r\n"
        assert audit_log._lines([["a", None, f"{sign}1"]]).decode() == f"a,,'{sign}1\r\n"
    assert audit_log._lines([["a\n=1", "1=1"]]) == b'"a\n=1",1=1\r\n', "not where a cell begins"


async def test_no_number_of_the_export_loses_digits():
    """A spreadsheet would round an AppID, drop a leading zero, and read 12E3 as 12000."""
    assert audit_log._lines([["2021000000000001", "0571", "12E3"]]) == (
        b"2021000000000001\t,0571\t,12E3\t\r\n"
    )
    for number in ("2021000000000001", "0571", "12E3"):
        assert audit_log._lines([["a", number, "b"]]).decode() == f"a,{number}\t,b\r\n"
    assert audit_log._lines([["10", "0", "2026-11-28T04:00:00Z", "a0571"]]) == (
        b"10,0,2026-11-28T04:00:00Z,a0571\r\n"
    )


async def test_a_half_written_anchor_says_nothing(binding, owner):
    """A crash while the file is written must not look like tampering."""
    tenant_id, _ = owner
    await audit_log.anchor_heads(binding.worker_deps)
    with binding.deps.anchor_file.open("ab") as file:
        file.write(f'{{"tenant_id": "{tenant_id}", "seq": 99'.encode())
    assert (await verdict(binding, tenant_id)).is_intact


async def test_the_command_verifies_all_chains(
    binding, owner, new_merchant, vandal, kek_file, command_line
):
    tenant_id, _ = owner
    await new_merchant("Coffee house", "owner@coffee")

    def verify(*words):
        done = command_line(
            "services.binding", "audit", "verify", *words,
            env={**os.environ, "DATABASE_URL_BINDING": binding.database.app_url,
        "DATABASE_SYSTEM_URL_BINDING": binding.database.system_url,
                 "KEK_FILE": str(kek_file)},
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    code, said = await asyncio.to_thread(verify)
    assert (code, said["is_intact"], said["chains"], said["entries"]) == (0, True, 2, 4)
    await vandal.execute("UPDATE audit_log SET actor = 'x' WHERE tenant_id = $1", tenant_id)
    code, said = await asyncio.to_thread(verify)
    assert (code, said["is_intact"]) == (1, False)
    assert said["broken"] == [{"merchant_id": str(tenant_id), "broken_at": 1, "why": "content"}]
    assert UUID(said["broken"][0]["merchant_id"]) == tenant_id
