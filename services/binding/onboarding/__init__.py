"""The onboarding map: each step from an empty account to the first payment (docs/adr/0014).

Owns the tables onboarding_rows, onboarding_drafts and known_devices. Asks the open platform through
the egress, with no transaction open, and makes the live check of new keys.
Hears device.enrolled and device.revoked (known_devices) and app-gateway messages (messages).
Publishes nothing itself; keys that pass the live check are published by keys.
"""
