"""A merchant's settings pages: its bound apps and its own record.

Owns the table app_changes: where the merchant asks for a second person (dual control), a change of
what decides who is paid waits here until somebody else approves it.
Hears nothing. Publishes what the changed rooms publish (app.bound).
"""
