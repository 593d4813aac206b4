"""Who is here and under which keys they trade: merchants, stores, staff, sessions, bound apps.

Owns the only copy of a merchant's application private key, sealed; nothing ever answers with it.
Publishes `binding.events` (merchant.created, store.created, app.bound, session.revoked); consumes
nothing.
"""
