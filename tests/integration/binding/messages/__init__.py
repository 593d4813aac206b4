"""Tests of binding's room messages (integration)."""
