"""The payment channels, each reached through the egress only.

`port` defines the facts into which a channel's responses are translated; each other module calls
one channel. Owns no table, consumes no event, publishes none.
"""
