"""Password hashing, verification of passkeys, key-encryption keys, the service's own signing key.

Owns no table; reads the files of keys. It knows no account and no merchant, so every other room may
import it. Consumes and publishes nothing.
"""
