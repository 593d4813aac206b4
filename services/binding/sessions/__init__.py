"""Open sessions: showing them, resolving them for the edge, ending them.

Owns the table sessions. Consumes nothing. Publishes session.revoked and session.changed.
"""
