"""Tests of payment (unit)."""
