"""Asks Alipay's open platform through the egress, as a merchant's bound app. Keys are none of our
business here: the egress signs, and what comes back as an outcome has been verified."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.contracts.egress import EgressRequest
from shared.errors import BadGateway, Problem

if TYPE_CHECKING:
    from shared.client import ServiceClient

APP_NOT_BOUND, APP_DISABLED = 404, 409
NOT_NOW = frozenset({408, 429})
"""Refusals by a moment, not by what was asked: the same may be asked again."""
PARAMS = "/params/"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `outcome` is the egress's: success, in_process, refused, not_found,
    config_error, unknown; or, when the egress has sent nothing at all, `not_bound` (it knows no
    such app), `switched_off` (the app is), `not_sent` (it does not take what we ask)."""

    outcome: str
    code: str = ""
    sub_code: str = ""
    message: str = ""
    reason: str = ""
    """why an outcome is unknown, in the egress's stable words"""
    data: Mapping[str, Any] = field(default_factory=dict)
    invalid: tuple[str, ...] = ()
    """of what was not sent: the parameters that do not fit their method"""

    @property
    def is_success(self) -> bool:
        return self.outcome == "success"


class OpenPlatform:
    """The egress, with the answers that onboarding and the key doctor act upon. `connect` is called
    at the first question: mostly there is none, and an HTTP client costs a tenth of a start."""

    def __init__(self, connect: "Callable[[], ServiceClient]") -> None:
        self._connect = connect
        self._egress: ServiceClient | None = None

    async def aclose(self) -> None:
        if self._egress is not None:
            await self._egress.aclose()

    async def ask(
        self, tenant_id: UUID, app_id: str, method: str, params: Mapping[str, Any]
    ) -> Said:
        """One attempt; whatever goes wrong on the way is `unknown`."""
        body: EgressRequest = {"app_id": app_id, "params": dict(params)}
        return await self._said(f"/alipay/{method}", body, tenant_id)

    async def check_key(
        self, tenant_id: UUID, app_id: str, key_version: int, params: Mapping[str, Any]
    ) -> Said:
        """A trade query signed with that version and verified under it alone, pending or not."""
        body: EgressRequest = {"app_id": app_id, "key_version": key_version, "params": dict(params)}
        return await self._said("/key-check", body, tenant_id)

    async def rehearse(
        self, tenant_id: UUID, door: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What the sandbox behind the egress did; its refusal is raised as it is, `sandbox.absent`
        where the real Alipay is behind it. Unavailable when nobody answers."""
        if self._egress is None:
            self._egress = self._connect()
        answer: Mapping[str, Any] = await self._egress.call_ok(
            "POST", f"/sandbox/{door}", body=body, tenant_id=tenant_id
        )
        return answer

    async def _said(self, path: str, body: EgressRequest, tenant_id: UUID) -> Said:
        from shared.client import NoAnswer, NotSent

        if self._egress is None:
            self._egress = self._connect()
        try:
            reply = await self._egress.call("POST", path, body=body, tenant_id=tenant_id)
        except (NotSent, NoAnswer, Problem) as error:
            return Said("unknown", reason=type(error).__name__)
        try:
            document = reply.json()
        except BadGateway:
            document = None
        if 400 <= reply.status < 500 and reply.status not in NOT_NOW:
            return _refusal(reply.status, document if isinstance(document, dict) else {})
        if document is None:
            return Said("unknown", reason="not_json")
        if reply.status != 200 or not isinstance(document, dict) or "outcome" not in document:
            return Said("unknown", reason=f"status_{reply.status}")
        data = document.get("data") or {}
        return Said(
            outcome=str(document["outcome"]),
            code=document.get("code") or "",
            sub_code=document.get("sub_code") or "",
            message=document.get("sub_msg") or "",
            reason=str(data.get("reason", "")),
            data=data,
        )


def _refusal(status: int, problem: Mapping[str, Any]) -> Said:
    """A problem of the egress's own: nothing was sent, so Alipay is not asked for it."""
    code = problem.get("code")
    if code == "egress.app_disabled":
        return Said("switched_off")
    if status == APP_DISABLED or (status == APP_NOT_BOUND and code != "not_found"):
        return Said("not_bound")
    faults = problem.get("errors")
    pointers = [str(one.get("pointer", "")) for one in faults or () if isinstance(one, dict)]
    named = (
        one.removeprefix(PARAMS).partition("/")[0] for one in pointers if one.startswith(PARAMS)
    )
    return Said("not_sent", reason=f"status_{status}", invalid=tuple(dict.fromkeys(named)))
