"""Which terminals exist, where they stand, and the key each of them signs with (`devices`); how far
a merchant's mini program is at Alipay (`releases`, which stands above). What both share stands
beside them.

Publishes `device.events` (device.enrolled, device.moved, device.revoked, device.audited,
release.changed); consumes `binding.events` (store.created, store.renamed, role.left,
password.renewed, merchant.suspended, merchant.resumed, release.requested).
"""
