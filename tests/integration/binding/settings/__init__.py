"""Tests of binding's room settings (integration)."""
