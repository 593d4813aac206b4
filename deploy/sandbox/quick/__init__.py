"""Alipay, played: the open-platform gateway, its ledger, its notifications. Shares no code."""
