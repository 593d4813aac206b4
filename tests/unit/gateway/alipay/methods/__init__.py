"""Tests of gateway.alipay.methods (unit)."""
