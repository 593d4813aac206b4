"""A merchant's settings: its bound apps, its own record, and changes that wait for a second person.

Owns the table app_changes: where the merchant asks for a second person (dual control), a change of
who is paid, of keys or of this rule itself waits here until somebody else approves it.
Hears nothing. Publishes nothing itself; what is approved is carried out by keys and tenancy.
"""
