"""Who may speak as whom, to whom: the contract behind service tokens, and behind events."""

from collections.abc import Mapping

SPEAKS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "gateway-edge": {
        "device": frozenset({"device", "payment", "campaign"}),
        "user": frozenset({"binding", "device", "payment", "campaign", "order"}),
        "pos": frozenset({"order"}),
        "service": frozenset({"binding", "device", "payment"}),
    },
    "gateway-egress": {"service": frozenset({"binding"})},
    "binding": {"service": frozenset({"egress"})},
    "payment": {"service": frozenset({"egress"})},
}
"""issuer -> kind -> audiences. Only the edge has seen the proof of a device, a person or a
merchant's program, so only the edge speaks as one; everybody else speaks as itself, to those it
calls. Device, campaign and order call nobody. What is not listed is refused, signed or not."""


def may_speak(issuer: object, kind: object, audience: str) -> bool:
    """Whether that issuer may be heard there as one of that kind."""
    if not isinstance(issuer, str) or not isinstance(kind, str):
        return False
    return audience in SPEAKS.get(issuer, {}).get(kind, ())
