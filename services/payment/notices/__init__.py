"""The notify inbox: what the channel reports by itself, stored once, then settled or looked into.

Owns `notify_inbox`, `notify_refusals`, `notice_replays` and the functions in `store.sql`. Hears no
event: the gateway's edge hands verified notices over by HTTP, as documents in fen and instants
(shared.contracts.notices). Publishes payment.audited about replays; what a notice changes is
published by the payment's settlement.
"""
