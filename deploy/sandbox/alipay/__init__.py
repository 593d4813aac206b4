"""Plays Alipay's open platform: gateway, ledger, async notifies, and an admin interface for tests.

Written from Alipay's protocol alone. It shares no code with the product, so that a mistake in
signing or cutting on either side shows up as a disagreement instead of cancelling out.
"""
