"""Tests of binding's room people (integration)."""
