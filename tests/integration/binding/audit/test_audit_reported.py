"""What other services say of people's acts becomes entries of the merchant's audit log (S132)."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from services.binding.audit import log as audit_log
from services.binding.consumers import record_facts, record_refunds
from shared.contracts.events.audit import DeviceAudited, PaymentAudited
from shared.contracts.events.base import stamp
from shared.contracts.events.payment import PaymentRefunded
from tests.fixtures.events import sample

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"


async def test_what_other_services_did_is_in_the_log(binding, new_merchant, clock):
    """S132: refunds with who and why, pushes and revocations; each event once."""
    tenant_id, user = await new_merchant()
    refund = sample(
        PaymentRefunded, tenant_id=tenant_id, requested_by=str(user.user_id), reason="退货",
        refunded_at=clock.now(), asked_at=clock.now() - timedelta(minutes=3),
    )  # fmt: skip
    old = sample(
        PaymentRefunded, tenant_id=tenant_id, event_id=uuid4(), refunded_at=clock.now(),
        asked_at=None, request_id=None, address=None,
    )  # fmt: skip
    fact = DeviceAudited(
        **stamp(tenant_id, clock), actor="command-line", action="device.revoke",
        subject_id=str(uuid4()), after={"sn": "X"},
    )  # fmt: skip
    async with binding.deps.db.pg(None) as pg:
        await record_refunds(binding.deps, pg, [old, refund])
        await record_facts(binding.deps, pg, [fact])
    owner = binding.user(tenant_id, user.user_id, {"audit.read"})
    revoked, given, earlier = (await owner("GET", f"{M}/audit")).json()["items"][:3]
    assert datetime.fromisoformat(earlier["at"]) == old.refunded_at, "from before it was said"
    assert (revoked["action"], revoked["actor_name"], revoked["after"]) == (
        "device.revoke", "command-line", {"sn": "X"},
    )  # fmt: skip
    assert (given["action"], given["actor_name"]) == ("payment.refund", "owner@tea")
    assert given["subject"] == str(refund.payment_id)
    assert given["after"]["reason"] == "退货"
    assert given["after"]["refund_fen"] == refund.refund_fen
    assert (given["request_id"], given["address"]) == (refund.request_id, refund.address)
    assert datetime.fromisoformat(given["at"]) == refund.asked_at, "not when the channel answered"
    assert datetime.fromisoformat(given["after"]["answered_at"]) == refund.refunded_at
    assert (await audit_log.verify_audit(binding.deps, tenant_id)).is_intact


async def test_an_act_stands_at_the_time_it_was_asked_for(binding, new_merchant, clock):
    """A refusal is said when the channel answers; the person asked before."""
    tenant_id, user = await new_merchant()
    members = {
        "actor": f"user:{user.user_id}", "action": "payment.refund_refused",
        "subject_id": str(uuid4()), "request_id": "r-1", "address": "203.0.113.1",
    }  # fmt: skip
    asked_at = clock.now() - timedelta(minutes=3)
    facts = [
        PaymentAudited(**stamp(tenant_id, clock), **members),
        PaymentAudited(**stamp(tenant_id, clock), **members, asked_at=asked_at),
    ]
    async with binding.deps.db.pg(None) as pg:
        await record_facts(binding.deps, pg, facts)
    owner = binding.user(tenant_id, user.user_id, {"audit.read"})
    late, at_once = (await owner("GET", f"{M}/audit")).json()["items"][:2]
    assert datetime.fromisoformat(late["at"]) == asked_at
    assert datetime.fromisoformat(at_once["at"]) == facts[0].occurred_at
    assert (late["request_id"], late["address"]) == ("r-1", "203.0.113.1")
