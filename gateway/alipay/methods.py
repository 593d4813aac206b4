"""The methods we call, one row each, by name: parameters, patience, what counts as refused, what
an answer means. What a row is and how it judges stands in `method`."""

from collections.abc import Mapping

from gateway.alipay.authorisation import AUTHORISATION
from gateway.alipay.bill_methods import BILLS
from gateway.alipay.iot import IOT
from gateway.alipay.method import Method, Result, judge
from gateway.alipay.open_platform import OPEN_PLATFORM
from gateway.alipay.trade import TRADE

__all__ = ["METHODS", "Method", "Result", "judge"]

_ROWS = (*TRADE, *BILLS, *AUTHORISATION, *OPEN_PLATFORM, *IOT)

METHODS: Mapping[str, Method] = {row.name: row for row in _ROWS}
