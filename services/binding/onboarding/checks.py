"""The check of each row of onboarding, at the open platform or in our own tables, and what its
result means for the row. The device service checks the rows about the life of the mini program.

A verdict without a state means "unknown": the row stays as it is, with a remedy. Only a verified
answer changes a row; an unknown answer is never taken as "done" or "failed".
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.clock import Clock
from shared.contracts.egress import EgressReply, EgressRequest
from shared.contracts.verdicts import Verdict, unusable
from shared.egress import EgressClient
from shared.ids import uuid7

PROBE_FEN = 1
NO_PRODUCT = frozenset(
    {"ACQ.ACCESS_FORBIDDEN", "ACQ.MERCHANT_AGREEMENT_NOT_EXIST", "ACQ.MERCHANT_AGREEMENT_INVALID"}
)
NO_RIGHT = ("insufficient-isv-permissions", "no-product-reg")
"""Parts of Alipay's codes for a product without a contract."""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The context of a check: one merchant's app, and what its rows hold."""

    egress: EgressClient
    clock: Clock
    tenant_id: UUID
    app_id: str
    hosts: tuple[str, ...]
    """what the mini program must be allowed to call"""
    evidence: Mapping[str, Mapping[str, Any]]
    """what the rows hold so far"""
    has_device: bool
    has_store: bool = False

    async def ask(self, method: str, **params: Any) -> EgressReply:
        request: EgressRequest = {"app_id": self.app_id, "params": params}
        return await self.egress.call(self.tenant_id, method, request)


Check = Callable[[CheckContext], Awaitable[Verdict]]
Run = Callable[[CheckContext, Mapping[str, Any]], Awaitable[Verdict]]


def not_there(reply: EgressReply) -> Verdict:
    """The verdict of a query for a trade that cannot exist. A verified "not found" proves that the
    platform accepts our signature and that we accept its own."""
    if reply.outcome == "not_found":
        return Verdict("done", evidence={"probe": "alipay.trade.query"})
    return unusable(reply)


async def check_face_to_face(context: CheckContext) -> Verdict:
    """Creates a payment code over one fen and cancels it at once, so nobody is charged."""
    number = uuid7(context.clock).hex
    reply = await context.ask(
        "alipay.trade.precreate", out_trade_no=number, total_fen=PROBE_FEN, subject="当面付检测"
    )
    if reply.is_success:
        await context.ask("alipay.trade.cancel", out_trade_no=number)
        return Verdict("done", evidence={"probe": "alipay.trade.precreate"})
    if reply.sub_code in NO_PRODUCT or any(word in reply.sub_code for word in NO_RIGHT):
        return Verdict("failed", "face_to_face_missing", {"sub_code": reply.sub_code})
    return unusable(reply)


async def check_mini_program(context: CheckContext) -> Verdict:
    reply = await context.ask("alipay.open.mini.baseinfo.query")
    if reply.is_success:
        return Verdict("done", evidence={"app_name": reply.data.get("app_name")})
    return unusable(reply)


async def check_domains(context: CheckContext) -> Verdict:
    reply = await context.ask("alipay.open.mini.baseinfo.query")
    if not reply.is_success:
        return unusable(reply)
    listed = set(reply.data.get("safe_domains") or ())
    missing = [host for host in context.hosts if host not in listed]
    if missing:
        return Verdict("failed", "domains_missing", {"missing": missing})
    return Verdict("done", evidence={"domains": list(context.hosts)})


async def add_domains(context: CheckContext, _form: Mapping[str, Any]) -> Verdict:
    before = await check_domains(context)
    for host in before.evidence.get("missing", ()):
        reply = await context.ask("alipay.open.mini.safedomain.create", safe_domain=host)
        if not reply.is_success:
            return unusable(reply)
    return before if "missing" not in before.evidence else await check_domains(context)


async def check_push(context: CheckContext) -> Verdict:
    """The platform does not report the result of a push; an enrolled device shows it."""
    if context.has_device:
        return Verdict("done", evidence=context.evidence.get("5.1", {}))
    return Verdict(None, "no_device_yet")


async def check_store(context: CheckContext) -> Verdict:
    return Verdict("done") if context.has_store else Verdict(None, "no_store_yet")


async def check_device(context: CheckContext) -> Verdict:
    if context.has_device:
        return Verdict("done", evidence=context.evidence.get("5.2", {}))
    return Verdict(None, "no_device_yet")


LIVE_CHECKED = frozenset({"2.2", "2.3"})
"""Rows that the live check of the app's keys settles (`live_check`)."""
CHECKS: Mapping[str, Check] = {
    "0.1": check_face_to_face,
    "1.2": check_mini_program,
    "2.1": check_domains,
    "5.0": check_store,
    "5.1": check_push,
    "5.2": check_device,
}
RUNS: Mapping[str, Run] = {"2.1": add_domains}
WATCHED = LIVE_CHECKED | {"0.1", "1.2", "2.1"}
"""Rows that are checked automatically while they wait or have failed, because Alipay does not
report their changes. Rows about our own tables need no check, and the device service checks the
life of the mini program (`releases`)."""
WAIT_FOR_KEYS = ("0.1", "2.1")
"""Rows that become due when the app has usable keys."""
CARRIED_OUT = frozenset({"2.1"})
"""Rows that are carried out automatically when they become due. They need no input of the merchant,
and change nothing that payments depend on."""
