"""An operator who acts for a merchant: for a reason, for a while, with more rights by consent.

Owns the tables acting and acting_grants (docs/adr/0019); sessions reads both, because a session
ends its acting. Hears nothing. Publishes session.changed.
"""
