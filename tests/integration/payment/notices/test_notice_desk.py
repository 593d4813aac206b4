"""The operators' door to the notify inbox: list, show, replay; and what the edge refused."""

import base64
import hashlib
import importlib
import json
import os
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.payment.notices import repo
from services.payment.notices.schemas import (
    NoticeDetailOut,
    NoticeList,
    NoticeOut,
    RefusalList,
    TakenOut,
)
from services.payment.sweeper import purge
from shared.contracts.events.audit import PaymentAudited
from tests.integration.payment.egress import PAY
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio

NOTICES = "/api/operator/v1/notices"


class Desk:
    """An operator at the service's own door, whose every answer is what the OpenAPI document says:
    no member more, none less."""

    def __init__(self, shop, keys, *permissions):
        self._http, self.tenant_id = shop.http, uuid4()
        self._token = keys.signer("gateway-edge").issue(
            "payment", kind="user", subject="0190-operator", tenant_id=self.tenant_id,
            permissions=permissions or ("notices.read", "notices.replay"),
        )  # fmt: skip

    async def __call__(self, method, path, **params):
        headers = {"Authorization": f"Bearer {self._token}"}
        url = NOTICES + path
        answer = await self._http.request(method, url, params=params, headers=headers)
        if answer.status_code == 200:
            said = {"": NoticeList, "/refusals": RefusalList}.get(path, NoticeDetailOut)
            model = NoticeOut if path.endswith("/replay") else said
            model.model_validate(answer.json())
        return answer


@pytest.fixture
def desk(shop, service_keys):
    return Desk(shop, service_keys)


def _address(till, document):
    return f"/{till.tenant_id}/{document['app_id']}/{document['notify_id']}"


async def test_filters(shop, till, desk):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    wrong = notice(first["out_trade_no"], total_fen=9900, buyer_logon_id="158****1562")
    good = notice(first["out_trade_no"])
    for document in (wrong, good):
        await till.notify(**document)
    other = await shop.till()
    await other.notify(**notice("NEVERHEARDOF"))

    async def ids(**params):
        answer = await desk("GET", "", **params)
        assert answer.status_code == 200, answer.text
        return [item["notify_id"] for item in answer.json()["items"]]

    assert len(await ids()) == 3
    assert await ids(verdict="APPLIED") == [good["notify_id"]]
    assert await ids(reason="other_amount") == [wrong["notify_id"]]
    assert len(await ids(out_trade_no=first["out_trade_no"])) == 2
    assert len(await ids(merchant_id=str(other.tenant_id))) == 1
    assert await ids(app_id="2021999") == []
    assert await ids(since="2026-11-24T00:00:00Z") == []
    assert len(await ids(since="2026-11-23T00:00:00Z", until="2026-11-24T00:00:00+08:00")) == 3


async def test_pages(shop, till, desk):
    for number in range(5):
        await till.notify(**notice(f"NEVER{number}"))
    seen, cursor = [], {}
    while cursor is not None:
        page = (await desk("GET", "", limit=2, **cursor)).json()
        seen += [item["notify_id"] for item in page["items"]]
        cursor = {"cursor": page["next"]} if page["next"] else None
    assert len(seen) == len(set(seen)) == 5
    back = page["items"]
    while page["previous"]:
        page = (await desk("GET", "", limit=2, before=page["previous"])).json()
        back = page["items"] + back
    assert [item["notify_id"] for item in back] == seen
    both = {"cursor": page["next"], "before": page["next"]}
    assert (await desk("GET", "", **both)).status_code == 422
    for bad in ("x", "!!", base64.urlsafe_b64encode(b"2026-11-23|a").decode()):
        assert (await desk("GET", "", cursor=bad)).status_code == 422
        assert (await desk("GET", "", before=bad)).status_code == 422


@pytest.mark.parametrize(
    "params", [{"verdict": "BELIEVED"}, {"reason": "\0"}, {"since": "2026-11-23"}, {"limit": 0}]
)
async def test_bad_filters(desk, params):
    assert (await desk("GET", "", **params)).status_code == 422


async def test_one_is_shown_masked(till, desk):
    """An operator sees what was said, not who the buyer is."""
    body = (
        b"total_amount=12.07&buyer_id=2088102146225135&sign=" + b"A" * 344
        + b"&subject=%E5%92%96+%E5%95%A1&body=%BF%A7"
    )  # fmt: skip
    document = notice("NEVER", buyer_id="2088102146225135", body=body)
    await till.notify(**document)
    shown = (await desk("GET", _address(till, document))).json()
    assert shown["fields"]["buyer_id"] == "2088****5135"
    assert shown["fields"]["sign"] == "AAAAAAAA…"
    assert shown["fields"]["total_amount"] == "12.07"
    assert shown["fields"]["subject"] == "咖 啡"
    assert shown["fields"]["body"] == "咖", "GBK, as some notices still are"
    assert (shown["verdict"], shown["reason"]) == ("MISMATCH", "unknown_trade")
    assert "2088102146225135" not in json.dumps(shown)
    assert (shown["body_bytes"], shown["body_sha256"]) == (
        len(body), hashlib.sha256(body).hexdigest(),
    )  # fmt: skip
    assert (await desk("GET", _address(till, notice("NEVER")))).status_code == 404


async def test_replay_looks_with_the_books_as_they_are_now(shop, till, desk):
    """A notice that came before its payment's row was known: replayed, it settles it; replayed
    again, nothing more happens. Each time it is written down who asked."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    await shop.place.execute("UPDATE payments SET seller_id = '2088999999999999'")
    document = notice(first["out_trade_no"])
    assert (await till.notify(**document)).json() == {"verdicts": ["quarantined"]}
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "pending"
    seller = document["seller_id"]
    await shop.place.execute("UPDATE payments SET seller_id = $1", seller)
    address = _address(till, document)
    again = await desk("POST", f"{address}/replay")
    assert (again.status_code, again.json()["verdict"]) == (200, "RECEIVED")
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    for _ in range(2):
        assert (await desk("POST", f"{address}/replay")).json()["verdict"] == "APPLIED"
        await shop.sweep()
    shown = (await desk("GET", address)).json()
    assert [(r["actor"], r["verdict_before"], r["verdict_after"]) for r in shown["replays"]] == [
        ("user:0190-operator", "MISMATCH", "RECEIVED"),
        ("user:0190-operator", "APPLIED", "APPLIED"),
        ("user:0190-operator", "APPLIED", "APPLIED"),
    ]
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]
    assert await shop.broken() == {}


@pytest.mark.parametrize("fault", ["other_currency", "unknown_status"])
async def test_replay_forgets_no_fault_behind_another(shop, till, desk, fault):
    """What is wrong with its own words stays wrong, though something else was found first."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    await shop.place.execute("UPDATE payments SET seller_id = '2088999999999999'")
    document = notice(first["out_trade_no"], fault=fault)
    await till.notify(**document)
    shown = (await desk("GET", _address(till, document))).json()
    assert (shown["verdict"], shown["reason"]) == ("MISMATCH", "other_seller")
    await shop.place.execute("UPDATE payments SET seller_id = $1", document["seller_id"])
    again = (await desk("POST", f"{_address(till, document)}/replay")).json()
    assert (again["verdict"], again["reason"]) == ("MISMATCH", fault)
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "pending"


async def test_notices_of_before_the_update_are_shown_and_replayed(shop, till, desk):
    """The upgrade itself, on an inbox at work: rows that have kept no fault."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    await shop.place.execute("UPDATE payments SET seller_id = '2088999999999999'")
    good = notice(first["out_trade_no"], body=b"trade_status=TRADE_SUCCESS")
    odd = notice(first["out_trade_no"], fault="other_currency", seller_id=None)
    for document in (good, odd):
        assert (await till.notify(**document)).json() == {"verdicts": ["quarantined"]}
    folder = "services.payment.migrations.versions"
    upgrade = importlib.import_module(f"{folder}.2026_11_29_1510_notice_channel")
    await shop.place.execute("UPDATE notify_inbox SET fault = NULL")
    connection = await asyncpg.connect(shop.place.owner_url)
    try:
        await connection.execute(upgrade.ADOPT)
    finally:
        await connection.close()
    shown = (await desk("GET", _address(till, good))).json()
    assert (shown["verdict"], shown["reason"]) == ("MISMATCH", "other_seller")
    assert shown["fields"] == {"trade_status": "TRADE_SUCCESS"}
    await shop.place.execute("UPDATE payments SET seller_id = $1", good["seller_id"])
    again = (await desk("POST", f"{_address(till, odd)}/replay")).json()
    assert (again["verdict"], again["reason"]) == ("MISMATCH", "other_currency")
    assert (await desk("POST", f"{_address(till, good)}/replay")).json()["verdict"] == "RECEIVED"
    await shop.sweep()
    assert await till.status(first["pay_request_id"]) == "paid"
    assert await shop.broken() == {}


async def test_replay_of_a_real_mismatch_asks_and_stays_quarantined(shop, till, desk):
    shop.egress.next(PAY, "in_process")
    first = await till.pay(1207)
    document = notice(first["out_trade_no"], total_fen=9900)
    await till.notify(**document)
    await shop.sweep()
    shop.egress.confirm(first["out_trade_no"])
    again = (await desk("POST", f"{_address(till, document)}/replay")).json()
    assert (again["verdict"], again["reason"]) == ("MISMATCH", "other_amount")
    await shop.sweep()
    shown = (await desk("GET", _address(till, document))).json()
    assert (shown["verdict"], shown["query_said"], shown["due_at"]) == ("MISMATCH", "paid", None)
    assert await till.status(first["pay_request_id"]) == "paid", "the query said so"


async def test_permissions(shop, till, service_keys):
    """S131: reading is not replaying, and a merchant's permissions open neither."""
    document = notice("NEVER")
    await till.notify(**document)
    reader = Desk(shop, service_keys, "notices.read")
    address = _address(till, document)
    assert (await reader("GET", address)).status_code == 200
    assert (await reader("POST", f"{address}/replay")).status_code == 403
    owner = Desk(shop, service_keys, "payments.read", "payments.refund")
    for path in ("", "/refusals", address):
        assert (await owner("GET", path)).status_code == 403


async def test_the_record_of_replays_cannot_be_changed(shop, till, desk):
    document = notice("NEVER")
    await till.notify(**document)
    await desk("POST", f"{_address(till, document)}/replay")
    connection = await asyncpg.connect(shop.place.system_url)
    try:
        for statement in ("DELETE FROM notice_replays", "UPDATE notice_replays SET actor = 'x'"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


def _tally(reason="signature", refused=3, tenant_id=None, **changed):
    return {
        "tenant_id": str(tenant_id) if tenant_id else None,
        "app_id": "2021000000000001" if tenant_id else "",
        "reason": reason,
        "refused": refused,
        "first_at": "2026-11-23T04:10:00Z",
        "last_at": "2026-11-23T04:20:00Z",
        "client": "203.0.113.7",
        "out_trade_no": "T1",
        "body_b64": base64.b64encode(b"out_trade_no=T1&buyer_id=2088102146225135").decode(),
    } | changed


async def test_refusals_are_numbers_and_never_rows(shop, till, desk):
    """A flood makes a count grow, not a table."""

    async def tell(*items):
        token = till._edge.issue("payment", kind="service", subject="gateway-edge")
        return await shop.http.post(
            "/internal/notify-refusals",
            json={"items": list(items)},
            headers={"Authorization": f"Bearer {token}"},
        )

    mine = _tally(tenant_id=till.tenant_id)
    for _ in range(20):
        other = _tally("unknown_route", 1000, out_trade_no="a\0b")
        answer = await tell(mine, other, _tally("base64", body_b64=""))
        assert TakenOut.model_validate(answer.json()).taken == 3
    assert await shop.place.value("SELECT count(*) FROM notify_refusals") == 3
    items = {item["reason"]: item for item in (await desk("GET", "/refusals")).json()["items"]}
    assert items["signature"]["refused"] == 60
    assert items["signature"]["merchant_id"] == str(till.tenant_id)
    assert items["signature"]["hour"] == "2026-11-23T04:00:00Z"
    assert items["signature"]["last_fields"]["buyer_id"] == "2088****5135"
    assert items["unknown_route"]["refused"] == 20_000
    assert items["unknown_route"]["merchant_id"] is None
    for bad in (_tally(refused=0), _tally("Not a reason"), _tally(client="x" * 65)):
        assert (await tell(bad)).status_code == 422
    assert (await tell()).status_code == 422


async def test_old_refusals_are_forgotten(shop):
    now = datetime.now(UTC)
    for age in (timedelta(days=1), timedelta(days=31)):
        at = now - age
        refusal = repo.Refusal(UUID(int=0), "", "signature", 1, at, at, "", "", b"")
        async with shop.deps.db.pg(None) as pg:
            await repo.add_refusals(pg, [refusal])
    await purge(shop.deps)
    assert await shop.place.value("SELECT count(*) FROM notify_refusals") == 1


async def test_the_command_line(shop, till, command_line, tmp_path):
    """The same use cases without a browser: JSON out, one clear line on bad input."""
    document = notice("NEVER")
    await till.notify(**document)
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL_PAYMENT": shop.place.app_url,
        "DATABASE_SYSTEM_URL_PAYMENT": shop.place.system_url,
    }

    def said(*words):
        return command_line("services.payment", "notices", *words, env=environment)

    listed = json.loads(said("list", "--verdict", "MISMATCH").stdout)["items"]
    assert [item["notify_id"] for item in listed] == [document["notify_id"]]
    one = ("--merchant", str(till.tenant_id), "--app-id", "2021000000000001", "--notify-id")
    replayed = said("replay", *one, document["notify_id"], "--actor", "li")
    assert json.loads(replayed.stdout)["verdict"] == "MISMATCH"
    shown = json.loads(said("show", *one, document["notify_id"]).stdout)
    assert [replay["actor"] for replay in shown["replays"]] == ["command-line:li"]
    assert json.loads(said("refused").stdout) == {"items": []}
    told = "".join(f"{name}={value}\n" for name, value in environment.items())
    (tmp_path / "local.env").write_text(told)
    environment = {"PATH": os.environ["PATH"], "RUN_DIR": str(tmp_path)}
    assert json.loads(said("list").stdout)["items"] == listed, "with the settings of a local stack"
    missing = said("replay", *one, "nothing")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "Traceback" not in missing.stderr


async def test_each_replay_is_said_for_the_audit_log(shop, till, desk):
    """S132: what an operator does by hand reaches the chains that binding keeps: the operators'
    own, and the merchant's."""
    paid = await till.pay(1207)
    document = notice(paid["out_trade_no"])
    await till.notify(**document)
    address = _address(till, document)
    for _ in range(2):
        assert (await desk("POST", f"{address}/replay")).status_code == 200
    said = [event for event in await shop.events() if isinstance(event, PaymentAudited)]
    subject = f"{document['app_id']}:{document['notify_id']}"
    assert [(e.actor, e.action, e.subject_id, e.tenant_id) for e in said] == [
        ("user:0190-operator", "notice.replay", subject, tenant_id)
        for tenant_id in (desk.tenant_id, till.tenant_id) * 2
    ]
    after = {"out_trade_no": paid["out_trade_no"], "merchant_id": str(till.tenant_id)}
    for one in said:
        assert (one.before, one.after) == ({"state": "DUPLICATE"}, {"state": "DUPLICATE"} | after)


async def test_the_merchant_sees_what_alipay_told(shop, till):
    """Of the payment it asks about, and nobody else's; a notice never seen is an empty list."""
    stranger = await shop.till()
    paid, other = await till.pay(1207), await till.pay(1207)

    async def shown(payment, asker):
        path = f"/api/merchant/v1/payments/{payment['payment_id']}"
        return await shop.http.get(path, headers=asker.user_headers())

    assert (await shown(paid, till)).json()["notices"] == []
    await till.notify(**notice(paid["out_trade_no"]))
    told = (await shown(paid, till)).json()["notices"]
    assert told == [{"received_at": "2026-11-23T04:00:01Z", "state": "DUPLICATE"}]
    assert (await shown(other, till)).json()["notices"] == []
    assert (await shown(paid, stranger)).status_code == 404
