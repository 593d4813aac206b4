"""The HTTP server of both processes: bounded connections, one parsed request, one answer.

Owns: the protocol of a connection (http1), who may hold how many of them (connections), requests,
answers and problems as the gateway sees them (asgi), the client's address behind proxies
(forwarded), the console's built files (static). Knows no service, no key and no channel.
"""
