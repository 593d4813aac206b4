"""One payment as the merchant's people see it: with its refunds and what the channel reported.

Owns no table: it reads those of payments, refunds and notices. Hears no event, publishes none.
"""
