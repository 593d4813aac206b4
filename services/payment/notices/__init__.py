"""The notify inbox: what the channel reports by itself, stored once, then settled or looked into.

Owns `notify_inbox`, `notify_refusals`, `notice_replays` and the functions in `store.sql`. Hears no
event: the gateway's edge hands verified notifications over by HTTP. Publishes payment.audited about
replays; what a notice changes is published by the payment's settlement.
"""
