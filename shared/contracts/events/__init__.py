"""The contracts: every event that crosses a service border, declared once.

Additive only: inside a version a contract may gain optional members; anything else is a new
class with the next version. `tests/contract/events/golden` holds one sample per type.
"""

from shared.contracts.events import audit, binding, device, payment
from shared.contracts.events.base import Event, UnknownEvent, decode, known_types

__all__ = [
    "Event",
    "UnknownEvent",
    "audit",
    "binding",
    "decode",
    "device",
    "known_types",
    "payment",
]
