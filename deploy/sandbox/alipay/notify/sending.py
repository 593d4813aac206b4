"""How Alipay sends its notifies: as which form, how often, and until which answer."""

import json
import sqlite3

from deploy.sandbox.alipay.apps.registry import Apps
from deploy.sandbox.alipay.notify import notices, variants
from deploy.sandbox.kit import delivery
from deploy.sandbox.kit.faults import Triggered
from deploy.sandbox.kit.post import Answer

MINUTE_MS = 60_000
RESENDS_MS = tuple(minutes * MINUTE_MS for minutes in (4, 10, 10, 60, 120, 360, 900))


class Sending:
    """Alipay's part of a `delivery.Delivery`."""

    content_type = notices.CONTENT_TYPE
    user_agent = "Mozilla/4.0"
    resends_ms = RESENDS_MS
    on_first = frozenset({*delivery.KINDS, *variants.KINDS})
    on_resend = frozenset({*variants.KINDS, "notify_slow"})

    def __init__(self, apps: Apps) -> None:
        self._apps = apps

    def knows(self, app_id: str) -> bool:
        return self._apps.get(app_id) is not None

    def body(self, row: sqlite3.Row, triggered: Triggered) -> bytes:
        app = self._apps.get(row["app_id"])
        if app is None:
            raise LookupError(f"no app {row['app_id']}")
        complete = notices.form(json.loads(row["fields"]), row["notify_id"])
        return variants.body_under(app, self._apps, complete, triggered)

    def is_acknowledgement(self, answer: Answer) -> bool:
        return answer.status == 200 and answer.text == "success"
