"""Signing in, and what guards an account: password, second factor, passkeys, the brake.

Owns the tables login_tries, known_browsers, password_links, recovery_codes, passkeys,
passkey_challenges and refused_sign_ins.
Hears nothing. Publishes role.left and password.renewed.
"""
