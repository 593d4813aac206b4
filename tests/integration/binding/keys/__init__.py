"""Tests of binding's room keys (integration)."""
