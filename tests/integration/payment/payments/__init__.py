"""Tests of payment's room `payments` (integration)."""
