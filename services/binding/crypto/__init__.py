"""Password hashing, verification of passkeys, key-encryption keys, the service's own signing key.

Owns no table; reads the files of keys. It knows no account and no merchant, so that everything else
may stand on it. Hears and publishes nothing.
"""
