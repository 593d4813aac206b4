"""What the signing command line says of keys that it does not take."""

import pytest

from gateway.alipay.protocol import keys
from gateway.alipay.protocol.keys import BadKey
from tests.fixtures.keys import RsaPair


def test_the_wrong_half_is_named(app_keys: RsaPair) -> None:
    with pytest.raises(BadKey, match="a private key is needed"):
        keys.read_private(app_keys.public_b64)
    with pytest.raises(BadKey, match="a public key is needed"):
        keys.read_public(app_keys.private_b64)
