"""A request in the log, and what became of it."""

from dataclasses import dataclass
from typing import Any

from deploy.sandbox.alipay.wire import incoming
from deploy.sandbox.kit import request_log


@dataclass(slots=True)
class Entry(request_log.Entry):
    """Fields are parsed when the log is read, not when the request is handled."""

    content_rule: str | None = None
    code: str | None = None
    sub_code: str | None = None
    faults: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        received = incoming.read(self.raw_query, self.content_type, self.body)
        return {
            **self.described(received.params),
            "content_rule": self.content_rule,
            "code": self.code,
            "sub_code": self.sub_code,
            "faults": list(self.faults),
        }
