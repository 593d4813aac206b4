"""Tests of order (unit)."""
