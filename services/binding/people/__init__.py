"""Accounts and what they hold: staff, operators, one-time links, API keys, the first operator.

Owns the table api_keys; makes and uses the links that sign_in keeps.
Hears the edge's reports of use. Publishes api_key.revoked.
"""
