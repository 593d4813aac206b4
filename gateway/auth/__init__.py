"""Authentication: devices and merchants' programs by HMAC, people by cookie, our services by token.

Owns: the edge's caches of devices' credentials, sessions and API keys. Consumes the events that one
of them was changed or revoked (binding.events, device.events) and drops it at once. Publishes
nothing.
"""
