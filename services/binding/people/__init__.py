"""Staff, operators, one-time links, API keys, and the first operator of a platform.

Owns the table api_keys; makes and uses the links that sign_in keeps. The edge reports when an API
key was last used. Hears nothing. Publishes api_key.revoked; by sign_in also role.left and
password.renewed.
"""
