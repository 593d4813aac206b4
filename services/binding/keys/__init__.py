"""Bound apps and their keys: read, checked, sealed, versioned, given to the gateway sealed.

Owns the tables apps, app_keys and key_pairs: the only stored copy of a merchant's application
private key. No answer holds it in clear.
Hears the egress's reports of use. Publishes app.bound.
"""
