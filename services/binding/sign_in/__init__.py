"""Signing in, and what protects an account: password, second factor, passkeys, the throttle.

Owns the tables login_tries, known_browsers, password_links, recovery_codes, passkeys,
passkey_challenges and refused_sign_ins.
Consumes nothing. Publishes role.left and password.renewed.
"""
