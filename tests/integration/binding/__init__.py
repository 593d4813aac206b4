"""Tests of binding (integration)."""
