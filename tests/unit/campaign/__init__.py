"""Tests of campaign (unit)."""
