"""Which terminals exist, where they stand, and the key each of them signs with (`devices`); the
state of a merchant's mini program at Alipay (`releases`, the upper room). Shared modules stand
beside them.

Publishes `device.events` (device.enrolled, device.moved, device.revoked, device.audited,
release.changed); consumes `binding.events` (store.created, store.renamed, role.left,
password.renewed, merchant.suspended, merchant.resumed, release.requested).
"""
