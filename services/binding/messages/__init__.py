"""App-gateway messages that the edge has verified: stored once, acted on by the worker.

Owns the table app_messages. Hears POST /internal/messages; publishes nothing. Other rooms register
a handler for a msg_method.
"""
