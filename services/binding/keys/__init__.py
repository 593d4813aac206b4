"""Bound apps and their keys: read, checked, sealed and versioned, and given to the gateway sealed.

Owns the tables apps, app_keys and key_pairs: the only stored copy of a merchant's application
private key. No answer holds it in clear. The egress reports when a version last signed.
Hears nothing. Publishes app.bound.
"""
