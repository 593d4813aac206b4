"""Tests of binding's room acting (integration)."""
