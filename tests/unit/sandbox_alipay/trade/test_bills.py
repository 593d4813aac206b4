"""The bill of a day: its address, its ZIP, its lines, and lines that were bent on purpose."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.sandbox_alipay.conftest import Process
from tests.unit.sandbox_alipay.merchant import Merchant, new_no

pytestmark = pytest.mark.asyncio

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
Rows = dict[tuple[str, str, str], list[str]]


BEIJING = timezone(timedelta(hours=8))


def today() -> str:
    return datetime.now(BEIJING).date().isoformat()


async def ask(merchant: Merchant, **more: str) -> dict[str, Any]:
    return await merchant.call(METHOD, {"bill_type": "trade", "bill_date": today(), **more})


async def files(merchant: Merchant, **more: str) -> dict[str, str]:
    """By name, both read as GBK by a reader that knows nothing of this program."""
    node = await ask(merchant, **more)
    async with merchant.http.get(node["bill_download_url"]) as answer:
        assert answer.status == 200
        archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
    assert archive.testzip() is None
    assert all(not entry.flag_bits & 0x800 for entry in archive.infolist())
    return {
        entry.filename.encode("cp437").decode("gbk"): archive.read(entry).decode("gbk")
        for entry in archive.infolist()
    }


async def detail(merchant: Merchant) -> tuple[list[str], Rows]:
    found = await files(merchant)
    lines = found[f"{merchant.seller_id}0156_{today().replace('-', '')}_业务明细.csv"].splitlines()
    rows = [line.split(",") for line in lines[5:-4]]
    return lines, {(row[1].strip(), row[2].strip(), row[21].strip()): row for row in rows}


@pytest_asyncio.fixture
async def open_day(merchant: Merchant) -> Merchant:
    await merchant.admin("POST", "bills/settings", {"is_today_open": True, "fee_bp": 60})
    return merchant


async def test_a_day_in_full(open_day: Merchant) -> None:
    merchant, first, second = open_day, new_no(), new_no()
    paid = await merchant.pay(first, total_amount="10.00", subject="拿铁", store_id="S1")
    await merchant.pay(second, total_amount="0.50")
    await merchant.refund(first, "4.00", "R1")
    lines, rows = await detail(merchant)
    assert lines[0] == "#支付宝业务明细查询"
    assert lines[1] == f"#账号：[{merchant.seller_id}0156]"
    assert re.fullmatch(r"#起始日期：\[\d{4}年\d\d月\d\d日 00:00:00\]   终止日期：\[.*\]", lines[2])
    header = lines[4].split(",")
    assert (len(header), header[0], header[21], header[24]) == (
        25,
        "支付宝交易号",
        "退款批次号/请求号",
        "备注",
    )
    assert set(rows) == {(first, "交易", ""), (second, "交易", ""), (first, "退款", "R1")}
    row, back = rows[first, "交易", ""], rows[first, "退款", "R1"]
    assert (row[0], row[1][-1], row[3], row[6]) == (paid["trade_no"] + "\t", "\t", "拿铁", "S1\t")
    assert (row[11], row[12], row[22]) == ("10.00", "10.00", "-0.06")
    assert (back[0], back[4], back[11], back[12]) == (row[0], row[4], "-4.00", "-4.00")
    assert all(len(one) == 25 for one in rows.values())
    assert lines[-3] == "#交易合计：2笔，商家实收共10.50元，商家优惠共0.00元"
    assert lines[-2] == "#退款合计：1笔，商家实收退款共-4.00元，商家优惠退款共0.00元"
    found = await files(merchant)
    summary = next(text for name, text in found.items() if "汇总" in name).splitlines()
    assert summary[4].startswith("门店编号,门店名称,交易订单总笔数")
    total = next(line for line in summary if line.startswith("合计")).split(",")
    assert (total[2], total[3], total[4], total[9], total[11]) == (
        "2",
        "1",
        "6.50",
        "-0.06",
        "6.44",
    )
    account = await files(merchant, bill_type="signcustomer")
    assert "#收入合计：2笔，共10.50元" in next(iter(account.values()))
    month = await files(merchant, bill_date=today()[:7])
    assert first in next(iter(month.values()))


async def test_planted_differences(open_day: Merchant) -> None:
    merchant = open_day
    gone, other, dear = new_no(), new_no(), new_no()
    for no in (gone, other, dear):
        await merchant.pay(no, total_amount="5.00")
    await merchant.refund(other, "1.00", "R1")
    base = {"app_id": merchant.app_id, "bill_date": today()}
    for wanted in (
        {"kind": "missing", "out_trade_no": gone},
        {"kind": "amount", "out_trade_no": other, "amount_fen": 501},
        {"kind": "amount", "out_trade_no": other, "out_request_no": "R1", "amount_fen": -99},
        {"kind": "fee", "out_trade_no": dear, "fee_fen": -77},
        {"kind": "extra", "out_trade_no": "STRANGE1", "amount_fen": 123},
        {"kind": "extra", "out_trade_no": dear, "out_request_no": "RX", "amount_fen": -5},
    ):
        await merchant.admin("POST", "bills/plants", {**base, **wanted})
    _, rows = await detail(merchant)
    assert (gone, "交易", "") not in rows
    assert rows[other, "交易", ""][11] == "5.01"
    assert rows[other, "退款", "R1"][11] == "-0.99"
    assert rows[dear, "交易", ""][22] == "-0.77"
    assert rows["STRANGE1", "交易", ""][12] == "1.23"
    assert rows[dear, "退款", "RX"][11] == "-0.05"
    assert len((await merchant.admin("GET", f"bills?app_id={merchant.app_id}"))["plants"]) == 6
    await merchant.admin("DELETE", f"bills/plants?app_id={merchant.app_id}")
    _, rows = await detail(merchant)
    assert set(rows) == {
        (gone, "交易", ""), (other, "交易", ""), (dear, "交易", ""), (other, "退款", "R1"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "nothing"},
        {"kind": "missing"},
        {"kind": "missing", "out_trade_no": "A", "bill_date": "2026-13-01"},
        {"kind": "amount", "out_trade_no": "A", "amount_fen": "1.00"},
        {"kind": "fee", "out_trade_no": "A"},
    ],
)
async def test_plants_that_are_none(merchant: Merchant, wanted: dict[str, Any]) -> None:
    base = {"app_id": merchant.app_id, "bill_date": today()}
    await merchant.admin("POST", "bills/plants", {**base, **wanted}, status=400)


async def test_a_bill_is_there_at_nine_the_next_day(
    start: Callable[[Path], Process],
    tmp_path: Path,
    http: aiohttp.ClientSession,
    key: rsa.RSAPrivateKey,
    alipay_pem: str,
) -> None:
    """On the scaled clock, which other tests have wound on in the sandbox that they share: this one
    has its own."""
    merchant = Merchant(http, start(tmp_path).base, key)
    await merchant.register(alipay_private_key=alipay_pem)
    day, now = today(), datetime.now(BEIJING)
    nine = datetime.fromisoformat(day).replace(tzinfo=BEIJING) + timedelta(days=1, hours=9)
    assert (await ask(merchant, bill_date=day))["sub_code"] == "BILL_NOT_EXIST"
    for forward_s, code in (
        ((nine - now).total_seconds() - 600, ("sub_code", "BILL_NOT_EXIST")),
        (600, ("bill_file_code", "EMPTY_DATA_WITH_BILL_FILE")),
    ):
        await merchant.admin("POST", "platform/clock", {"forward_s": forward_s})
        node = await ask(merchant, bill_date=day)
        assert node.get(code[0]) == code[1]


async def test_refusals_and_the_address(open_day: Merchant) -> None:
    merchant = open_day
    assert (await ask(merchant))["bill_file_code"] == "EMPTY_DATA_WITH_BILL_FILE"
    assert (await ask(merchant, bill_date="2026-02-30"))["sub_code"] == "INVAILID_ARGUMENTS"
    assert (await ask(merchant, bill_type="zft_acc"))["sub_code"] == "TYPE_NOT_SUPPORTED"
    node = await ask(merchant, bill_date="2020-01-01")
    assert "/downloadBillFile.resource?bizType=trade&userId=" in node["bill_download_url"]
    wrong = node["bill_download_url"][:-4] + "0000"
    async with merchant.http.get(wrong) as answer:
        assert answer.status == 403
