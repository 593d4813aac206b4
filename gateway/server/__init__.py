"""The HTTP server of both processes: bounded connections, one parsed request, one response.

Owns: the protocol of a connection (http1), the limits on connections (connections), requests,
responses and problems (asgi), what is written as one packet or before any app (writing), streamed
bodies (streaming), the client's address behind proxies (forwarded), the console's built files
(static). Depends on no service, no key and no channel.
"""
