"""Tests of campaign (integration)."""
