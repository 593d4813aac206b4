"""Operators who act for a merchant: with a reason, for a limited time, with more rights by consent.

Owns the tables acting and acting_grants (docs/adr/0019). The room `sessions` reads both, because
the end of a session ends its acting. Consumes nothing. Publishes session.changed.
"""
