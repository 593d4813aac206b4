"""The bill file: a ZIP of two GBK CSVs, read into typed lines, or refused with a stable word.

Pure: bytes in, lines out. The layout is in alipay-protocol.md §4.7. The file is not signed and
contains text that customers typed, so everything is checked: size and number of entries, names, the
size after decompression, every column of every row, and the totals in the footer.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from gateway.alipay.protocol.envelope import parse_beijing
from shared.contracts.instants import BEIJING
from shared.contracts.money import parse_yuan

BILL_BYTES_MAX = 8 * 1024 * 1024
TEXT_BYTES_MAX = 64 * 1024 * 1024
ENTRIES_MAX = 8
LINES_MAX = 200_000
LINE_CHARS_MAX = 4096
COLUMNS_MAX = 40
EXTRA_COMMAS_MAX = 24
CHUNK = 64 * 1024

_TITLE = "#支付宝业务明细查询"
_ORDER_COLUMNS = ("支付宝交易号", "商户订单号", "业务类型")
_NEEDED = frozenset({*_ORDER_COLUMNS, "商品名称", "创建时间", "完成时间", "门店编号", "终端号",
                     "订单金额（元）", "商家实收（元）", "退款批次号/请求号",
                     "服务费（元）"})  # fmt: skip
_TIMES = frozenset({"创建时间", "完成时间"})
_FREE = frozenset({"商品名称", "门店名称", "券名称", "备注"})
"""Free text. Nothing is quoted, so a comma inside it shifts the columns that follow."""
_KINDS: Mapping[str, Literal["trade", "refund"]] = {"交易": "trade", "退款": "refund"}
_SUMMARY_COLUMNS = ("门店编号", "交易订单总笔数", "退款订单总笔数")

_AMOUNT = re.compile(r"-?\d{1,9}\.\d{2}", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_NUMBER = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)
_ACCOUNT = re.compile(r"#账号：\[(\d{16})(?:0156)?\]", re.ASCII)
_DAY = r"\[(\d{4})年(\d\d)月(\d\d)日 (\d\d):(\d\d):(\d\d)\]"
_PERIOD = re.compile(rf"#起始日期：{_DAY}\s+终止日期：{_DAY}", re.ASCII)
_TRADES = re.compile(r"#交易合计：(\d{1,9})笔，商家实收共(-?[\d.]+)元.*", re.ASCII)
_REFUNDS = re.compile(r"#退款合计：(\d{1,9})笔，商家实收退款共(-?[\d.]+)元.*", re.ASCII)


_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, OverflowError, IndexError, KeyError,
)  # fmt: skip


class BadBill(ValueError):
    """Not a bill that can be booked. `reason` is a stable word:

    too_large, not_zip, entries, entry_name, encrypted, bomb     the ZIP
    charset, no_detail, several_details, other_kind              what is inside
    layout, too_many_lines, line_too_long, bad_row,              the detail
    ambiguous_row, bad_footer, count_mismatch, sum_mismatch
    bad_summary, summary_mismatch                                the summary against it
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BillLine:
    """One row. A refund names its trade; its amounts are negative, as in the file."""

    kind: Literal["trade", "refund"]
    trade_no: str
    out_trade_no: str
    out_request_no: str
    """empty for a trade"""
    subject: str
    created_at: datetime
    """of the trade, in a refund's row too"""
    finished_at: datetime
    store_id: str
    terminal_id: str
    total_fen: int
    received_fen: int
    fee_fen: int


@dataclass(frozen=True, slots=True)
class BillSummary:
    """The footer's totals, checked against the rows."""

    trade_count: int
    refund_count: int
    received_fen: int
    refunded_fen: int
    """negative or zero, as in the file"""


@dataclass(frozen=True, slots=True)
class Bill:
    """A day's (or month's) bill of one account."""

    seller_id: str
    begins_at: datetime
    ends_at: datetime
    lines: tuple[BillLine, ...]
    summary: BillSummary


def read_bill(raw: bytes) -> Bill:
    """The trade bill in a downloaded ZIP; BadBill when anything about it is wrong."""
    details, summaries = [], []
    for text in _texts(raw):
        # Only these end a line: names may contain other characters that Python splits at.
        lines = text.replace("\r\n", "\n").split("\n")
        if lines and lines[0].strip() == _TITLE and _header_of(lines, _ORDER_COLUMNS) is not None:
            details.append(lines)
        elif _header_of(lines, _SUMMARY_COLUMNS) is not None:
            summaries.append(lines)
        else:
            raise BadBill("other_kind")
    if not details:
        raise BadBill("no_detail")
    if len(details) > 1 or len(summaries) > 1:
        raise BadBill("several_details")
    bill = _detail(details[0])
    for lines in summaries:
        _check_summary(lines, bill.summary)
    return bill


# --- the ZIP


def _texts(raw: bytes) -> Iterator[str]:
    """Each entry's text. Names are only checked; the content shows what a file is."""
    if len(raw) > BILL_BYTES_MAX:
        raise BadBill("too_large")
    left = TEXT_BYTES_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if not 1 <= len(entries) <= ENTRIES_MAX:
                raise BadBill("entries")
            for entry in entries:
                _check_name(entry)
                content = _unpacked(archive, entry, left)
                left -= len(content)
                yield _decoded(content)
    except BadBill:
        raise
    # zipfile raises unrelated exceptions on damaged input; all of them mean a bad file.
    except _DAMAGED:
        raise BadBill("not_zip") from None


def _check_name(entry: zipfile.ZipInfo) -> None:
    # The names are GBK without the flag for it, so zipfile reads them as cp437.
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("gb18030")
        except UnicodeError:
            raise BadBill("entry_name") from None
    odd = any(mark in name for mark in ("/", "\\", ":", "\0"))
    is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    if odd or is_link or name.startswith(".") or not name.lower().endswith(".csv"):
        raise BadBill("entry_name")
    if entry.flag_bits & 0x1:
        raise BadBill("encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadBill("not_zip")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    # The declared size cannot be trusted, so the decompressed bytes are counted.
    parts, size = [], 0
    with archive.open(entry) as stream:
        while part := stream.read(CHUNK):
            size += len(part)
            if size > limit:
                raise BadBill("bomb")
            parts.append(part)
    return b"".join(parts)


def _decoded(content: bytes) -> str:
    for encoding in ("gb18030", "utf-8-sig"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadBill("charset")


# --- the detail


def _header_of(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """The index of the header among the first lines."""
    for index, line in enumerate(lines[:16]):
        names = [name.strip() for name in line.split(",")]
        if all(name in names for name in wanted):
            return index
    return None


def _detail(lines: Sequence[str]) -> Bill:
    at = _header_of(lines, _ORDER_COLUMNS)
    account, period = _first(lines, _ACCOUNT), _first(lines, _PERIOD)
    columns = [name.strip() for name in lines[at or 0].split(",")]
    if at is None or account is None or period is None or not set(columns) >= _NEEDED:
        raise BadBill("layout")
    if len(set(columns)) != len(columns) or len(columns) > COLUMNS_MAX:
        raise BadBill("layout")
    body = [line for line in lines[at + 1 :] if line.strip()]
    ends = next((n for n, line in enumerate(body) if line.startswith("#")), len(body))
    rows, footer = body[:ends], body[ends:]
    if len(rows) > LINES_MAX:
        raise BadBill("too_many_lines")
    if not all(line.startswith("#") for line in footer):
        raise BadBill("layout")
    found = tuple(_line(row, columns) for row in rows)
    begins_at, ends_at = _time_of_row(period.groups()[:6]), _time_of_row(period.groups()[6:])
    if begins_at >= ends_at:
        raise BadBill("layout")
    return Bill(account[1], begins_at, ends_at, found, _checked_footer(footer, found))


def _first(lines: Sequence[str], pattern: re.Pattern[str]) -> re.Match[str] | None:
    found = [match for line in lines[:8] if (match := pattern.fullmatch(line.strip()))]
    return found[0] if len(found) == 1 else None


def _time_of_row(parts: Sequence[str]) -> datetime:
    try:
        return datetime(*map(int, parts), tzinfo=BEIJING).astimezone(UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        raise BadBill("layout") from None


def _line(row: str, columns: Sequence[str]) -> BillLine:
    if len(row) > LINE_CHARS_MAX:
        raise BadBill("line_too_long")
    cells = _fitted(row.split(","), columns)
    kind = _KINDS.get(cells["业务类型"])
    numbers = (cells["支付宝交易号"], cells["商户订单号"])
    refund_no = cells["退款批次号/请求号"]
    if kind is None or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise BadBill("bad_row")
    if kind == "refund" and not _NUMBER.fullmatch(refund_no):
        raise BadBill("bad_row")
    total_fen, received_fen = _fen(cells["订单金额（元）"]), _fen(cells["商家实收（元）"])
    side = 1 if kind == "trade" else -1
    if total_fen * side < 0 or received_fen * side < 0:
        raise BadBill("bad_row")
    return BillLine(
        kind=kind,
        trade_no=numbers[0],
        out_trade_no=numbers[1],
        out_request_no=refund_no if kind == "refund" else "",
        subject=cells["商品名称"],
        created_at=_moment(cells["创建时间"]),
        finished_at=_moment(cells["完成时间"]),
        store_id=cells["门店编号"],
        terminal_id=cells["终端号"],
        total_fen=total_fen,
        received_fen=received_fen,
        fee_fen=_fen(cells["服务费（元）"]),
    )


def _fitted(pieces: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Assigns pieces to columns. Commas inside a free text make more pieces than columns; the dates
    and amounts around it show where it ends. A row that can be read in two ways is refused."""
    extra = len(pieces) - len(columns)
    if not 0 <= extra <= EXTRA_COMMAS_MAX:
        raise BadBill("bad_row")
    if extra == 0:
        cells = dict(zip(columns, map(str.strip, pieces), strict=True))
        if not all(_belongs(text, name) for name, text in cells.items()):
            raise BadBill("bad_row")
        return cells
    found: list[dict[str, str]] = []

    def fit(at: int, column: int, spare: int, cells: dict[str, str]) -> None:
        if len(found) > 1:
            return
        if column == len(columns):
            if spare == 0:
                found.append(cells)
            return
        name = columns[column]
        for more in range(spare + 1 if name in _FREE else 1):
            text = ",".join(pieces[at : at + 1 + more]).strip()
            if _belongs(text, name):
                fit(at + 1 + more, column + 1, spare - more, {**cells, name: text})

    fit(0, 0, extra, {})
    if len(found) != 1:
        raise BadBill("ambiguous_row" if found else "bad_row")
    return found[0]


def _belongs(text: str, column: str) -> bool:
    if column.endswith("（元）"):
        return not text or text == "0.00" or _AMOUNT.fullmatch(text) is not None
    if column in _TIMES:
        return _TIME.fullmatch(text) is not None
    if column == "业务类型":
        return text in _KINDS
    return True


def _fen(text: str) -> int:
    """ "-12.07" -> -1207; an empty cell is 0."""
    if text in ("", "0.00"):
        return 0
    try:
        amount_fen = parse_yuan(text.removeprefix("-"))
    except ValueError:
        raise BadBill("bad_row") from None
    return -amount_fen if text.startswith("-") else amount_fen


def _moment(text: str) -> datetime:
    try:
        return parse_beijing(text)
    except ValueError:
        raise BadBill("bad_row") from None


def _checked_footer(footer: Sequence[str], lines: Sequence[BillLine]) -> BillSummary:
    totals = {}
    for kind, pattern in (("trade", _TRADES), ("refund", _REFUNDS)):
        found = [match for line in footer if (match := pattern.fullmatch(line.strip()))]
        if len(found) != 1:
            raise BadBill("bad_footer")
        try:
            totals[kind] = int(found[0][1]), _fen(found[0][2])
        except BadBill:
            raise BadBill("bad_footer") from None
    for kind, (count, received_fen) in totals.items():
        rows = [line.received_fen for line in lines if line.kind == kind]
        if len(rows) != count:
            raise BadBill("count_mismatch")
        if sum(rows) != received_fen:
            raise BadBill("sum_mismatch")
    return BillSummary(totals["trade"][0], totals["refund"][0], totals["trade"][1],
                       totals["refund"][1])  # fmt: skip


# --- the summary


def _check_summary(lines: Sequence[str], summary: BillSummary) -> None:
    at = _header_of(lines, _SUMMARY_COLUMNS)
    columns = [name.strip() for name in lines[at or 0].split(",")]
    totals = [line for line in lines[(at or 0) + 1 :] if line.strip().startswith("合计")]
    cells = [cell.strip() for cell in totals[0].split(",")] if len(totals) == 1 else []
    if len(cells) != len(columns):
        raise BadBill("bad_summary")
    by_column = dict(zip(columns, cells, strict=True))
    counts = (by_column["交易订单总笔数"], by_column["退款订单总笔数"])
    if not all(_COUNT.fullmatch(count) for count in counts):
        raise BadBill("bad_summary")
    if (int(counts[0]), int(counts[1])) != (summary.trade_count, summary.refund_count):
        raise BadBill("summary_mismatch")
