"""The bill reader: a ZIP that a network gave us, and inside it lines that customers typed."""

import io
import zipfile

from gateway.alipay import bill_file

_HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_ROW = (
    "2026112222001400000000000001\t,T20261122000001\t,交易\t,咖啡,2026-11-22 09:00:00,"
    "2026-11-22 09:00:05,S1\t,一店\t,\t,D1\t,*测(158****1562)\t,12.00,12.00,0.00,0.00,0.00,0.00,"
    "0.00,,0.00,0.00,,-0.07,0.00,"
)
_BACK = (
    "2026112222001400000000000001\t,T20261122000001\t,退款\t,咖啡,2026-11-22 09:00:00,"
    "2026-11-22 10:00:05,S1\t,一店\t,\t,D1\t,*测(158****1562)\t,-2.00,-2.00,0.00,0.00,0.00,0.00,"
    "0.00,,0.00,0.00,R1,0.00,0.00,"
)
_DETAIL = "\r\n".join(
    [
        "#支付宝业务明细查询", "#账号：[20880000000000010156]",
        "#起始日期：[2026年11月22日 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        _HEAD, _ROW, _BACK,
        "#-----------------------------------------业务明细列表结束------------------------------------",
        "#交易合计：1笔，商家实收共12.00元，商家优惠共0.00元",
        "#退款合计：1笔，商家实收退款共-2.00元，商家优惠退款共0.00元",
        "#导出时间：[2026年11月23日 09:00:00]", "",
    ]
).encode("gbk")  # fmt: skip
_NAME = "20880000000000010156_20261122_业务明细.csv"


def _zip(detail: bytes) -> bytes:
    """Stored, so that changes reach the reader of lines and not the checksum."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr(_NAME, detail)
    return written.getvalue()


SEEDS = (b"c" + _DETAIL, b"z" + _zip(_DETAIL), b"zPK\x05\x06" + bytes(18), b"c")


def check(data: bytes) -> None:
    """`c`: the detail, put into a ZIP. Else: the ZIP."""
    raw = _zip(data[1:]) if data[:1] == b"c" else data[1:]
    reason = ""
    try:
        bill = bill_file.read_bill(raw)
    except bill_file.BadBill as error:
        reason = error.reason
    else:
        assert bill is not None
        return
    assert reason
