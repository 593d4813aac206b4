"""Gives money back: reserved in the payment's row, written down, then asked of the channel.

Owns `refunds` and the functions in `store_worker.sql`. Hears no event. Publishes payment.refunded,
and payment.audited about refunds that are tried again or refused.
"""
