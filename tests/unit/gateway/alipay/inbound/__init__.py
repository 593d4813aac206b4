"""Tests of gateway.alipay.inbound (unit)."""
