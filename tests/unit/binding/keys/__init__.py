"""Tests of binding's room keys (unit)."""
