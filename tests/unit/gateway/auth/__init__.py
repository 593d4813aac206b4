"""Tests of gateway.auth (unit)."""
