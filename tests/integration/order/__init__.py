"""Tests of order (integration)."""
