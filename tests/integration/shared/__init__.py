"""Tests of shared (integration)."""
