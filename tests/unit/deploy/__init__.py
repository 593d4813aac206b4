"""Tests of deploy (unit)."""
