"""Tests of binding's room commands (integration)."""
