"""Under which name an address is counted."""

import pytest

from shared.address import share_of


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.7", "203.0.113.7"), ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"), ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1%eth0", "2001:db8:1:2::/64"), ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""), ("unix:", "unix:"),
    ],
)  # fmt: skip
def test_a_subscribers_addresses_are_one(address: str, name: str) -> None:
    assert share_of(address) == name
