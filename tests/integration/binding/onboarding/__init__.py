"""Tests of binding's room onboarding (integration)."""
