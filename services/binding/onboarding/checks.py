"""What each row of onboarding asks the open platform or our own tables, and what the answer means
for the row; rows about the life of the mini program are asked by the device service.

A verdict without a state says "cannot tell": the row stays as it is and says what to do. Only a
verified answer moves a row; an answer we do not know is never taken for "done" or "failed".
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.binding.egress import OpenPlatform
from shared.clock import Clock
from shared.contracts.verdicts import Said, Verdict, unusable
from shared.ids import trade_no

PROBE_FEN = 1
NO_PRODUCT = frozenset(
    {"ACQ.ACCESS_FORBIDDEN", "ACQ.MERCHANT_AGREEMENT_NOT_EXIST", "ACQ.MERCHANT_AGREEMENT_INVALID"}
)
NO_RIGHT = ("insufficient-isv-permissions", "no-product-reg")
"""How the gateway itself refuses a product that was not signed for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One merchant's app on its way, as the checks see it."""

    platform: OpenPlatform
    clock: Clock
    tenant_id: UUID
    app_id: str
    hosts: tuple[str, ...]
    """what the mini program must be allowed to call"""
    evidence: Mapping[str, Mapping[str, Any]]
    """what the rows hold so far"""
    has_device: bool
    has_store: bool = False

    async def ask(self, method: str, **params: Any) -> Said:
        return await self.platform.ask(self.tenant_id, self.app_id, method, params)


Check = Callable[[Case], Awaitable[Verdict]]
Run = Callable[[Case, Mapping[str, Any]], Awaitable[Verdict]]


def not_there(said: Said) -> Verdict:
    """The answer to a signed question about a trade that cannot exist: "not found", verified,
    proves that the platform accepts our signature and that we accept its own."""
    if said.outcome == "not_found":
        return Verdict("done", evidence={"probe": "alipay.trade.query"})
    return unusable(said)


async def check_face_to_face(case: Case) -> Verdict:
    """Asks for a code to scan over one fen and gives it up at once: nobody is charged."""
    number = trade_no(case.clock)
    said = await case.ask(
        "alipay.trade.precreate", out_trade_no=number, total_fen=PROBE_FEN, subject="当面付检测"
    )
    if said.is_success:
        await case.ask("alipay.trade.cancel", out_trade_no=number)
        return Verdict("done", evidence={"probe": "alipay.trade.precreate"})
    if said.sub_code in NO_PRODUCT or any(word in said.sub_code for word in NO_RIGHT):
        return Verdict("failed", "face_to_face_missing", {"sub_code": said.sub_code})
    return unusable(said)


async def check_mini_program(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.baseinfo.query")
    if said.is_success:
        return Verdict("done", evidence={"app_name": said.data.get("app_name")})
    return unusable(said)


async def check_domains(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.baseinfo.query")
    if not said.is_success:
        return unusable(said)
    listed = set(said.data.get("safe_domains") or ())
    missing = [host for host in case.hosts if host not in listed]
    if missing:
        return Verdict("failed", "domains_missing", {"missing": missing})
    return Verdict("done", evidence={"domains": list(case.hosts)})


async def add_domains(case: Case, _form: Mapping[str, Any]) -> Verdict:
    before = await check_domains(case)
    for host in before.evidence.get("missing", ()):
        said = await case.ask("alipay.open.mini.safedomain.create", safe_domain=host)
        if not said.is_success:
            return unusable(said)
    return before if "missing" not in before.evidence else await check_domains(case)


async def check_push(case: Case) -> Verdict:
    """The platform tells nobody how a push went: a device that signs in does."""
    if case.has_device:
        return Verdict("done", evidence=case.evidence.get("5.1", {}))
    return Verdict(None, "no_device_yet")


async def check_store(case: Case) -> Verdict:
    return Verdict("done") if case.has_store else Verdict(None, "no_store_yet")


async def check_device(case: Case) -> Verdict:
    if case.has_device:
        return Verdict("done", evidence=case.evidence.get("5.2", {}))
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
"""Rows that are looked at by themselves while they wait or have failed: what happens at Alipay
tells nobody. What our own tables know needs no look, and the life of the mini program is looked at
by the device service (`releases`)."""
WAIT_FOR_KEYS = ("0.1", "2.1")
"""Rows whose turn comes with keys that count."""
CARRIED_OUT = frozenset({"2.1"})
"""Rows that are carried out by themselves when their turn comes: nothing is asked of the merchant,
and nothing that sells is changed."""
