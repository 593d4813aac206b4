"""Groups client addresses by sender, so that a sender who changes addresses counts as one."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_network

SITE_BITS = 64
"""The smallest IPv6 network of one subscriber, who can send from any of its 2^64 addresses."""


@lru_cache(maxsize=4096)
def share_of(address: str) -> str:
    """The key under which requests from an address are counted: an IPv4 address itself (also when
    it is written as IPv6), the /64 network of an IPv6 address, and any other text unchanged."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), SITE_BITS), strict=False))
