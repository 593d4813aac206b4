"""What proves and what seals, and knows nobody: password hashes, passkeys, keys that wrap keys.

Owns no table; reads the key-encryption key files. Hears and publishes nothing.
"""
