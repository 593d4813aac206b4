"""The notify inbox: asynchronous notices of the channel, stored once, then applied or queried.

Owns `notify_inbox`, `notify_refusals`, `notice_replays` and the functions in `store.sql`. Consumes
no event: the gateway's edge sends verified notices over a link, as documents in fen and instants
(shared.contracts.notices). Publishes payment.audited about replays; changes of payments are
published by the payment's settlement.
"""
