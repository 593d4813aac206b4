"""Template mini programs of an ISV: what a merchant's version is built from."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import documents
from deploy.sandbox.kit.ledger import Tx

ONLINE = "RELEASE"
SAVE = """
INSERT INTO templates VALUES (?, ?, ?)
ON CONFLICT (template_id) DO UPDATE SET isv_app_id = excluded.isv_app_id, doc = excluded.doc
"""


@dataclass(slots=True)
class Template:
    """Versions by number: their status."""

    template_id: str
    isv_app_id: str
    app_name: str = "刷脸付收银模板"
    versions: dict[str, str] = field(default_factory=lambda: {"0.0.1": ONLINE})

    def newest(self) -> str | None:
        online = [number for number, status in self.versions.items() if status == ONLINE]
        return max(online, key=version_key) if online else None


def version_key(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def of_isv(tx: Tx, isv_app_id: str) -> list[Template]:
    """Every ISV starts with one template that is online for the IoT end."""
    rows = tx.all("SELECT * FROM templates WHERE isv_app_id = ?", isv_app_id)
    found = [_read(row) for row in rows]
    if not found:
        digits = int.from_bytes(hashlib.sha256(isv_app_id.encode()).digest()[:8]) % 10**12
        found = [Template(f"2021{digits:012d}", isv_app_id)]
        save(tx, found[0])
    return found


def _read(row: Any) -> Template:
    return documents.loaded(
        Template, row["doc"], template_id=row["template_id"], isv_app_id=row["isv_app_id"]
    )


def save(tx: Tx, template: Template) -> None:
    doc = documents.dumped(template, "template_id", "isv_app_id")
    tx.execute(SAVE, template.template_id, template.isv_app_id, doc)


def named(tx: Tx, isv_app_id: str, template_id: str) -> Template:
    for template in of_isv(tx, isv_app_id):
        if template.template_id == template_id:
            return template
    raise Refused("TEMPLATE_NOT_EXIST")


def shown(template: Template) -> dict[str, Any]:
    return {
        "mini_app_id": template.template_id,
        "app_name": template.app_name,
        "logo_url": "",
        "version_list": [
            {"template_version": number, "version_status": status}
            for number, status in sorted(
                template.versions.items(), key=lambda item: version_key(item[0])
            )
        ],
    }


def list_query(tx: Tx, call: Call) -> Node:
    """Of the caller, with or without a merchant's token."""
    return success(app_list=[shown(one) for one in of_isv(tx, call.app.app_id)])


def usage_query(tx: Tx, call: Call) -> Node:
    template = named(tx, call.app.app_id, call.text("template_id", 32, is_needed=True))
    wanted, bundle = call.text("template_version", 16), call.text("bundle_id", 64)
    uses = []
    for row in tx.all("SELECT * FROM mini_versions ORDER BY app_id, app_version"):
        doc = json.loads(row["doc"])
        if doc.get("template_id") != template.template_id:
            continue
        if bundle in {"", row["bundle_id"]} and wanted in {"", doc.get("template_version")}:
            uses.append({"mini_app_id": row["app_id"], "app_version": row["app_version"]})
    size = min(max(call.whole("page_size", 10), 1), 100)
    first = (max(call.whole("page_num", 1), 1) - 1) * size
    return success(
        template_usage_info_list=uses[first : first + size],
        app_ids=sorted({use["mini_app_id"] for use in uses[first : first + size]}),
    )
