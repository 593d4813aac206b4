"""Orders: exactly one per payment, as the merchant sees it in the order list.

A read model of `payment.events` (and of store names from `binding.events`); publishes nothing yet.
"""
