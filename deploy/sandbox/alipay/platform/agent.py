"""alipay.open.agent.*: an ISV signs 当面付 for a merchant, who then confirms."""

import secrets
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.platform import accounts
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import documents
from deploy.sandbox.kit.ledger import Tx

HELD, AUDITING, CONFIRM, DONE, REFUSED = (
    "MERCHANT_INFO_HOLD",
    "MERCHANT_AUDITING",
    "MERCHANT_CONFIRM",
    "MERCHANT_CONFIRM_SUCCESS",
    "MERCHANT_APPLY_ORDER_CANCELED",
)
SAVE = """
INSERT INTO agent_batches VALUES (?, ?, ?, ?)
ON CONFLICT (batch_no) DO UPDATE SET status = excluded.status, doc = excluded.doc
"""


@dataclass(slots=True)
class Batch:
    """One application of an ISV for a merchant's account."""

    batch_no: str
    isv_app_id: str
    status: str
    account: str = ""
    shop_name: str = ""
    has_facetoface: bool = False
    app_id: str = ""
    reject_reason: str = ""


def _save(tx: Tx, batch: Batch) -> None:
    doc = documents.dumped(batch, "batch_no", "isv_app_id", "status")
    tx.execute(SAVE, batch.batch_no, batch.isv_app_id, batch.status, doc)


def find(tx: Tx, batch_no: str) -> Batch | None:
    row = tx.one("SELECT * FROM agent_batches WHERE batch_no = ?", batch_no)
    if row is None:
        return None
    columns = {name: row[name] for name in ("batch_no", "isv_app_id", "status")}
    return documents.loaded(Batch, row["doc"], **columns)


def _mine(tx: Tx, call: Call) -> Batch:
    batch = find(tx, call.text("batch_no", 64, is_needed=True))
    if batch is None or batch.isv_app_id != call.app.app_id:
        raise Refused("BATCH_NOT_EXIST")
    return batch


def create(tx: Tx, call: Call) -> Node:
    account = call.text("account", 100, is_needed=True)
    if not isinstance(call.biz.get("contact_info"), dict):
        raise Refused(call.invalid, "contact_info不能为空")
    batch = Batch(f"202611{secrets.randbelow(10**22):022d}", call.app.app_id, "init", account)
    _save(tx, batch)
    return success(batch_no=batch.batch_no, batch_status=batch.status)


def facetoface_sign(tx: Tx, call: Call) -> Node:
    batch = _mine(tx, call)
    if batch.status != "init":
        raise Refused("BATCH_STATUS_ERROR")
    batch.shop_name = call.text("shop_name", 128)
    batch.has_facetoface = True
    _save(tx, batch)
    return success()


def confirm(tx: Tx, call: Call) -> Node:
    """Closes the batch and hands it to Alipay's review; the merchant's app is known from here."""
    batch = _mine(tx, call)
    if batch.status != "init" or not batch.has_facetoface:
        raise Refused("BATCH_STATUS_ERROR")
    merchant = accounts.create(tx)
    merchant.has_facetoface = False
    accounts.save(tx, merchant)
    batch.app_id, batch.status = merchant.app_id, AUDITING
    _save(tx, batch)
    return success(user_id=merchant.seller_id, auth_app_id=merchant.app_id)


def cancel(tx: Tx, call: Call) -> Node:
    batch = _mine(tx, call)
    if batch.status != "init":
        raise Refused("BATCH_STATUS_ERROR")
    batch.status = REFUSED
    _save(tx, batch)
    return success()


def order_query(tx: Tx, call: Call) -> Node:
    batch = _mine(tx, call)
    fields: dict[str, Any] = {
        "order_status": HELD if batch.status == "init" else batch.status,
        "order_no": batch.batch_no,
    }
    if batch.app_id:
        mini = accounts.require(tx, batch.app_id)
        fields.update(merchant_pid=mini.seller_id, agent_app_id=mini.app_id)
        signed = "SUCCESS" if mini.has_facetoface else "AUDITING"
        fields["product_agent_status_infos"] = [
            {"product_code": "FACE_TO_FACE_PAYMENT", "product_name": "当面付", "status": signed}
        ]
    if batch.status == CONFIRM:
        fields["confirm_url"] = f"https://render.alipay.com/agent/confirm?batch={batch.batch_no}"
    if batch.reject_reason:
        fields["reject_reason"] = batch.reject_reason
    return success(**fields)


def decide(tx: Tx, batch: Batch, step: str, reason: str) -> None:
    """`step`: audited (Alipay agrees), confirmed (so does the merchant) or rejected."""
    if step == "audited" and batch.status == AUDITING:
        batch.status = CONFIRM
    elif step == "confirmed" and batch.status == CONFIRM:
        batch.status = DONE
        mini = accounts.require(tx, batch.app_id)
        mini.has_facetoface = True
        accounts.save(tx, mini)
    elif step == "rejected" and batch.status in {AUDITING, CONFIRM}:
        batch.status, batch.reject_reason = REFUSED, reason or "门店信息不完整"
    else:
        raise ValueError(f"{step} does not follow {batch.status}")
    _save(tx, batch)


def list_all(tx: Tx) -> list[dict[str, Any]]:
    found = []
    for row in tx.all("SELECT batch_no FROM agent_batches ORDER BY batch_no"):
        batch = find(tx, row["batch_no"])
        if batch is not None:
            found.append({
                "batch_no": batch.batch_no, "isv_app_id": batch.isv_app_id,
                "status": batch.status, "account": batch.account, "app_id": batch.app_id or None,
                "facetoface": batch.has_facetoface, "reject_reason": batch.reject_reason or None,
            })  # fmt: skip
    return found


METHODS = {
    "alipay.open.agent.create": create,
    "alipay.open.agent.facetoface.sign": facetoface_sign,
    "alipay.open.agent.confirm": confirm,
    "alipay.open.agent.cancel": cancel,
    "alipay.open.agent.order.query": order_query,
}
