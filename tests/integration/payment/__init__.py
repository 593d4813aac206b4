"""Tests of payment (integration)."""
