"""Takes money and gives it back: payments, refunds, the notify inbox, and their books.

Owns every payment attempt from the device's request to its last refund. Publishes `payment.events`
(payment.succeeded, failed, closed, reversed, refunded, late_success); consumes `binding.events`
(app.bound, store.created) into local read models. Reaches the channel only through the egress.
"""
