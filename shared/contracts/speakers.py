"""Which issuer may call which service as which kind of caller: checked for each service token."""

from collections.abc import Mapping

EDGE, EGRESS = "gateway-edge", "gateway-egress"
"""The issuers of the gateway; a service issues under its own name."""

SPEAKS: Mapping[str, Mapping[str, frozenset[str]]] = {
    EDGE: {
        "device": frozenset({"device", "payment", "campaign"}),
        "user": frozenset({"binding", "device", "payment", "campaign", "order"}),
        "pos": frozenset({"order"}),
        "service": frozenset({"binding", "device", "payment"}),
    },
    EGRESS: {"service": frozenset({"binding"})},
    "binding": {"service": frozenset({"egress"})},
    "device": {"service": frozenset({"egress"})},
    "payment": {"service": frozenset({"egress"})},
}
"""issuer -> kind -> audiences. Only the edge has seen the proof of a device, a person or a
merchant's program, so only the edge speaks as one; everybody else speaks as itself, to those it
calls. Campaign and order call nobody. What is not listed is refused, signed or not."""


def may_speak(issuer: object, kind: object, audience: str) -> bool:
    """Whether `audience` accepts a token of that issuer with that kind."""
    if not isinstance(issuer, str) or not isinstance(kind, str):
        return False
    return audience in SPEAKS.get(issuer, {}).get(kind, ())
