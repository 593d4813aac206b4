"""Tests of binding's room sandbox (integration)."""
