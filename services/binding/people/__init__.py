"""Staff, operators, one-time links, API keys, and the first operator of a platform.

Owns the table api_keys; creates and uses the one-time links whose table sign_in owns. The edge
reports when an API key was last used. Consumes nothing. Publishes api_key.revoked, and through
sign_in also role.left and password.renewed.
"""
