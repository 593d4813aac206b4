"""Tests of gateway.alipay.protocol (unit)."""
