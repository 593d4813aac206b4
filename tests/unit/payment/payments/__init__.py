"""Tests of payment's room `payments` (unit)."""
