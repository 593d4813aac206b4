"""Payments, refunds, and the inbox of a channel's asynchronous notices.

Owns every payment attempt from the device's request to its last refund. Rooms, from top to bottom:
`console`, `notices`, `refunds`, `payments`, `channels`; shared modules stand beside them.
Publishes `payment.events` (payment.succeeded, payment.failed, payment.closed, payment.reversed,
payment.refunded, payment.late_success, payment.audited); consumes `binding.events` (app.bound,
store.created, store.renamed, merchant.suspended, merchant.resumed) into local read models. Reaches
the channel only through the egress.
"""
