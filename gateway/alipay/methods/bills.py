"""Finds and fetches the day's bill (alipay-protocol.md §4.7).

The response with the file's address is signed, and the address is valid for half a minute; the file
itself is not signed. It is therefore fetched at once, over HTTPS and only from hosts that the
operator configured, and read as untrusted input.
"""

import re
from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from gateway.alipay.bill_file import BILL_BYTES_MAX, BadBill
from gateway.alipay.methods.row import Method, Params, Text, UnusableResponse, prefixed
from gateway.alipay.protocol.envelope import AlipayResponse
from gateway.http_client import HttpClient
from shared.errors import NoAnswer, NotSent

URL_MAX = 2048
FETCHES_MAX = 4
FETCH_S = 30.0
BILL_METHOD = "alipay.data.dataservice.bill.downloadurl.query"

_PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9.\-]+(?::\d{1,5})?/[\x21\x24-\x5b\x5d-\x7e]*", re.ASCII
)


class BillParams(Params):
    bill_type: Annotated[
        str,
        Field(
            pattern=r"^(trade|signcustomer|merchant_act|trade_zft_merchant|zft_acc|settlementMerge)$"
        ),
    ]
    bill_date: Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$")]
    smid: Text | None = None


def _download_url(response: AlipayResponse, _params: BillParams) -> dict[str, Any]:
    url = response.text("bill_download_url")
    if not url or len(url) > URL_MAX:
        raise UnusableResponse("incomplete")
    is_empty = response.text("bill_file_code") == "EMPTY_DATA_WITH_BILL_FILE"
    return {"bill_download_url": url, "is_empty": is_empty}


BILLS: tuple[Method, ...] = (
    Method(BILL_METHOD, BillParams, _download_url,
           prefixed("INVAILID_ARGUMENTS BILL_DATE_BEFORE_REGISTRATION TYPE_NOT_SUPPORTED"
                    " INVALID_PARAMETER", ""),
           missing=prefixed("BILL_NOT_EXIST NO_BILL_DATA", ""), retry="free", timeout_s=10),
)  # fmt: skip


class BillDownloads:
    """Fetches bill files: one small pool per allowed host, no redirects."""

    def __init__(self, gateway_url: str, hosts: Collection[str]) -> None:
        gateway = urlsplit(gateway_url)
        allowed = {f"https://{host}" for host in hosts}
        # A sandbox serves its bills itself, possibly without TLS.
        allowed.add(f"{gateway.scheme}://{gateway.netloc}")
        self._clients = {
            base: HttpClient(base, name="bills", pool=FETCHES_MAX, timeout_s=FETCH_S, is_ours=False)
            for base in allowed
        }

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def fetch(self, url: str) -> bytes:
        """The file. Raises BadBill with bill_host, bill_not_sent, bill_no_answer, bill_status or
        too_large."""
        if _PLAIN_URL.fullmatch(url) is None:
            raise BadBill("bill_host")
        parts = urlsplit(url)
        client = self._clients.get(f"{parts.scheme}://{parts.netloc}")
        if client is None:
            raise BadBill("bill_host")
        path = url[len(f"{parts.scheme}://{parts.netloc}") :]
        try:
            reply = await client.request("GET", path, headers={"Accept": "*/*"})
        except NotSent:
            raise BadBill("bill_not_sent") from None
        except NoAnswer:
            raise BadBill("bill_no_answer") from None
        if reply.status != 200:
            raise BadBill("bill_status")
        if len(reply.content) > BILL_BYTES_MAX:
            raise BadBill("too_large")
        return reply.content
