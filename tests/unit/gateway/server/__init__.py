"""Tests of gateway.server (unit)."""
