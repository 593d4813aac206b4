"""Which terminals exist, where they stand, and the key each of them signs with.

Owns enrolment codes and devices; a device's key is told once and kept sealed. Publishes
`device.events` (device.enrolled, device.moved, device.revoked, device.audited); consumes
`binding.events` (store.created, store.renamed, role.left, password.renewed,
merchant.suspended, merchant.resumed).
"""
