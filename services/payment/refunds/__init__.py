"""Refunds: reserved in the payment's row, stored, then sent to the channel.

Owns `refunds` and the functions in `store_worker.sql`. Consumes no event. Publishes
payment.refunded, and payment.audited about refunds that are tried again or refused.
"""
