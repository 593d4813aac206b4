"""A bill as Alipay delivers it: a ZIP whose names are GBK bytes, with two GBK CSV files.

The layout is the one of public samples: comment lines, a header of 25 columns, a TAB after the
columns that a spreadsheet would take for numbers, no quoting, totals as comments at the end.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.sandbox.alipay.wire.money import signed_yuan
from deploy.sandbox.kit import clock

HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,"
    "终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY_HEADER = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,"
    "支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
ACCOUNT_HEADER = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,"
    "支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注"
)
TRADE, REFUND = "交易", "退款"
DASHES = "-" * 40


@dataclass(slots=True)
class Row:
    """One line of the detail file; a refund's amount is negative, a fee that was taken too."""

    kind: str
    trade_no: str
    out_trade_no: str
    subject: str
    created_ms: int
    done_ms: int
    buyer: str
    amount_fen: int
    fee_fen: int = 0
    out_request_no: str = ""
    store_id: str = ""
    terminal_id: str = ""
    operator_id: str = ""

    def line(self) -> str:
        amount = signed_yuan(self.amount_fen)
        return ",".join(
            [
                self.trade_no + "\t",
                self.out_trade_no + "\t",
                self.kind + "\t",
                self.subject.replace("\n", " ").replace("\r", " "),
                clock.beijing(self.created_ms),
                clock.beijing(self.done_ms),
                self.store_id + "\t",
                self.store_id + "\t",
                self.operator_id + "\t",
                self.terminal_id + "\t",
                f"*户({self.buyer})\t",
                amount,
                amount,
                *["0.00"] * 5,
                "",
                "0.00\t",
                "0.00",
                self.out_request_no or "\t",
                signed_yuan(self.fee_fen),
                "0.00",
                "",
            ]
        )


@dataclass(frozen=True, slots=True)
class Bill:
    """A day or a month of one account."""

    pid: str
    first_ms: int
    end_ms: int
    name: str
    rows: list[Row]

    def _head(self, title: str, section: str) -> list[str]:
        first, end = _chinese(self.first_ms), _chinese(self.end_ms)
        return [
            f"#{title}",
            f"#账号：[{self.pid}0156]",
            f"#起始日期：[{first}]   终止日期：[{end}]",
            f"#{DASHES}{section}{DASHES}",
        ]

    def detail(self, now_ms: int) -> str:
        paid = [row for row in self.rows if row.kind == TRADE]
        back = [row for row in self.rows if row.kind == REFUND]
        return _joined(
            [
                *self._head("支付宝业务明细查询", "业务明细列表"),
                HEADER,
                *(row.line() for row in self.rows),
                f"#{DASHES}业务明细列表结束{DASHES}",
                f"#交易合计：{len(paid)}笔，商家实收共{_sum(paid)}元，商家优惠共0.00元",
                f"#退款合计：{len(back)}笔，商家实收退款共{_sum(back)}元，商家优惠退款共0.00元",
                f"#导出时间：[{_chinese(now_ms)}]",
            ]
        )

    def summary(self, now_ms: int) -> str:
        stores = sorted({row.store_id for row in self.rows})
        lines = [
            self._summary_line(f"{store}\t", [r for r in self.rows if r.store_id == store])
            for store in stores
        ]
        return _joined(
            [
                *self._head("支付宝业务汇总查询", "业务汇总列表"),
                SUMMARY_HEADER,
                *lines,
                self._summary_line("合计", self.rows),
                f"#{DASHES}业务汇总列表结束{DASHES}",
                f"#导出时间：[{_chinese(now_ms)}]",
            ]
        )

    def _summary_line(self, first: str, rows: list[Row]) -> str:
        paid = sum(row.kind == TRADE for row in rows)
        total, fee = sum(row.amount_fen for row in rows), sum(row.fee_fen for row in rows)
        return ",".join(
            [
                first,
                first if first.endswith("\t") else "",
                str(paid),
                str(len(rows) - paid),
                signed_yuan(total),
                signed_yuan(total),
                "0.00",
                "0.00",
                "0.00",
                signed_yuan(fee),
                "0.00",
                signed_yuan(total + fee),
            ]
        )

    def account(self, now_ms: int) -> str:
        """The signcustomer bill: the same movements as they pass over the account."""
        lines, balance, got, given = [], 0, 0, 0
        for number, row in enumerate(self.rows, 1):
            balance += row.amount_fen
            got, given = got + max(row.amount_fen, 0), given + min(row.amount_fen, 0)
            is_in = row.amount_fen >= 0
            lines.append(
                f"{row.trade_no[:8]}{number:012d}\t,{row.trade_no}\t,{row.out_trade_no}\t,"
                f"{row.subject},{clock.beijing(row.done_ms)},*户({row.buyer})\t,"
                f"{signed_yuan(row.amount_fen) if is_in else '0.00'},"
                f"{'0.00' if is_in else signed_yuan(row.amount_fen)},{signed_yuan(balance)},"
                f"支付宝,{'在线支付' if is_in else '交易退款'},"
            )
        ins = sum(row.amount_fen >= 0 for row in self.rows)
        return _joined(
            [
                *self._head("支付宝账务明细查询", "账务明细列表"),
                ACCOUNT_HEADER,
                *lines,
                f"#{DASHES}账务明细列表结束{DASHES}",
                f"#支出合计：{len(self.rows) - ins}笔，共{signed_yuan(given)}元",
                f"#收入合计：{ins}笔，共{signed_yuan(got)}元",
                f"#导出时间：[{_chinese(now_ms)}]",
            ]
        )

    def zipped(self, bill_type: str, now_ms: int) -> bytes:
        stem = f"{self.pid}0156_{self.name}_"
        if bill_type == "signcustomer":
            entries = [(f"{stem}账务明细.csv", self.account(now_ms))]
        else:
            entries = [
                (f"{stem}业务明细.csv", self.detail(now_ms)),
                (f"{stem}业务明细(汇总).csv", self.summary(now_ms)),
            ]
        return gbk_zip((name, text.encode("gb18030")) for name, text in entries)


def gbk_zip(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """By hand: zipfile would mark the names as UTF-8, which Alipay's files are not."""
    body, directory, count = b"", b"", 0
    for name, content in entries:
        raw = name.encode("gb18030")
        packed = zlib.compress(content, 6)[2:-4]  # deflate without zlib's frame
        facts = struct.pack(
            "<HHHHHIIIHH", 20, 0, 8, 0, 0x21, zlib.crc32(content), len(packed), len(content),
            len(raw), 0,
        )  # fmt: skip
        directory += (
            b"PK\x01\x02\x14\x00" + facts + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        )
        body += b"PK\x03\x04" + facts + raw + packed
        count += 1
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def _sum(rows: list[Row]) -> str:
    return signed_yuan(sum(row.amount_fen for row in rows))


def _joined(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"


def _chinese(ms: int) -> str:
    day, time = clock.beijing(ms).split(" ")
    year, month, date = day.split("-")
    return f"{year}年{month}月{date}日 {time}"
