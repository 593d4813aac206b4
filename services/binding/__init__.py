"""Identities and keys: merchants, stores, staff, sessions, and the keys of bound apps.

Owns the only stored copy of a merchant's application private key, sealed; no response holds it in
clear. Keeps the audit log of the whole platform, one chain per tenant. Rooms, from top to bottom:
`oversight`, `sandbox` and `settings`; `onboarding`; `keys` and `people`; `acting`; `sign_in`;
`sessions`; `tenancy`; `audit`; `crypto`. What they share is in the root's modules; the table
data_keys belongs to `sealing` there. Nothing reads the table app_messages (docs/adr/0026).

Publishes `binding.events` (merchant.created, merchant.suspended, merchant.resumed, store.created,
store.renamed, app.bound, session.revoked, session.changed, api_key.revoked, role.left,
password.renewed, release.requested); consumes `payment.events` (payment.refunded,
payment.audited), `device.events` (device.audited) and `campaign.events` (campaign.audited) for the
log, and device.enrolled, device.revoked and release.changed for the onboarding map.
"""
