"""The bill file: every row in fen and UTC, or a stable word (protocol §4.7; ASVS 5.2.3)."""

import io
import random
import struct
import zipfile
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from gateway.alipay.bill_file import BadBill, read_bill
from gateway.config import EgressConfig
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import APP_ID, answer_body, ask

PID = "2088000000000001"
METHOD = "alipay.data.dataservice.bill.downloadurl.query"
HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
STORES = "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）"


def row(
    number: int, amount: str, *, kind: str = "交易", subject: str = "咖啡", refund: str = "",
    fee: str = "-0.01", coupon: str = "", remark: str = "", store: str = "豆娘",
    created: str = "2026-11-22 23:59:58",
) -> str:  # fmt: skip
    return (
        f"20261122220014{number:014d}\t,T{number}\t,{kind}\t,{subject},{created},"
        f"2026-11-23 00:00:05,S1\t,{store}\t,\t,T1\t,*户(158****1562)\t,{amount},{amount},"
        f"0.00,0.00,0.00,0.00,0.00,{coupon},0.00\t,0.00,{refund or chr(9)},{fee},0.00,{remark}"
    )


def detail(rows: list[str], **changed: Any) -> str:
    told = {
        "title": "#支付宝业务明细查询", "account": f"#账号：[{PID}0156]", "header": HEADER,
        "days": ("2026年11月22日", "2026年11月23日"), "trades": (2, "12.08"),
        "refunds": (1, "-1.00"), **changed,
    }  # fmt: skip
    first, end = told["days"]
    return "\r\n".join(
        [
            told["title"], told["account"],
            f"#起始日期：[{first} 00:00:00]   终止日期：[{end} 00:00:00]",
            "#-----业务明细列表-----", told["header"], *rows, "#-----业务明细列表结束-----",
            f"#交易合计：{told['trades'][0]}笔，商家实收共{told['trades'][1]}元，商家优惠共0.00元",
            f"#退款合计：{told['refunds'][0]}笔，商家实收退款共{told['refunds'][1]}元，"
            "商家优惠退款共0.00元",
            "#导出时间：[2026年11月23日 09:00:00]", "",
        ]
    )  # fmt: skip


def summary(trades: int = 2, refunds: int = 1) -> str:
    total = f"合计,,{trades},{refunds},11.08"
    return "\r\n".join(["#支付宝业务汇总查询", f"#账号：[{PID}0156]", "#", "#", STORES, total, "#"])


GOOD = [
    row(1, "12.07"), row(2, "0.01"), row(1, "-1.00", kind="退款", refund="R1", fee="0.00"),
]  # fmt: skip


def gbk_zip(*entries: tuple[str, bytes], flag: int = 0, method: int = 8) -> bytes:
    """By hand, as Alipay does: GBK names and no flag that says so."""
    body, directory = b"", b""
    for name, content in entries:
        raw = name.encode("gb18030")
        packed = zlib.compress(content, 9)[2:-4]
        facts = struct.pack("<HHHHHIIIHH", 20, flag, method, 0, 0x21, zlib.crc32(content),
                            len(packed), len(content), len(raw), 0)  # fmt: skip
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + facts
            + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        )  # fmt: skip
        body += b"PK\x03\x04" + facts + raw + packed
    ends = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + ends


def packed(text: str, *, name: str = f"{PID}0156_20261122_业务明细.csv", more: str = "") -> bytes:
    entries = [(name, text.encode("gb18030"))]
    if more:
        entries.insert(0, (f"{PID}0156_20261122_业务明细(汇总).csv", more.encode("gb18030")))
    return gbk_zip(*entries)


def refused(raw: bytes) -> str:
    with pytest.raises(BadBill) as caught:
        read_bill(raw)
    return caught.value.reason


def test_a_bill() -> None:
    bill = read_bill(packed(detail(GOOD), more=summary()))
    assert bill.seller_id == PID
    assert bill.begins_at == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert [line.kind for line in bill.lines] == ["trade", "trade", "refund"]
    first, _, refund = bill.lines
    assert (first.out_trade_no, first.total_fen, first.received_fen) == ("T1", 1207, 1207)
    assert (first.fee_fen, first.store_id, first.terminal_id) == (-1, "S1", "T1")
    assert first.created_at == datetime(2026, 11, 22, 15, 59, 58, tzinfo=UTC)
    assert first.finished_at == datetime(2026, 11, 22, 16, 0, 5, tzinfo=UTC)
    assert (refund.out_request_no, refund.total_fen, refund.trade_no) == (
        "R1",
        -100,
        first.trade_no,
    )
    told = bill.summary
    assert (told.trade_count, told.refund_count) == (2, 1)
    assert (told.received_fen, told.refunded_fen) == (1208, -100)


def test_a_day_without_sales() -> None:
    empty = detail([], trades=(0, "0.00"), refunds=(0, "0.00"))
    assert read_bill(packed(empty)).lines == ()


@pytest.mark.parametrize(
    "texts",
    [
        {"subject": "拿铁,大杯,加糖"}, {"subject": ",,"}, {"store": "豆娘,一店"},
        {"coupon": "满10,减1"}, {"remark": "a,b,c,"}, {"subject": "x\u2028y"},
        {"subject": "咖啡 0.01"}, {"subject": "=1+1"},
    ],
)  # fmt: skip
def test_commas_inside_names_do_not_shift_the_money(texts: dict[str, str]) -> None:
    """Nothing is quoted: what stands around the name says where it ends."""
    lines = [row(1, "12.07", **texts), *GOOD[1:]]
    bill = read_bill(packed(detail(lines)))
    assert bill.lines[0].total_fen == 1207
    assert bill.lines[0].subject == texts.get("subject", "咖啡").strip()


def test_a_name_that_can_be_read_in_two_ways_is_refused() -> None:
    """A customer's text must not decide which column is the amount."""
    hostile = (
        "x,2026-11-22 10:00:00,2026-11-22 10:00:00,S9,n,o,t,b,9.99,9.99,0.00,0.00,0.00,0.00,0.00"
    )
    reason = refused(packed(detail([row(1, "12.07", subject=hostile), *GOOD[1:]])))
    assert reason in ("ambiguous_row", "bad_row")
    both = row(1, "12.07", store="a,b", coupon="c,d")
    assert read_bill(packed(detail([both, *GOOD[1:]]))).lines[0].total_fen == 1207


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"trades": (3, "12.08")}, "count_mismatch"), ({"trades": (2, "12.09")}, "sum_mismatch"),
        ({"refunds": (0, "-1.00")}, "count_mismatch"), ({"refunds": (1, "1.00")}, "sum_mismatch"),
        ({"trades": (2, "1.2.3")}, "bad_footer"), ({"title": "#支付宝账务明细查询"}, "other_kind"),
        ({"account": "#账号：[1]"}, "layout"), ({"days": ("2026年11月22日",) * 2}, "layout"),
        ({"days": ("2026年13月22日", "2026年11月23日")}, "layout"),
        ({"header": HEADER.replace("服务费（元）", "服务费")}, "layout"),
        ({"header": HEADER + ",备注"}, "layout"),
    ],
)  # fmt: skip
def test_what_does_not_add_up(changed: dict[str, Any], reason: str) -> None:
    assert refused(packed(detail(GOOD, **changed))) == reason


@pytest.mark.parametrize(
    "line",
    [
        row(1, "12.070"), row(1, "1e3"), row(1, "-12.07"), row(1, "12.07", kind="转账"),
        row(1, "12.07", created="昨天"), row(1, "12.07", created="2026-02-30 00:00:00"),
        row(1, "1.00", kind="退款", refund="R1"), row(1, "-1.00", kind="退款"), "x", "a,b,c",
        row(1, "12.07").replace("T1\t,交易", "T 1\t,交易"), row(1, "12.07")[:-30],
    ],
)  # fmt: skip
def test_odd_rows(line: str) -> None:
    assert refused(packed(detail([line, *GOOD[1:]]))) == "bad_row"


def test_a_line_nobody_wrote() -> None:
    assert refused(packed(detail([row(1, "12.07", subject="x" * 5000)]))) == "line_too_long"


def test_the_summary_is_held_against_the_detail() -> None:
    assert refused(packed(detail(GOOD), more=summary(refunds=0))) == "summary_mismatch"
    assert refused(packed(detail(GOOD), more=summary().replace("合计", "总"))) == "bad_summary"
    assert refused(packed(summary())) == "no_detail"
    twice = [(f"{n}.csv", detail(GOOD).encode("gb18030")) for n in range(2)]
    assert refused(gbk_zip(*twice)) == "several_details"


def test_zip_slip_and_other_names() -> None:
    """ASVS 5.3.3: nothing is ever written to disk, and such a name is no bill's either."""
    text = detail(GOOD)
    for name in (
        "../../etc/cron.d/x.csv",
        "/x.csv",
        "a\\b.csv",
        "C:x.csv",
        ".x.csv",
        "x.exe",
        "d/",
    ):
        assert refused(packed(text, name=name)) == "entry_name"


def test_zip_bombs() -> None:
    """What an entry claims does not matter: what comes out is counted."""
    bomb = gbk_zip(("a.csv", b"0" * (70 * 1024 * 1024)))
    assert len(bomb) < 100_000
    assert refused(bomb) == "bomb"
    assert refused(gbk_zip(*((f"{n}.csv", b"x") for n in range(9)))) == "entries"
    assert refused(b"\0" * (9 * 1024 * 1024)) == "too_large"


def test_other_zips() -> None:
    text = detail(GOOD).encode("gb18030")
    for raw in (b"", b"PK", b"<html>", gbk_zip(), packed(detail(GOOD))[:-30]):
        assert refused(raw) in ("not_zip", "entries")
    assert refused(gbk_zip(("a.csv", text), flag=1)) == "encrypted"
    assert refused(gbk_zip(("a.csv", text), method=14)) == "not_zip"
    assert refused(gbk_zip(("a.csv", b"\xff\xfe\xfd\xff"))) == "charset"
    assert refused(gbk_zip(("a.csv", b"hello"))) == "other_kind"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("业务明细.csv", text)
    assert len(read_bill(made.getvalue()).lines) == 3, "a name flagged as UTF-8 is fine, too"


def test_no_damage_is_an_error_of_ours() -> None:
    """A thousand broken files: a bill, or a BadBill; never anything else."""
    rng, good = random.Random(20261126), packed(detail(GOOD), more=summary())
    for _ in range(1000):
        raw = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        with suppress(BadBill):
            read_bill(bytes(raw[: rng.choice((len(raw), rng.randrange(len(raw))))]))


# --- by the door


async def ask_for_bill(town: Town, **params: str) -> Any:
    import orjson

    token = town.keys.signer("payment", town.clock).issue(
        "egress", kind="service", subject="payment"
    )
    asked = {"bill_type": "trade", "bill_date": "2026-11-22", **params}
    return await ask(
        town.egress_door, "POST", "/bill-file",
        body=orjson.dumps({"app_id": APP_ID, "params": asked}),
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


def offers(town: Town, url: str, key: Any) -> None:
    node = {"code": "10000", "bill_download_url": url}
    body = answer_body(METHOD, node, key)
    town.alipay.on("POST", "/gateway.do", lambda _s: web.Response(body=body))


@pytest.mark.asyncio
async def test_a_bill_by_the_door(town: Town, alipay_keys: RsaPair) -> None:
    offers(town, town.alipay.url + "/bill?fileId=1&downloadFileName=x.zip", alipay_keys.private)
    town.alipay.on("GET", "/bill", lambda _s: web.Response(body=packed(detail(GOOD))))
    told = (await ask_for_bill(town)).json()
    assert told["outcome"] == "success"
    assert told["data"]["summary"]["received_fen"] == 1208
    assert told["data"]["lines"][2]["out_request_no"] == "R1"
    assert told["data"]["lines"][0]["finished_at"] == "2026-11-22T16:00:05Z"
    assert town.alipay.calls("/bill")[0].target == "/bill?fileId=1&downloadFileName=x.zip"


@pytest.mark.asyncio
async def test_files_come_from_named_hosts_only(town: Town, alipay_keys: RsaPair) -> None:
    """§5.7: a signed answer still does not make us fetch from anywhere."""
    own = town.alipay.url.removeprefix("http://")
    for url in (
        "http://dwbillcenter.alipay.com/x", "https://evil.test/x", f"http://user@{own}/bill",
        town.binding.url + "/internal/apps/x", f"https://{own}/bill", "file:///etc/passwd",
        f"http://{own}\\@evil.test/x", f"http://{own}#@evil.test/", "ftp://x/", f"http://{own}",
    ):  # fmt: skip
        offers(town, url, alipay_keys.private)
        told = (await ask_for_bill(town)).json()
        assert (told["outcome"], told["data"]["reason"]) == ("unknown", "bill_host"), url
    assert not town.binding.calls("internal/apps/x")


@pytest.mark.asyncio
async def test_what_may_go_wrong_on_the_way(
    town: Town, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    url = town.alipay.url + "/bill"
    offers(town, url, alipay_keys.private)
    elsewhere = {"Location": town.binding.url + "/livez"}
    for answer, reason in (
        (web.Response(status=302, headers=elsewhere), "bill_status"),
        (web.Response(status=404), "bill_status"), (web.Response(body=b"<html>"), "not_zip"),
        (web.Response(body=bytes(8 * 1024 * 1024 + 1)), "bill_no_answer"),
    ):  # fmt: skip
        town.alipay.on("GET", "/bill", lambda _s, answer=answer: answer)
        assert (await ask_for_bill(town)).json()["data"]["reason"] == reason
    offers(town, url, other_keys.private)
    assert (await ask_for_bill(town)).json()["data"]["reason"] == "signature"
    refusal = answer_body(METHOD, {"code": "40004", "sub_code": "BILL_NOT_EXIST"},
                          alipay_keys.private)  # fmt: skip
    town.alipay.on("POST", "/gateway.do", lambda _s: web.Response(body=refusal))
    assert (await ask_for_bill(town)).json()["outcome"] == "not_found"
    assert (await ask_for_bill(town, bill_date="yesterday")).status == 422
    assert (await ask(town.egress_door, "GET", "/bill-file")).status == 405
    assert not town.binding.calls("livez")


def test_settings_are_held_to_their_form(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert EgressConfig().alipay_bill_hosts == "dwbillcenter.alipay.com"
    for name, value in (
        ("ALIPAY_BILL_HOSTS", "https://x"), ("ALIPAY_BILL_HOSTS", ""),
        ("ALIPAY_SERVICE_PROVIDER_ID", "123"),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(ValueError, match="pattern"):
                EgressConfig()
