"""A merchant's settings: its bound apps, its own record, and changes that wait for a second person.

Owns the table app_changes: where the merchant requires a second person (dual control), a change of
the payee, of keys or of this rule itself waits here until somebody else approves it.
Consumes nothing. Publishes nothing itself; keys and tenancy carry out what is approved.
"""
