"""The channels that money comes through, each reached through the egress only.

`port` has the facts that a channel's answers become; each other module speaks to one channel.
Owns no table, hears no event, publishes none.
"""
