"""Sessions that there are: shown, resolved for the edge, ended.

Owns the table sessions. Hears nothing. Publishes session.revoked and session.changed.
"""
