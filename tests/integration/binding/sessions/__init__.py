"""Tests of binding's room sessions (integration)."""
