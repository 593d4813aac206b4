"""Tests of gateway.alipay (unit)."""
