"""The demo merchant, without a stack."""
