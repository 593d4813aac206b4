"""Tests of gateway (unit)."""
