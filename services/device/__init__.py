"""Which terminals exist, where they stand, and the key each of them signs with (`devices`).

Publishes `device.events` (device.enrolled, device.moved, device.revoked, device.audited); consumes
`binding.events` (store.created, store.renamed, role.left, password.renewed, merchant.suspended,
merchant.resumed).
"""
