"""Tests of binding's room audit (unit)."""
