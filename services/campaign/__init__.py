"""Campaigns: one coupon and the lottery chances of each confirmed payment.

Consumes `payment.events` (payment.succeeded grants a reward; payment.refunded, when full, and
payment.reversed revoke it) and `binding.events` (merchant.created creates the default campaign).
Publishes `campaign.events` (campaign.audited).
"""
