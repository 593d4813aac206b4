"""The consumers of Kafka events. Actions that other services report become entries of the audit
log. An enrolled device completes the device row of the onboarding map, and when the last device is
revoked the row opens again. What the device service reports about a mini program becomes its rows.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.binding.audit import log as audit_log
from services.binding.audit.log import ReportedAction
from services.binding.audit.record import PLATFORM_ACTOR
from services.binding.deps import Deps
from services.binding.onboarding import consumed
from shared.consumer import Handlers
from shared.contracts.events.audit import AuditFact, CampaignAudited, DeviceAudited, PaymentAudited
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked, ReleaseChanged
from shared.contracts.events.payment import PaymentRefunded

handlers = Handlers("binding")


@handlers.on(PaymentRefunded)
async def record_refunds(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[PaymentRefunded]
) -> None:
    """S132: who refunded how much, for which reason, when it was requested, and from which
    address."""
    facts = [
        ReportedAction(
            tenant_id=event.tenant_id,
            at=event.asked_at or event.refunded_at,
            actor=f"user:{event.requested_by}" if event.requested_by else PLATFORM_ACTOR,
            action="payment.refund",
            subject=str(event.payment_id),
            before={"refunded_fen": event.refunded_total_fen - event.refund_fen},
            after={
                "refunded_fen": event.refunded_total_fen,
                "refund_fen": event.refund_fen,
                "payable_fen": event.payable_fen,
                "out_trade_no": event.out_trade_no,
                "refund_request_id": event.refund_request_id,
                "reason": event.reason,
                "answered_at": event.refunded_at.isoformat(),
            },
            request_id=event.request_id,
            address=event.address,
        )
        for event in events
    ]
    await audit_log.record_reported(deps, pg, facts)


@handlers.on(DeviceAudited, PaymentAudited, CampaignAudited)
async def record_facts(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[AuditFact]
) -> None:
    facts = [
        ReportedAction(
            tenant_id=event.tenant_id,
            at=event.asked_at or event.occurred_at,
            actor=event.actor,
            action=event.action,
            subject=event.subject_id,
            before=event.before,
            after=event.after,
            request_id=event.request_id,
            address=event.address,
        )
        for event in events
    ]
    await audit_log.record_reported(deps, pg, facts)


@handlers.on(DeviceEnrolled)
async def note_devices(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[DeviceEnrolled]
) -> None:
    done = await consumed.devices_seen(pg, events, with_test_cashiers=deps.is_sandbox)
    facts = [
        ReportedAction(
            tenant_id=row["tenant_id"],
            at=row["at"],
            actor=PLATFORM_ACTOR,
            action="onboarding.done",
            subject=f"{row['app_id']}:{row['row']}",
            before={"state": row["state_before"]},
            after={"state": "done", "sn": row["sn"]},
        )
        for row in done
    ]
    await audit_log.record_reported(deps, pg, facts)


@handlers.on(DeviceRevoked)
async def note_gone_devices(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[DeviceRevoked]
) -> None:
    at = {event.tenant_id: event.occurred_at for event in events}
    facts = [
        ReportedAction(
            tenant_id=row["tenant_id"],
            at=at[row["tenant_id"]],
            actor=PLATFORM_ACTOR,
            action="onboarding.todo",
            subject=f"{row['app_id']}:{row['row']}",
            before={"state": "done"},
            after={"state": "todo"},
        )
        for row in await consumed.devices_gone(pg, events, with_test_cashiers=deps.is_sandbox)
    ]
    await audit_log.record_reported(deps, pg, facts)


@handlers.on(ReleaseChanged)
async def note_releases(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[ReleaseChanged]
) -> None:
    await audit_log.record_reported(deps, pg, await consumed.releases_changed(deps, pg, events))
