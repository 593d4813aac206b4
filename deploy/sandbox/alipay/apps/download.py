"""alipay.open.app.alipaycert.download: an Alipay certificate by its number."""

import base64

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import refusal
from deploy.sandbox.kit.ledger import Tx

METHOD = "alipay.open.app.alipaycert.download"
BY_SN = "SELECT pem FROM certificates WHERE sn = ? AND kind <> 'app'"


def download(tx: Tx, call: Call) -> Node:
    """Any Alipay certificate by its number, also a replaced one."""
    row = tx.one(BY_SN, str(call.biz.get("alipay_cert_sn", "")))
    if row is None:
        return refusal("isv.alipay-cert-not-exist")
    pem: str = row["pem"]
    return success(alipay_cert_content=base64.b64encode(pem.encode()).decode())
