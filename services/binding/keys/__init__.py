"""Bound apps and their keys: they are read, checked, sealed and versioned, and the gateway gets
them sealed.

Owns the tables apps, app_keys and key_pairs: the only stored copy of a merchant's application
private key. No response holds it in clear. The egress reports when a version last signed.
Consumes nothing. Publishes app.bound.
"""
