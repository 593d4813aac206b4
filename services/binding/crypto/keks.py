"""The key-encryption keys, by who has to open what is sealed.

`app` wraps the data keys of what the egress signs with. `pos` wraps those of the API keys, which
the edge checks. `own` wraps those of secrets that never leave this service (TOTP secrets, changes
that wait for approval).
"""

from collections.abc import Mapping
from pathlib import Path

from shared.keys.sealed import LocalKeyProvider, SealBroken

OWN = "own"
KEK_OF = {
    "app-private-key": "app",
    "app-aes-key": "app",
    "app-auth-token": "app",
    "api-key": "pos",
}
"""purpose of the data key -> purpose of the key-encryption key; all others: OWN"""


class Keks:
    """The key-encryption keys of this service, by purpose; unwraps data keys under any of them."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.by_purpose = {purpose: LocalKeyProvider(path) for purpose, path in files.items()}

    def of(self, purpose: str) -> LocalKeyProvider:
        """The key that wraps data keys of that purpose."""
        return self.by_purpose[KEK_OF.get(purpose, OWN)]

    @property
    def kek_id(self) -> str:
        return self.by_purpose[OWN].kek_id

    def wrap(self, data_key: bytes) -> bytes:
        return self.by_purpose[OWN].wrap(data_key)

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        for provider in self.by_purpose.values():
            if provider.knows(kek_id):
                return provider.unwrap(kek_id, wrapped)
        raise SealBroken("sealed under another key-encryption key")
