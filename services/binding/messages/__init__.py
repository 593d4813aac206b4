"""App-gateway messages that the edge has verified: stored once, acted on by the worker.

Owns the table app_messages. The edge posts them to /internal/messages; other rooms register a
handler for a msg_method. Publishes nothing.
"""
