"""Tests of binding's room oversight (integration)."""
