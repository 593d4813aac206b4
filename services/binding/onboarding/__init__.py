"""The onboarding map: 16 rows from an empty account to the first payment (docs/adr/0014).

Owns the tables onboarding_rows, onboarding_drafts and known_devices. Asks the open platform through
the egress, with no transaction open, and makes the live check of new keys; the life of the mini
program is the device service's (docs/adr/0026).
Consumes device.enrolled, device.revoked and release.changed (`consumed`).
Publishes release.requested; keys that pass the live check are published by keys.
"""
