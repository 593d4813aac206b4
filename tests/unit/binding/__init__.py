"""Tests of binding (unit)."""
