"""The methods we call, one row each, by name: parameters, time limit, which sub_codes mean refused,
and what a response means. `row` defines a row and how it judges a response."""

from collections.abc import Mapping

from gateway.alipay.methods.authorisation import AUTHORISATION
from gateway.alipay.methods.bills import BILLS
from gateway.alipay.methods.devices import IOT
from gateway.alipay.methods.mini_program import OPEN_PLATFORM
from gateway.alipay.methods.row import Method
from gateway.alipay.methods.trade import TRADE

_ROWS = (*TRADE, *BILLS, *AUTHORISATION, *OPEN_PLATFORM, *IOT)

METHODS: Mapping[str, Method] = {row.name: row for row in _ROWS}
