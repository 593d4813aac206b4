"""Tests of binding's room crypto (unit)."""
