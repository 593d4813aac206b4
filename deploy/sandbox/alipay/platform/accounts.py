"""A mini program and its owner's account at the open platform, and what the owner may do."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.alipay.apps.calls import Account, Call
from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import documents
from deploy.sandbox.kit.ledger import Tx

IOT = "com.alipay.iot.xpaas"
WALLET = "com.alipay.alipaywallet"
# S51: what the console's function table says; one of them needs a contract.
FUNCTIONS = (
    ("基础JSAPI能力包", "小程序基础能力", False),
    ("小程序支付", "在小程序内完成支付", True),
)
SAVE = """
INSERT INTO mini_apps VALUES (?, ?, ?)
ON CONFLICT (app_id) DO UPDATE SET seller_id = excluded.seller_id, doc = excluded.doc
"""


@dataclass(slots=True)
class MiniApp:
    """One application as its owner sees it in the console."""

    app_id: str
    seller_id: str
    app_name: str = ""
    app_english_name: str = ""
    app_slogan: str = ""
    app_desc: str = ""
    app_logo: str = ""
    category_names: str = ""
    service_phone: str = ""
    service_email: str = ""
    safe_domains: list[str] = field(default_factory=list)
    members: list[dict[str, str]] = field(default_factory=list)
    is_iot_enabled: bool = False
    has_facetoface: bool = True
    messages_url: str = ""


def find(tx: Tx, app_id: str) -> MiniApp | None:
    """A registered app has an account from its first day; the admin interface makes others."""
    registered = tx.one("SELECT seller_id FROM apps WHERE app_id = ?", app_id)
    row = tx.one("SELECT * FROM mini_apps WHERE app_id = ?", app_id)
    account = registered if registered is not None else row
    if account is None:
        return None
    doc = row["doc"] if row is not None else "{}"
    mini = documents.loaded(MiniApp, doc, app_id=app_id, seller_id=account["seller_id"])
    if not mini.app_name:
        mini.app_name = f"小程序{app_id[-6:]}"
    return mini


def require(tx: Tx, app_id: str) -> MiniApp:
    mini = find(tx, app_id)
    if mini is None:
        raise Refused("isv.invalid-app-id", code="40002")
    return mini


def create(tx: Tx, app_id: str | None = None) -> MiniApp:
    """Of a merchant whose application never calls by itself."""
    known = find(tx, app_id) if app_id else None
    if known is not None:
        return known
    mini = MiniApp(
        app_id or f"2021{secrets.randbelow(10**12):012d}", f"2088{secrets.randbelow(10**12):012d}"
    )
    mini.app_name = f"小程序{mini.app_id[-6:]}"
    save(tx, mini)
    return mini


def save(tx: Tx, mini: MiniApp) -> None:
    doc = documents.dumped(mini, "app_id", "seller_id")
    tx.execute(SAVE, mini.app_id, mini.seller_id, doc)


def list_all(tx: Tx) -> list[MiniApp]:
    rows = tx.all("SELECT app_id FROM apps UNION SELECT app_id FROM mini_apps ORDER BY app_id")
    return [require(tx, row["app_id"]) for row in rows]


def check_facetoface(tx: Tx, call: Call) -> None:
    """当面付 is a contract of the merchant's; without it no app may take payments."""
    mini = find(tx, call.owner.app_id)
    if mini is None or mini.has_facetoface:
        return
    if call.acting is not None:
        raise Refused("aop.no-product-reg-by-partner", code="20001")
    raise Refused("isv.insufficient-isv-permissions", code="40006")


def buyer_ids(owner: Account, buyer_no: int) -> dict[str, str]:
    """The user id or the open id, as the app is set."""
    if owner.buyer_ids == "user_id":
        return {"user_id": f"2088{buyer_no:012d}"}
    return {"open_id": trade_row.open_id(owner.app_id, buyer_no)}


def shown(mini: MiniApp) -> dict[str, Any]:
    return {
        "app_id": mini.app_id,
        "seller_id": mini.seller_id,
        "app_name": mini.app_name,
        "app_english_name": mini.app_english_name,
        "app_slogan": mini.app_slogan,
        "app_desc": mini.app_desc,
        "category_names": mini.category_names,
        "service_phone": mini.service_phone,
        "service_email": mini.service_email,
        "safe_domains": mini.safe_domains,
        "members": mini.members,
        "iot_enabled": mini.is_iot_enabled,
        "facetoface": mini.has_facetoface,
        "messages_url": mini.messages_url or None,
        "functions": [
            {"name": name, "description": text, "contract_needed": needs, "state": "已生效"}
            for name, text, needs in FUNCTIONS
        ],
    }
