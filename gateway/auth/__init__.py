"""Who is asking: devices and merchants' programs by HMAC, people by cookie, our own by token.

Owns: what the edge remembers of devices' credentials, sessions and API keys. Hears that one of them
was changed or revoked (binding.events, device.events) and forgets it at once. Publishes nothing.
"""
