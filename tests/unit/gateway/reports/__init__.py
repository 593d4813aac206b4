"""Tests of gateway.reports (unit)."""
