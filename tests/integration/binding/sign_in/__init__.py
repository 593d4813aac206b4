"""Tests of binding's room sign_in (integration)."""
