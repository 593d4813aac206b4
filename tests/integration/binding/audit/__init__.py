"""Tests of binding's room audit (integration)."""
