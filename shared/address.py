"""Whose an address is: what one sender can change at will must not look like many senders."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

SITE_BITS = 64
"""What one subscriber gets of IPv6 at the least: it has 2^64 addresses to ask from."""


@lru_cache(maxsize=4096)
def share_of(address: str) -> str:
    """The name under which an address is counted: an IPv4 address is itself (also when it is
    written as IPv6), an IPv6 one its /64. What is no address is a name of its own."""
    if ":" not in address:
        return address
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), SITE_BITS), strict=False))
