"""Tests of binding's room crypto (integration)."""
