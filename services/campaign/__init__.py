"""Campaigns: one coupon and the lottery chances of each confirmed payment.

Consumes `payment.events` (payment.succeeded gives; payment.refunded, when full, and
payment.reversed take back) and `binding.events` (merchant.created makes the default campaign).
Publishes `campaign.events` (campaign.audited).
"""
