"""Tests of binding's room settings (unit)."""
