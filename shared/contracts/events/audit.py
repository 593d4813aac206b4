"""Events about actions of people, for the audit log that binding keeps (S132).

Each service publishes them on its own topic, in the transaction of the change; binding chains them.
A fact with an event of its own (a refund) is not published a second time.
"""

from typing import Any, ClassVar

from shared.contracts.events.base import Event
from shared.contracts.instants import Instant


class AuditFact(Event):
    """Who did what to what; never a secret."""

    key_field: ClassVar[str] = "subject_id"

    actor: str
    """`user:<id>`, `api_key:<id>`, `device:<id>`, or the name of a command line"""
    action: str
    subject_id: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request_id: str | None = None
    address: str | None = None
    asked_at: Instant | None = None
    """the time of the action, if the event is published later: a refund that the channel refused"""


class DeviceAudited(AuditFact):
    """Somebody changed something about a device."""

    type: ClassVar[str] = "device.audited.v1"
    topic: ClassVar[str] = "device.events"


class CampaignAudited(AuditFact):
    """A draw, or a change of a campaign's rules."""

    type: ClassVar[str] = "campaign.audited.v1"
    topic: ClassVar[str] = "campaign.events"


class PaymentAudited(AuditFact):
    """A person acted at the payment service: a refund that was retried or refused, or the replay of
    a notice."""

    type: ClassVar[str] = "payment.audited.v1"
    topic: ClassVar[str] = "payment.events"
