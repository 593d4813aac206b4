"""Tests of deploy (integration)."""
