"""Campaigns: one coupon and the lottery chances of each confirmed payment.

Hears `payment.events` (grants on success, takes back on a full refund or reversal) and
`binding.events` (a new merchant gets the default campaign). Publishes nothing yet.
"""
