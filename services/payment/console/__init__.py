"""One payment as the merchant's people see it: with its refunds and the channel's notices.

Owns no table: it reads those of payments, refunds and notices. Consumes no event, publishes none.
"""
