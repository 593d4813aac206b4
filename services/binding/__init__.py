"""Who is here and under which keys they trade: merchants, stores, staff, sessions, bound apps.

Owns the only copy of a merchant's application private key, sealed; nothing ever answers with it.
Keeps the audit log of the whole platform, one chain per tenant. Publishes `binding.events`
(merchant.created, store.created, store.renamed, app.bound, session.revoked, session.changed,
api_key.revoked); consumes `payment.events` (payment.refunded, payment.audited) and `device.events`
(device.audited) for the log.
"""
