"""Tests of device (integration)."""
