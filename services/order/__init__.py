"""Orders: exactly one per payment, as the merchant sees it in the order list.

A read model: consumes `payment.events` (payment.succeeded, payment.failed, payment.closed,
payment.reversed, payment.refunded, payment.late_success) and, for the names of stores,
`binding.events` (store.created, store.renamed). Publishes nothing.
"""
