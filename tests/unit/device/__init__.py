"""Tests of device (unit)."""
